"""Connections that bring much: bodies over TLS are handed on in pieces larger than TLS's records.

A record holds 16 KB at most, and httpcore's own connection hands on one at a time: each then takes a turn of
the event loop and of four libraries. What has come is deciphered at once here.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Iterable
from typing import Any, cast

import httpcore
import httpx

READ_BYTES = 1 << 20
"""So much is read of a connection at once at most."""

# httpcore asks for 64 KB.
httpcore.AsyncHTTP11Connection.READ_NUM_BYTES = READ_BYTES


def open_client(timeout: httpx.Timeout, *, most: int | None = None) -> httpx.AsyncClient:
    """Make a client with `most` connections at a time. Use it as a context manager, on one asyncio loop."""
    limits = httpx.Limits(max_connections=most)
    client = httpx.AsyncClient(timeout=timeout, limits=limits, headers={"User-Agent": "stillroom"})
    # httpcore lets one choose what opens connections, httpx does not pass it on.
    for transport in (client._transport, *client._mounts.values()):
        if isinstance(transport, httpx.AsyncHTTPTransport):
            transport._pool._network_backend = _Backend()
    return client


class _Backend(httpcore.AnyIOBackend):
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return _Stream(await super().connect_tcp(host, port, timeout, local_address, socket_options))


class _Stream(httpcore.AsyncNetworkStream):
    """One of httpcore's connections whose TLS is ours."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._inner.read(max_bytes, timeout)

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
        self._memory = bytearray()

    async def shake_hands(self) -> None:
        """Do the TLS handshake. Raises `ssl.SSLError` and httpcore's errors."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._send(None)
                await self._receive(READ_BYTES, None)
            else:
                await self._send(None)
                return

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while True:
            try:
                data = self._decipher(max_bytes)
            except ssl.SSLWantReadError:
                await self._send(timeout)
                await self._receive(max_bytes, timeout)
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
                await self._receive(READ_BYTES, timeout)
            except ssl.SSLError as error:
                raise httpcore.WriteError(str(error)) from error
            await self._send(timeout)

    def get_extra_info(self, info: str) -> Any:
        return self._tls if info == "ssl_object" else super().get_extra_info(info)

    def _decipher(self, most: int) -> bytes:
        """Return what has come, up to `most` bytes. Raises `ssl.SSLError` where nothing has."""
        if len(self._memory) < most:
            self._memory = bytearray(most)
        memory = memoryview(self._memory)[:most]
        count = self._read_record(memory)
        # What ends it here ends the next call.
        with contextlib.suppress(ssl.SSLError):
            while count < most and (more := self._read_record(memory[count:])):
                count += more
        return bytes(memory[:count])

    def _read_record(self, memory: memoryview) -> int:
        return cast("int", self._tls.read(len(memory), memory))

    async def _send(self, timeout: float | None) -> None:
        if self._to_send.pending:
            await self._inner.write(self._to_send.read(), timeout)

    async def _receive(self, most: int, timeout: float | None) -> None:
        data = await self._inner.read(most, timeout)
        if data:
            self._received.write(data)
        else:
            self._received.write_eof()
