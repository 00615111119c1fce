"""Answers over HTTP of servers that nobody vouches for: bounded in size, also unpacked, and in time.

What arrives packed may be a thousand times larger unpacked, a body may never end, and a byte now and then
keeps a time limit between two pieces from ever being reached.
"""

import asyncio
import threading
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from models.system.progress import WAKE_S, raise_if_cancelled
from models.system.trusted_certificates import trusted_context
from models.system.units import byte_count

T = TypeVar("T")

CONNECT_S = 15.0
SILENT_S = 20.0
WHOLE_S = 60.0
"""So long a server has for a whole answer, whatever it sends meanwhile."""

MOST_REDIRECTS = 10
_ZLIB_OR_GZIP = 47
"""`wbits` of zlib that recognises either header (https://docs.python.org/3/library/zlib.html)."""


class AnswerError(Exception):
    """No answer that can be used. Its text is the reason; `passes` tells whether asking again may help."""

    def __init__(self, reason: str, *, passes: bool = False) -> None:
        super().__init__(reason)
        self.passes = passes


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of any status, unpacked. `address` is where it came from at last."""

    status: int
    headers: Mapping[str, str]
    data: bytes
    address: str


def ask(
    address: str,
    most_bytes: int,
    headers: Mapping[str, str] | None = None,
    *,
    client: httpx.AsyncClient | None = None,
    whole_s: float | None = None,
    redirects: bool = True,
    cancel: threading.Event | None = None,
) -> Answer:
    """Request `address` with GET; blocks up to `whole_s` (`WHOLE_S`), any thread.

    A key in the `headers` ("Authorization") goes to the address's own origin only. A `client` made for this
    call is closed. Raises `AnswerError`, with httpx's own error as its cause where there is one, and
    `Cancelled`.
    """
    if client is None:
        client = make_client()
    whole_s = WHOLE_S if whole_s is None else whole_s
    work = _ask(client, address, most_bytes, headers or {}, whole_s, redirects, cancel)
    # The caller's thread may have a loop already.
    with ThreadPoolExecutor(1, "ask") as pool:
        return pool.submit(asyncio.run, work).result()


def make_client(proxy: str = "") -> httpx.AsyncClient:
    """Make a client for `ask`, by way of `proxy`; empty is the system's. Raises `AnswerError` for none."""
    timeout = httpx.Timeout(SILENT_S, connect=CONNECT_S)
    try:
        return httpx.AsyncClient(timeout=timeout, proxy=proxy or None, verify=trusted_context())
    except (httpx.InvalidURL, ValueError, ImportError) as error:
        # SOCKS takes a library that Stillroom does without.
        raise AnswerError("the proxy's address is none of the web") from error


async def until_cancelled(
    work: Coroutine[Any, Any, T],
    cancel: threading.Event | None,
    on_wait: Callable[[], object] = lambda: None,
) -> T:
    """Do `work` on the present loop, and call `on_wait` every `WAKE_S` meanwhile.

    Raises `Cancelled` once `cancel` is set and the work has let go.
    """
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=WAKE_S)
            if not task.done():
                raise_if_cancelled(cancel)
            on_wait()
        return task.result()
    finally:
        task.cancel()
        await asyncio.wait({task})


async def lines(answer: httpx.Response, longest_bytes: int, most_bytes: int) -> AsyncIterator[str]:
    """Yield the lines of a streamed answer that are not empty. Raises `AnswerError` and httpx's errors."""
    _refuse_packed(answer)
    rest = bytearray()
    came = 0
    async for piece in answer.aiter_raw():
        came += len(piece)
        if came > most_bytes:
            raise AnswerError("the answer is too long")
        *whole, last = piece.split(b"\n")
        for line in whole:
            if line or rest:
                yield _line(rest + line, longest_bytes)
                rest = bytearray()
        rest += last
        if len(rest) > longest_bytes:
            raise AnswerError("a line of the answer is too long")
    if rest:
        yield _line(rest, longest_bytes)


async def whole_body(answer: httpx.Response, most_bytes: int) -> bytes:
    """Read the rest of a streamed answer, unpacked. Raises `AnswerError` and httpx's errors."""
    unpack = _Unpacking(answer.headers.get("Content-Encoding", ""), most_bytes)
    async for piece in answer.aiter_raw():
        unpack.feed(piece)
    return bytes(unpack.data)


