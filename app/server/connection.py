"""One connection, which does not wait for ever for a request."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from app.server.config import Limits


class ImpatientConnection(H11Protocol):
    """uvicorn's own, with a limit to how long the headers may take and to how many connections there are.

    uvicorn waits without a limit for the rest of the headers; a hundred clients that send a byte now and then
    (Slowloris) would hold a hundred connections.
    """

    limits = Limits()
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for a request."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            transport.abort()
            return
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """More of a request; the first byte of another one starts the clock again."""
        if self._head_timer is None and (self.cycle is None or self.cycle.response_complete):
            self._wait_for_head()
        super().data_received(data)

    def handle_events(self) -> None:
        """Once the headers are there, the clock stops: the body has its own."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(self.limits.head_s, self._give_up)

    def _give_up(self) -> None:
        self._head_timer = None
        self.transport.abort()

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def connection_class(limits: Limits) -> type[Any]:
    """The connections of one server."""
    return type("Connection", (ImpatientConnection,), {"limits": limits})
