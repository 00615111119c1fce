"""One connection, which does not wait for ever for a request."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from app.server.access.server_limits import Limits

Headers = Iterable[tuple[bytes, bytes]]
"""Names in lower case, and values."""


class ImpatientConnection(H11Protocol):
    """uvicorn's own, with a limit to how long the headers may take and to how many connections there are.

    uvicorn waits without a limit for the rest of the headers; a hundred clients that send a byte now and then
    (Slowloris) would hold a hundred connections. Where there are too many, one that is waited for makes way:
    first those that have never shown the key, the one that has been waited for longest first, so that nobody
    locks out who has it.
    """

    limits = Limits()
    knows: Callable[[Headers], bool] = staticmethod(lambda headers: False)
    """Tells whether a request's headers hold the key."""
    has_shown_key = False
    _waiting_since_s = 0.0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for a request."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            _make_way(self)
        if not transport.is_closing():
            self._wait_for_head()

    @property
    def is_waited_for(self) -> bool:
        """No request of it is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        """More of a request; the first byte of another one starts the clock again."""
        if self._head_timer is None and self.is_waited_for:
            self._wait_for_head()
        super().data_received(data)

    def handle_events(self) -> None:
        """Once the headers are there, the clock stops: the body has its own."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._stop_waiting()
            self.has_shown_key = self.has_shown_key or self.knows(self.cycle.scope["headers"])

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._stop_waiting()
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
        self.connections.discard(self)
        self.transport.abort()

    @property
    def rank(self) -> tuple[bool, float]:
        """The lowest makes way first."""
        return self.has_shown_key, self._waiting_since_s


def _make_way(newcomer: ImpatientConnection) -> None:
    """Close the connection that is missed least; the new one where all others are at work."""
    waited_for = [
        other
        for other in newcomer.connections
        if isinstance(other, ImpatientConnection) and other is not newcomer and other.is_waited_for
    ]
    min(waited_for, key=lambda other: other.rank, default=newcomer).make_way()


def connection_class(limits: Limits, knows: Callable[[Headers], bool]) -> type[Any]:
    """The connections of one server; `knows` says whether a request's headers hold the key."""
    return type("Connection", (ImpatientConnection,), {"limits": limits, "knows": staticmethod(knows)})
