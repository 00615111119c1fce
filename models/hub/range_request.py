"""Opening a stretch of one remote file over HTTP: redirects, the token, and what the answers mean."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from models.hub.bounded_http import MOST_REDIRECTS, AnswerError, failed, next_address, same_origin
from models.hub.hub_client import HubClient
from models.hub.hub_errors import gated, no_usable_answer
from models.hub.retry import is_temporary, server_wait_s
from models.hub.snapshot import RemoteFile, Snapshot
from models.system.errors import StillroomError

# httpx logs every address at INFO, and a signed storage address is a secret.
logging.getLogger("httpx").setLevel(logging.WARNING)

_HEAD_S = 60.0
"""So long a server has for the head of an answer, whatever it sends meanwhile."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19}|\*)")
"""https://www.rfc-editor.org/rfc/rfc9110#name-content-range"""


class TryAgain(Exception):
    """A failure that passes; `wait_s` is the server's own wish, None leaves it to the caller."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class RangeIgnored(Exception):
    """The server sends the whole file whatever range is asked for."""


class Link:
    """The addresses of one file: the hub's, and the storage address it redirects to.

    The storage address is kept until it expires. The token goes to the hub's own origin only;
    it and the hub's address stay what they are when the link is made.
    """

    def __init__(
        self, client: httpx.AsyncClient, hub: HubClient, snapshot: Snapshot, file: RemoteFile
    ) -> None:
        self._client = client
        self._hub = hub.held()
        self._snapshot = snapshot
        self._file = file
        self._hub_url = self._hub.file_address(snapshot, file.path)
        self._storage_url: httpx.URL | None = None

    @property
    def host(self) -> str:
        """The hub's name for messages."""
        return self._hub.host

    @asynccontextmanager
    async def open(self, start: int, end: int, *, whole: bool = False) -> AsyncIterator[httpx.Response]:
        """Open the response with [start, end), or the whole file; read it with `aiter_raw` or `pieces`.

        Raises `TryAgain`, `RangeIgnored`, httpx's own errors for a broken connection, and `StillroomError`
        for what trying again does not mend.
        """
        url = self._storage_url or self._hub_url
        headers = {"Accept-Encoding": "identity"}
        if not whole:
            headers["Range"] = f"bytes={start}-{end - 1}"
        for _ in range(MOST_REDIRECTS):
            response = await self._head(url, headers)
            try:
                self._check_unchanged(response)
                if response.is_redirect:
                    url = self._next(url, response)
                    continue
                self._check_status(response, is_hubs_own=url == self._hub_url)
                self._check_range(response, start, end, whole=whole)
                # A redirect to the hub's own host leads to a storage address as well.
                self._storage_url = url if url != self._hub_url else None
                yield response
                return
            finally:
                await response.aclose()
        raise StillroomError(
            "{host} redirects in a circle.",
            "Try again later, or use another HF_ENDPOINT.",
            host=self._hub.host,
        )

    async def _head(self, url: httpx.URL, headers: dict[str, str]) -> httpx.Response:
        request = self._client.build_request("GET", url, headers=headers | self._authorization(url))
        try:
            async with asyncio.timeout(_HEAD_S):
                return await self._client.send(request, stream=True, follow_redirects=False)
        except httpx.InvalidURL as error:
            # httpx reads where a redirect leads, also where it is not followed.
            raise no_usable_answer(url.host, failed(error)) from error
        except TimeoutError as error:
            raise TryAgain("no answer in time") from error

    def _authorization(self, url: httpx.URL) -> dict[str, str]:
        token = self._hub.token() if same_origin(url, self._hub_url) else None
        return {"Authorization": f"Bearer {token}"} if token else {}

    def _next(self, url: httpx.URL, response: httpx.Response) -> httpx.URL:
        try:
            return next_address(url, response)
        except AnswerError as error:
            raise no_usable_answer(url.host, error) from error

    def _check_unchanged(self, response: httpx.Response) -> None:
        commit = response.headers.get("X-Repo-Commit", self._snapshot.commit)
        linked = response.headers.get("X-Linked-Etag", "").removeprefix("W/").strip('"')
        # One of another form says nothing about the content.
        another = _SHA256.fullmatch(linked) is not None and linked != self._file.sha256
        if commit != self._snapshot.commit or (self._file.sha256 and another):
            raise self._changed()

    def _check_status(self, response: httpx.Response, *, is_hubs_own: bool) -> None:
        status = response.status_code
        if status in (200, 206):
            return
        if is_temporary(status):
            raise TryAgain(f"HTTP {status}", server_wait_s(response.headers))
        if not is_hubs_own:
            # Signed addresses end after some minutes; the hub hands out a new one.
            self._storage_url = None
            raise TryAgain(
                f"HTTP {status} from the storage address", 0.0 if status in (401, 403, 410) else None
            )
        if status in (401, 403):
            raise gated(self._snapshot.repo, self._hub.endpoint)
        if status in (404, 410, 416):
            raise self._changed()
        raise StillroomError(
            "{host} refuses to send {file} (HTTP {status}).",
            "Try again later, or use another HF_ENDPOINT.",
            host=self._hub.host,
            file=self._file.path,
            status=status,
        )

    def _check_range(self, response: httpx.Response, start: int, end: int, *, whole: bool) -> None:
        size = self._file.bytes
        if response.status_code == 200:
            if not whole and (start, end) != (0, size):
                raise RangeIgnored
            if response.headers.get("Content-Length", str(size)) != str(size):
                raise self._changed()
            return
        match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != start or int(match[2]) >= end:
            if whole:
                raise no_usable_answer(response.url.host, AnswerError("it sends another part of the file"))
            raise RangeIgnored
        if match[3] not in ("*", str(size)):
            raise self._changed()

    def _changed(self) -> StillroomError:
        return StillroomError(
            "{file} of {repo} has changed on the server since the download began.",
            "Start the download again; files that are the same are kept.",
            file=self._file.path,
            repo=self._snapshot.repo,
        )
