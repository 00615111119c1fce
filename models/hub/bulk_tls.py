"""Connections that bring much: bodies over TLS are handed on in pieces larger than TLS's records.

A record holds 16 KB at most, and httpcore's own connection hands on one at a time: each then takes a turn of
the event loop and of four libraries. What has come is deciphered at once here.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any, cast
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from models.system.trusted_certificates import trusted_context

READ_BYTES = 1 << 20
"""So much is read of a connection at once at most."""

_KEPT_S = 5.0
"""So long a connection is kept without a request, as httpx keeps its own."""


def open_client(timeout: httpx.Timeout, *, most: int | None = None, proxy: str = "") -> httpx.AsyncClient:
    """Make a client with `most` connections at a time, by way of `proxy` where one is named. Use it as a
    context manager, on one asyncio loop."""
    return httpx.AsyncClient(
        transport=BulkTransport(most, proxy), timeout=timeout, headers={"User-Agent": "stillroom"}
    )


class BulkTransport(httpx.AsyncBaseTransport):
    """httpx's way to httpcore, with connections of ours: httpcore lets one choose what opens them, httpx's
    own transport does not. Without a `proxy` they are those of the environment, or of Windows' settings."""

    def __init__(self, most: int | None = None, proxy: str = "") -> None:
        self._most = most
        self._proxy = proxy
        self._context = trusted_context()
        self._pools: dict[str, httpcore.AsyncConnectionPool] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the answer's body is read from the connection."""
        url = request.url
        asked = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _errors_of_httpx():
            answer = await self._pool(self._proxy or _proxy_of(url)).handle_async_request(asked)
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer),
            extensions=dict(answer.extensions),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        for pool in self._pools.values():
            await pool.aclose()

    def _pool(self, proxy: str) -> httpcore.AsyncConnectionPool:
        if proxy not in self._pools:
            by = httpx.Proxy(proxy) if proxy else None
            self._pools[proxy] = httpcore.AsyncConnectionPool(
                ssl_context=self._context,
                proxy=httpcore.Proxy(str(by.url), by.raw_auth) if by is not None else None,
                max_connections=self._most,
                keepalive_expiry=_KEPT_S,
                network_backend=BulkBackend(),
            )
        return self._pools[proxy]


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert isinstance(self._answer.stream, AsyncIterable)
        with _errors_of_httpx():
            async for piece in self._answer.stream:
                yield piece

    async def aclose(self) -> None:
        with _errors_of_httpx():
            await self._answer.aclose()


@contextlib.contextmanager
def _errors_of_httpx() -> Iterator[None]:
    """Raise httpx's error of the same name in the place of httpcore's."""
    try:
        yield
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.ProxyError,
        httpcore.UnsupportedProtocol,
    ) as error:
        raise getattr(httpx, type(error).__name__)(str(error)) from error


def _proxy_of(url: httpx.URL) -> str:
    """Return the address of the proxy for `url`, empty where there is none."""
    named = getproxies()
    proxy = named.get(url.scheme) or named.get("all", "")
    if not proxy or proxy_bypass(url.host):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


class BulkBackend(httpcore.AnyIOBackend):
    """httpcore's way to open connections, whose TLS is ours."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Open a connection. Raises httpcore's errors."""
        return _Stream(await super().connect_tcp(host, port, timeout, local_address, socket_options))


class _Stream(httpcore.AsyncNetworkStream):
    """One of httpcore's connections whose TLS is ours. httpcore asks for 64 KB and takes what it gets."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._inner.read(max(max_bytes, READ_BYTES), timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        stream = _TlsStream(self, ssl_context, server_hostname)
        try:
            async with asyncio.timeout(timeout):
                await stream.shake_hands()
        except TimeoutError as error:
            await self.aclose()
            raise httpcore.ConnectTimeout from error
        except (ssl.SSLError, httpcore.NetworkError) as error:
            await self.aclose()
            raise httpcore.ConnectError(str(error)) from error
        except BaseException:
            await self.aclose()
            raise
        return stream

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _TlsStream(_Stream):
    """TLS over `inner`, which may be TLS itself (to a proxy)."""

    def __init__(self, inner: httpcore.AsyncNetworkStream, context: ssl.SSLContext, name: str | None) -> None:
        super().__init__(inner)
        self._received, self._to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._received, self._to_send, server_hostname=name)
        self._memory = memoryview(bytearray(READ_BYTES))

    async def shake_hands(self) -> None:
        """Do the TLS handshake. Raises `ssl.SSLError` and httpcore's errors."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._send(None)
                await self._receive(None)
            else:
                await self._send(None)
                return

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while True:
            try:
                data = self._decipher()
            except ssl.SSLWantReadError:
                await self._send(timeout)
                await self._receive(timeout)
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                # Whether that is too early is seen by the length of the answer.
                return b""
            except ssl.SSLError as error:
                raise httpcore.ReadError(str(error)) from error
            else:
                await self._send(timeout)
                return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = memoryview(buffer)
        while left:
            try:
                left = left[self._tls.write(left) :]
            except ssl.SSLWantReadError:
                await self._receive(timeout)
            except ssl.SSLError as error:
                raise httpcore.WriteError(str(error)) from error
            await self._send(timeout)

    def get_extra_info(self, info: str) -> Any:
        return self._tls if info == "ssl_object" else super().get_extra_info(info)

    def _decipher(self) -> bytes:
        """Return what has come, up to `READ_BYTES`. Raises `ssl.SSLError` where nothing has."""
        count = self._read_record(self._memory)
        # What ends it here ends the next call.
        with contextlib.suppress(ssl.SSLError):
            while count < READ_BYTES and (more := self._read_record(self._memory[count:])):
                count += more
        return bytes(self._memory[:count])

    def _read_record(self, memory: memoryview) -> int:
        return cast("int", self._tls.read(len(memory), memory))

    async def _send(self, timeout: float | None) -> None:
        if self._to_send.pending:
            await self._inner.write(self._to_send.read(), timeout)

    async def _receive(self, timeout: float | None) -> None:
        data = await self._inner.read(READ_BYTES, timeout)
        if data:
            self._received.write(data)
        else:
            self._received.write_eof()
