"""The TLS handshake of a connection, which is counted and waited for like any other."""

import asyncio
import contextlib
import ssl
from typing import Any

from app.server.access.connection import ImpatientConnection, make_way_for


class Handshake(asyncio.Protocol):
    """Stands for a connection until its handshake is done, and hands over to it then. The server's thread.

    asyncio's own comes before any protocol: hundreds of clients that connect and stay silent would hold as
    many connections, for a minute each, and no limit would count them.
    """

    is_waited_for = True

    def __init__(self, connection: ImpatientConnection, context: ssl.SSLContext) -> None:
        self._connection = connection
        self._context = context
        self._since_s = 0.0
        self._transport: asyncio.Transport | None = None
        self._work: asyncio.Task[None] | None = None
        self._early = b""
        """Came together with the end of the handshake."""
        self._is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake, where there is room for one more."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._since_s = self._connection.loop.time()
        self._connection.connections.add(self)  # type: ignore[arg-type]  # uvicorn calls `shutdown` alone
        make_way_for(self, self._connection)
        if not transport.is_closing():
            # Its bytes are for the handshake.
            transport.pause_reading()
            self._work = self._connection.loop.create_task(self._shake_hands(transport))

    def data_received(self, data: bytes) -> None:
        """Keep the beginning of a request until the connection is there."""
        self._early += data

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over before it began."""
        self._is_lost = True
        self._connection.connections.discard(self)

    async def _shake_hands(self, transport: asyncio.Transport) -> None:
        connection, wait_s = self._connection, self._connection.limits.head_s
        encrypted: asyncio.Transport | None = None
        # No TLS, another version, a client that is silent or gone: `ssl.SSLError` is an `OSError`.
        with contextlib.suppress(OSError):
            encrypted = await connection.loop.start_tls(
                transport, self, self._context, server_side=True, ssl_handshake_timeout=wait_s
            )
        connection.connections.discard(self)
        if encrypted is None or self._is_lost:
            transport.abort()
            return
        encrypted.set_protocol(connection)
        connection.connection_made(encrypted)
        if self._early:
            connection.data_received(self._early)

    def make_way(self) -> None:
        """Close it without a word, at once."""
        self._connection.connections.discard(self)
        if self._transport is not None:
            self._transport.abort()

    shutdown = make_way

    @property
    def rank(self) -> tuple[bool, float]:
        """The lowest makes way first."""
        return False, self._since_s


def handshake_of(
    connections: type[ImpatientConnection], context: ssl.SSLContext, **made_of: Any
) -> Handshake:
    """Make a connection of this class, of what uvicorn gives it, and the handshake before it."""
    return Handshake(connections(**made_of), context)
