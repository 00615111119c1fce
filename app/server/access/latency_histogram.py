"""How long something took, how often: what a monitoring system makes percentiles of."""

from bisect import bisect_left
from dataclasses import dataclass, field

BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""From a model that holds the prompt already to a long thought on a processor."""


@dataclass(slots=True)
class Histogram:
    """Counts by `BOUNDS_S`; the last is of what took longer. Not locked."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    sum_s: float = 0.0

    def add(self, took_s: float) -> None:
        """One more."""
        self.counts[bisect_left(BOUNDS_S, took_s)] += 1
        self.sum_s += took_s

    def copy(self) -> "Histogram":
        """As it stands now."""
        return Histogram(list(self.counts), self.sum_s)
