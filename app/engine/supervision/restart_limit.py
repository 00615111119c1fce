"""Decide when a process that keeps crashing is no longer restarted automatically. Pure."""

from collections import deque

from app.base.errors import EngineError

MOST_CRASHES = 3
CRASH_WINDOW_S = 60.0


class CrashLimit:
    """Counts crashes: the third within a minute is the last until `reset`."""

    def __init__(self) -> None:
        self._times_s: deque[float] = deque(maxlen=MOST_CRASHES)

    def reset(self) -> None:
        """Count from zero."""
        self._times_s.clear()

    def record(self, error: EngineError, now_s: float) -> EngineError | None:
        """Count a crash at `now_s`, seconds of a steady clock; what to tell when it was one too many."""
        self._times_s.append(now_s)
        if len(self._times_s) < MOST_CRASHES or now_s - self._times_s[0] > CRASH_WINDOW_S:
            return None
        return EngineError(
            "The engine stopped {times} times within a minute, so it is not started again by itself.",
            "Load the model again, with a smaller context or fewer layers on the graphics card, or choose "
            "another model.",
            native=error.native,
            times=MOST_CRASHES,
        )
