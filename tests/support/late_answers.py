"""Answers that come late: a slow part finds something, and says it when the test lets it."""

import threading
from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

from tests.support.held_disk import HANGS_S

P = ParamSpec("P")
T = TypeVar("T")


class Late(Generic[P, T]):
    """Stands before a function that is called on other threads: each call does its work at once, and gives
    what it found only after `let`."""

    def __init__(self, work: Callable[P, T]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._gates: list[threading.Event] = []
        self._is_open = False

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        found = self._work(*args, **kwargs)
        gate = threading.Event()
        with self._lock:
            if self._is_open:
                return found
            self._gates.append(gate)
        assert gate.wait(HANGS_S)
        return found

    @property
    def waiting(self) -> int:
        """The number of calls that have found something so far."""
        return len(self._gates)

    def let(self, number: int) -> None:
        """Let one of them answer; the first is 0."""
        self._gates[number].set()

    def let_all(self) -> None:
        """Let all answer, also those that are still to come."""
        with self._lock:
            self._is_open = True
            for gate in self._gates:
                gate.set()
