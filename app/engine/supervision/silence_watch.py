"""Tell that the engine's process gives no sign of life any more. Pure.

`stalled_step.py` looks from inside of it at a step that neither computes nor reads; this looks from outside,
and also sees a process that is stopped.
"""

SILENCE_S = 9.0
"""Its heart beats every second, whatever its engine is at: after this long it is stopped or stuck."""

LOOK_S = 0.5
"""Looks are counted, not seconds: while the machine sleeps, or this process is stopped, nobody looks."""


class SilenceWatch:
    """Looks every `LOOK_S`; one thread."""

    def __init__(self) -> None:
        self._beats = -1
        self._silent_s = 0.0

    def look(self, beats: int, *, listening: bool) -> bool:
        """Tell whether it is silent, by the signs of life so far and whether somebody is `listening` for
        them: while an event is being handled here nobody does, so it is not the child that is silent."""
        if beats != self._beats or not listening:
            self._beats, self._silent_s = beats, 0.0
        else:
            self._silent_s += LOOK_S
        return self._silent_s >= SILENCE_S
