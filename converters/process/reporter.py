"""From counted bytes to `Progress`: rates, time left, not more often than anyone looks."""

import time
from collections.abc import Callable

from models.system.progress import OnProgress, Progress
from models.system.rate import RateMeter

REPORT_S = 0.1


class Reporter:
    """Tells `on_progress` of one stage, about ten times a second and at its end; one thread."""

    def __init__(
        self, on_progress: OnProgress, stage: str, total: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._on_progress = on_progress
        self._stage = stage
        self._total = total
        self._clock = clock
        self.done = 0
        self._rate = RateMeter(clock)
        self._told_s: float | None = None

    def begin_at(self, done: int) -> None:
        """Begin with `done` bytes from before; nothing is reported yet."""
        self.done = done
        self._rate.update(done)

    def advance(self, count: int, detail: str) -> None:
        """Note that `count` more bytes are done."""
        self.reach(self.done + count, self._total, detail)

    def reach(self, done: int, total: int, detail: str) -> None:
        """Note that `done` of `total` bytes are done."""
        self.done, self._total = done, total
        now_s = self._clock()
        if self._told_s is not None and now_s - self._told_s < REPORT_S and done < total:
            return
        self._told_s = now_s
        self._rate.update(done)
        left = total - done
        self._on_progress(
            Progress(self._stage, done, total, detail, self._rate.bytes_per_s, self._rate.remaining_s(left))
        )
