"""The share of a benchmark that is done, and the time that the rest takes."""

from collections.abc import Mapping, Sequence


class TimeLeft:
    """Counts down over a list of turns, each named by its step's key, from how long such turns took.

    `known_s` are the seconds a turn of each step took in an earlier run; this run's own turns replace them.
    """

    def __init__(self, turns: Sequence[str], known_s: Mapping[str, float] | None = None) -> None:
        self._turns = list(turns)
        self._known_s = dict(known_s or {})
        self._done = 0
        self._spent_s = 0.0

    def finish_turn(self, elapsed_s: float) -> None:
        """The present turn took that long."""
        self._known_s[self._turns[self._done]] = elapsed_s
        self._spent_s += elapsed_s
        self._done += 1

    def replan(self, turns: Sequence[str], estimates_s: Mapping[str, float]) -> None:
        """From now on these turns are to come; `estimates_s` are for those of which nothing better is
        known."""
        self._turns[self._done :] = turns
        self._known_s = {**estimates_s, **self._known_s}

    def remaining_s(self, in_turn_s: float = 0.0) -> float | None:
        """Seconds left, `in_turn_s` into the present turn; None while a step's duration is unknown."""
        if any(key not in self._known_s for key in self._turns[self._done :]):
            return None
        left_s = [self._known_s[key] for key in self._turns[self._done :]]
        if left_s:
            left_s[0] = max(0.0, left_s[0] - in_turn_s)
        return sum(left_s)

    def fraction(self, in_turn_s: float = 0.0) -> float:
        """The share that is done, by time where the durations are known, else by turns."""
        remaining_s = self.remaining_s(in_turn_s)
        if remaining_s is None:
            return self._done / len(self._turns)
        total_s = self._spent_s + (self.remaining_s() or 0.0)
        return 1 - remaining_s / total_s if total_s > 0 else 1.0
