"""The present work of the engine's thread, for another thread that watches it."""

import time
from collections.abc import Callable
from typing import Literal, NamedTuple

Work = Literal["load", "step"]

SLOWEST_TOKEN_S = 0.5
"""Taken for the time of one token before any was measured; a 70B model on a slow processor takes that."""


class Beat(NamedTuple):
    """One piece of work in progress: the `step`th since the start, of `tokens` tokens (0 where it loads),
    each of which took `token_s` at most so far."""

    step: int
    work: Work
    since_s: float
    tokens: Callable[[], int]
    token_s: float

    @property
    def elapsed_s(self) -> float:
        """The time that it has been running."""
        return time.perf_counter() - self.since_s


class Pulse:
    """Written by the engine's thread around everything that may take long; read from any."""

    def __init__(self) -> None:
        self.step = 0
        self.beat: Beat | None = None
        """The work that runs now; None while the engine waits for requests."""

    def begin(self, work: Work, tokens: Callable[[], int] = lambda: 0, token_s: float = 0.0) -> None:
        """Note that work begins. `tokens` may be called on the watcher's thread."""
        self.step += 1
        self.beat = Beat(self.step, work, time.perf_counter(), tokens, token_s or SLOWEST_TOKEN_S)

    def end(self) -> float:
        """Note that the work is done; returns the seconds that it took."""
        beat, self.beat = self.beat, None
        return beat.elapsed_s if beat is not None else 0.0
