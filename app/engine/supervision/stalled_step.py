"""Tell work that has hung from work that is only slow. Pure.

A big prompt on a slow processor, or a model that is read from a slow disk, may rightly take minutes. Time
alone tells nothing, so two things are put beside it: whether the process computes or reads at all meanwhile,
and how long its own measured speed would give the step. A batch is never slower than its tokens one by one.
"""

from dataclasses import dataclass

from app.engine.supervision.activity import Beat

HUNG_STATUS = 86
"""Exit status of a process that ended itself because its engine hung; no signal and no errno."""

HANG_S = 9.0
"""Without processor time and without reading. The tenth second is for noticing."""

LOAD_HANG_S = 60.0
"""A disk that spins up, or a network drive that is lost for a moment, is no reason to give up a load."""

MARGIN = 4.0
"""A step may take that many times what its tokens took one by one: the machine may have got busy."""

SPIN_FACTOR = 20.0
"""Threads that wait for each other may burn processor time; this often the allowance is a hang as well."""

LONGEST_TICK_S = 2.0
"""Longer between two looks means that the machine slept, or that this process was stopped: nothing hung."""

QUIET_SHARE = 0.02
"""Less processor time than that is the watcher's own."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """The process's use of resources so far: seconds of processor time, and a count that grows as it reads
    (bytes and page faults together)."""

    cpu_s: float
    reads: int


class StallWatch:
    """Looks at the engine's thread about once a second; one thread."""

    def __init__(self) -> None:
        self._step = -1
        self._seen_s = self._quiet_s = self._unread_s = 0.0
        self._before: tuple[float, Vitals] | None = None

    def look(self, now_s: float, beat: Beat | None, vitals: Vitals) -> bool:
        """Tell whether `beat` has hung, by what was seen until `now_s` (seconds of a steady clock)."""
        before, self._before = self._before, (now_s, vitals)
        if beat is None or beat.step != self._step or before is None:
            self._step = beat.step if beat is not None else -1
            self._seen_s = self._quiet_s = self._unread_s = 0.0
            return False
        passed_s = now_s - before[0]
        tick_s = min(passed_s, LONGEST_TICK_S)
        read = vitals.reads > before[1].reads
        computed = vitals.cpu_s - before[1].cpu_s > QUIET_SHARE * passed_s
        self._seen_s += tick_s
        self._unread_s = 0.0 if read else self._unread_s + tick_s
        self._quiet_s = 0.0 if read or computed else self._quiet_s + tick_s
        hang_s = LOAD_HANG_S if beat.work == "load" else HANG_S
        allowed_s = max(hang_s, MARGIN * beat.tokens() * beat.token_s)
        quiet = self._quiet_s >= hang_s and self._seen_s >= allowed_s
        spins = self._unread_s >= hang_s and self._seen_s >= SPIN_FACTOR * allowed_s
        return quiet or (spins and beat.work == "step")