def next_address(url: httpx.URL, answer: httpx.Response) -> httpx.URL:
    """Return the address that a redirect of `url` names. Raises `AnswerError` for one not to follow."""
    try:
        target = url.join(answer.headers["Location"])
    except KeyError as error:
        raise AnswerError("it redirects without an address") from error
    except (httpx.InvalidURL, ValueError) as error:
        raise AnswerError("it redirects to no address") from error
    if not is_web_address(target):
        raise AnswerError("it redirects to an address that is none of the web")
    if url.scheme == "https" and target.scheme != "https":
        raise AnswerError("it redirects to an unencrypted address, which Stillroom does not follow")
    return target


def is_web_address(url: httpx.URL) -> bool:
    """Tell whether somebody can be asked there over HTTP."""
    port = 80 if url.port is None else url.port
    # httpx writes so what no name can hold; only IPv6 addresses have one, before their zone.
    is_host = bool(url.host) and ("%" not in url.host or ":" in url.host)
    return url.scheme in ("http", "https") and is_host and 0 < port < 1 << 16


def same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    """Tell whether what is secret to one address may go to the other."""
    return _origin(one) == _origin(other)


def failed(error: httpx.HTTPError | httpx.InvalidURL) -> AnswerError:
    """Return the reason of an error of httpx's, and whether it may pass."""
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return AnswerError("its address is none of the web")
    if isinstance(error, httpx.TimeoutException):
        return AnswerError("it did not answer in time", passes=True)
    # A connection that ends too early is told in the same class as what is no HTTP at all.
    words = str(error)
    if isinstance(error, httpx.ProtocolError) and not words.startswith(("Server disconnected", "peer ")):
        return AnswerError("what it sends is no HTTP")
    return AnswerError(words.rstrip(".") or type(error).__name__, passes=True)


async def _ask(
    client: httpx.AsyncClient,
    address: str,
    most_bytes: int,
    headers: Mapping[str, str],
    whole_s: float,
    redirects: bool,
    cancel: threading.Event | None,
) -> Answer:
    async with client:
        work = _within(client, address, most_bytes, headers, whole_s, redirects)
        return await until_cancelled(work, cancel)


async def _within(
    client: httpx.AsyncClient,
    address: str,
    most_bytes: int,
    headers: Mapping[str, str],
    whole_s: float,
    redirects: bool,
) -> Answer:
    try:
        async with asyncio.timeout(whole_s):
            return await _follow(client, httpx.URL(address), most_bytes, headers, redirects)
    except TimeoutError as error:
        raise AnswerError(f"it sent no whole answer within {whole_s:.0f} s") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise failed(error) from error


async def _follow(
    client: httpx.AsyncClient, first: httpx.URL, most_bytes: int, headers: Mapping[str, str], redirects: bool
) -> Answer:
    url = first
    if not is_web_address(url):
        raise AnswerError("its address is none of the web")
    for _ in range(MOST_REDIRECTS):
        sent = {"User-Agent": "stillroom", **headers, "Accept-Encoding": "gzip"}
        if not same_origin(url, first):
            sent.pop("Authorization", None)
        request = client.build_request("GET", url, headers=sent)
        answer = await client.send(request, stream=True, follow_redirects=False)
        try:
            if not answer.is_redirect or not redirects:
                data = await whole_body(answer, most_bytes)
                return Answer(answer.status_code, answer.headers, data, str(url))
            url = next_address(url, answer)
        finally:
            await answer.aclose()
    raise AnswerError("it redirects in a circle")


class _Unpacking:
    """Unpacks a body up to `most_bytes`, and no byte further."""

    def __init__(self, encoding: str, most_bytes: int) -> None:
        self.data = bytearray()
        self._most_bytes = most_bytes
        self._unpacker = None
        if encoding.strip().lower() in ("gzip", "x-gzip", "deflate"):
            self._unpacker = zlib.decompressobj(_ZLIB_OR_GZIP)
        elif encoding.strip().lower() not in ("", "identity"):
            raise AnswerError("its answer is packed in a way that was not asked for")

    def feed(self, piece: bytes) -> None:
        """Take the next bytes as they came. Raises `AnswerError`."""
        if self._unpacker is not None:
            try:
                piece = self._unpacker.decompress(piece, self._most_bytes - len(self.data) + 1)
            except zlib.error as error:
                raise AnswerError("its answer cannot be unpacked") from error
        self.data += piece
        if len(self.data) > self._most_bytes:
            raise AnswerError(f"its answer has more than {byte_count(self._most_bytes)}")


def _refuse_packed(answer: httpx.Response) -> None:
    if answer.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise AnswerError("its answer is packed in a way that was not asked for")


def _line(line: bytearray, longest_bytes: int) -> str:
    if len(line) > longest_bytes:
        raise AnswerError("a line of the answer is too long")
    return line.removesuffix(b"\r").decode("utf-8", "replace")


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    # httpx leaves a port out that is the scheme's own.
    return url.scheme, url.host, url.port
