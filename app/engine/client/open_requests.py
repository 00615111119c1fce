"""Requests to the engine that are not answered yet. No thread of its own: its owner holds a lock."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from app.engine.protocol import Embed, Generate, ListDevices, Load, Measure, PlanLoad, Tokenize, Unload

Answered = Load | Unload | Generate | Tokenize | Embed | ListDevices | PlanLoad | Measure
"""Requests that end in an answer."""


@dataclass(slots=True, eq=False)
class Pending:
    """A request, who waits for its end, and who hears of it meanwhile."""

    request: Answered
    future: "Future[Any]"
    on_event: Callable[[Any], None] | None = None


class PendingRequests:
    """The requests in the order in which the engine serves them."""

    def __init__(self) -> None:
        self._pending: dict[int, Pending] = {}

    def __bool__(self) -> bool:
        return bool(self._pending)

    def __contains__(self, request_id: object) -> bool:
        return request_id in self._pending

    def add(self, pending: Pending) -> None:
        """Append a request."""
        self._pending[pending.request.request_id] = pending

    def find(self, request_id: int) -> Pending | None:
        """Return the request with this id, if it is not answered."""
        return self._pending.get(request_id)

    def pop(self, request_id: int) -> Pending | None:
        """Take it out: it is answered."""
        return self._pending.pop(request_id, None)

    def take_all(self) -> list[Pending]:
        """Take everything out: the engine is gone."""
        taken = list(self._pending.values())
        self._pending.clear()
        return taken

    def loads(self, path: str = "") -> list[Load]:
        """Return the loads of one file, or all."""
        requests = [pending.request for pending in self._pending.values()]
        return [request for request in requests if isinstance(request, Load) and path in ("", request.path)]

    @property
    def has_replies(self) -> bool:
        """A reply is asked for and has not ended."""
        return any(isinstance(pending.request, Generate) for pending in self._pending.values())

    def waits_for_load(self, request: Answered) -> bool:
        """Tell whether the engine has a model to load before this request."""
        if isinstance(request, Load):
            return False
        before = takewhile(lambda other: other.request is not request, self._pending.values())
        return any(isinstance(pending.request, Load) for pending in before)

    def take_dependants(self, path: str) -> list[Pending]:
        """Take out what needs the model of this file."""
        dependants = [
            pending
            for pending in self._pending.values()
            if isinstance(pending.request, Generate | Tokenize | Embed) and pending.request.model == path
        ]
        for pending in dependants:
            del self._pending[pending.request.request_id]
        return dependants
