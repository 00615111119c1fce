"""One connection, which does not wait for ever for a request."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Protocol, cast, runtime_checkable

from uvicorn.protocols.http.h11_impl import H11Protocol

from app.server.access.server_limits import Limits

Headers = Iterable[tuple[bytes, bytes]]
"""Names in lower case, and values."""

PIECE_BYTES = 4096
"""Read between two turns of the loop: of a body in chunks of one byte each, h11 reads 16 KB in a tenth of a
second."""


@runtime_checkable
class Waiting(Protocol):
    """A connection that can make way for another one."""

    @property
    def is_waited_for(self) -> bool:
        """Its client has something to do, and not this program."""

    @property
    def rank(self) -> tuple[bool, float]:
        """The lowest makes way first."""

    def make_way(self) -> None:
        """Close it without a word, at once."""


class ImpatientConnection(H11Protocol):
    """uvicorn's own, with limits to how long the headers may take and an answer may wait to be read, to how
    many connections there are, and to how long one has the loop for itself.

    uvicorn waits without a limit for the rest of the headers; a hundred clients that send a byte now and then
    (Slowloris) would hold a hundred connections, and so would a hundred that ask and never read. Where there
    are too many, one that is waited for makes way: first those that have never shown the key, the one that
    has been waited for longest first, so that nobody locks out who has it.
    """

    limits = Limits()
    knows: Callable[[Headers], bool] = staticmethod(lambda headers: False)
    """Tells whether a request's headers hold the key."""
    has_shown_key = False
    _waiting_since_s = 0.0
    _head_timer: asyncio.TimerHandle | None = None
    _unread_timer: asyncio.TimerHandle | None = None
    _unread_bytes = 0
    """Of the answer, when it was last looked at."""
    _unfed = b""
    """Received, and not yet given to h11."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for a request."""
        super().connection_made(transport)
        make_way_for(self, self)
        if not transport.is_closing():
            self._wait_for_head()

    @property
    def is_waited_for(self) -> bool:
        """The client has not asked for anything, or does not read its answer."""
        return self._has_to_ask or self.flow.write_paused

    @property
    def _has_to_ask(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        """More of a request; the first byte of another one starts the clock again."""
        if self._head_timer is None and self._has_to_ask:
            self._wait_for_head()
        is_feeding = bool(self._unfed)
        self._unfed += data
        if not is_feeding:
            self._feed()

    def _feed(self) -> None:
        """Give h11 the next piece, and the others their turn before the one after it."""
        if self.transport.is_closing():
            self._unfed = b""
            return
        piece, self._unfed = self._unfed[:PIECE_BYTES], self._unfed[PIECE_BYTES:]
        super().data_received(piece)
        if self._unfed:
            self.transport.pause_reading()
            self.loop.call_soon(self._feed)
        elif not self.flow.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        """So much of the answer is unread that no more is sent: the client has to read on in time."""
        super().pause_writing()
        self._waiting_since_s = self.loop.time()
        self._wait_for_reader()

    def resume_writing(self) -> None:
        """It has read on."""
        self._stop_waiting_for_reader()
        super().resume_writing()

    def _wait_for_reader(self) -> None:
        self._unread_bytes = self.transport.get_write_buffer_size()
        self._unread_timer = self.loop.call_later(self.limits.send_s, self._look_at_unread)

    def _look_at_unread(self) -> None:
        if self.transport.get_write_buffer_size() < self._unread_bytes:
            self._wait_for_reader()
        else:
            self._unread_timer = None
            self.transport.abort()

    def _stop_waiting_for_reader(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def handle_events(self) -> None:
        """Once the headers are there, the clock stops: the body has its own."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._stop_waiting()
            self.has_shown_key = self.has_shown_key or self.knows(self.cycle.scope["headers"])

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._unfed = b""
        self._stop_waiting()
        self._stop_waiting_for_reader()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """The next request is waited for."""
        self._waiting_since_s = self.loop.time()
        super().on_response_complete()

    def _wait_for_head(self) -> None:
        self._waiting_since_s = self._waiting_since_s or self.loop.time()
        self._head_timer = self.loop.call_later(self.limits.head_s, self._give_up)

    def _give_up(self) -> None:
        self._head_timer = None
        self.transport.abort()

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def make_way(self) -> None:
        """Close it without a word, at once."""
        self._stop_waiting()
        self._stop_waiting_for_reader()
        self.connections.discard(self)
        self.transport.abort()

    @property
    def rank(self) -> tuple[bool, float]:
        """The lowest makes way first."""
        return self.has_shown_key, self._waiting_since_s


def make_way_for(newcomer: Waiting, connection: ImpatientConnection) -> None:
    """Close the connection that is missed least where one more is one too many; the new one where all others
    are at work. `connection` is the newcomer's, or will be."""
    if len(connection.connections) > connection.limits.connections:
        waited_for = [
            other
            for other in cast("set[object]", connection.connections)
            if isinstance(other, Waiting) and other is not newcomer and other.is_waited_for
        ]
        min(waited_for, key=lambda other: other.rank, default=newcomer).make_way()


def connection_class(limits: Limits, knows: Callable[[Headers], bool]) -> type[Any]:
    """The connections of one server; `knows` says whether a request's headers hold the key."""
    return type("Connection", (ImpatientConnection,), {"limits": limits, "knows": staticmethod(knows)})
