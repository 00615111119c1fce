"""Measure how fast something goes, smoothed, and how long the rest takes."""

import time
from collections import deque
from collections.abc import Callable

_WINDOW_S = 5.0


class RateMeter:
    """Bytes per second over the last five seconds. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque()

    def update(self, done: int) -> None:
        """Note that `done` bytes are done now."""
        now = self._clock()
        self._samples.append((now, done))
        while len(self._samples) > 2 and self._samples[1][0] <= now - _WINDOW_S:
            self._samples.popleft()

    @property
    def bytes_per_s(self) -> float:
        """The smoothed rate; 0 until two samples are there."""
        if len(self._samples) < 2:
            return 0.0
        (first_s, first), (last_s, last) = self._samples[0], self._samples[-1]
        return max(0.0, (last - first) / (last_s - first_s)) if last_s > first_s else 0.0

    def remaining_s(self, left: int) -> float | None:
        """Return the seconds that `left` bytes take at this rate; None while it is unknown."""
        rate = self.bytes_per_s
        return left / rate if rate > 0 else None
