"""Long work of the GUI thread in parts, between which the window lives."""

import time
from collections.abc import Callable, Iterator

from PySide6.QtCore import QObject, QTimer

SLICE_S = 0.012
"""Of one turn of the event loop: a step that is as long as the one before begins only if it ends by then."""

NEXT_TURN = object()
"""Given by a step before a long one, which then has a turn of its own."""


class Turn:
    """Tells how long steps go on in one turn of the event loop, made when the first begins. GUI thread."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._step_s = clock()
        self._end_s = self._step_s + SLICE_S

    def is_over(self, given: object = None) -> bool:
        """Tell after a step, which has given this, that the turn has no time for another one as long."""
        now_s = self._clock()
        took_s, self._step_s = now_s - self._step_s, now_s
        return given is NEXT_TURN or now_s + took_s > self._end_s


class Slices(QObject):
    """Does the steps of a work in later turns of the event loop, some in each. GUI thread."""

    def __init__(self, parent: QObject, clock: Callable[[], float] = time.perf_counter) -> None:
        super().__init__(parent)
        self._clock = clock
        self._steps: Iterator[object] | None = None
        self._turn = QTimer(self, singleShot=True, interval=0)
        self._turn.timeout.connect(self._go_on)

    @property
    def under_way(self) -> bool:
        """Tell whether there are steps left."""
        return self._steps is not None

    def begin(self, steps: Iterator[object]) -> None:
        """Do these from the next turn on, in the place of those that are left."""
        self._steps = steps
        self._turn.start()

    def finish(self) -> None:
        """Do those that are left now: somebody needs what comes of them."""
        steps = self._steps
        self.stop()
        for _ in steps or ():
            pass

    def rest(self) -> Iterator[None]:
        """Do those that are left, as this is gone through; their own turns go on meanwhile."""
        while (steps := self._steps) is not None:
            try:
                next(steps)
            except StopIteration:
                if self._steps is steps:
                    self.stop()
            except Exception:
                self.stop()
                raise
            yield

    def stop(self) -> None:
        """Do no more of them."""
        self._steps = None
        self._turn.stop()

    def _go_on(self) -> None:
        """Do steps until the turn's time is over, one at least."""
        steps, turn = self._steps, Turn(self._clock)
        if steps is None:
            return
        try:
            for given in steps:
                if self._steps is not steps:
                    # The step has stopped the work, or begun another one.
                    return
                if turn.is_over(given):
                    self._turn.start()
                    return
        except Exception:
            self.stop()
            raise
        if self._steps is steps:
            self._steps = None


class Stepped:
    """Part of a page or a dialog that takes too long to be made at once. GUI thread.

    Its constructor gives the steps to `_begin_making`. It may be used once they are done.
    """

    _steps: Iterator[None] = iter(())

    def making(self) -> Iterator[None]:
        """Make what it still lacks, in steps; somebody else may go on with it after each."""
        # Not `yield from`: whoever goes no further with these would end them for all.
        for _ in self._steps:
            yield

    def finish_making(self) -> None:
        """Make all that it still lacks now."""
        for _ in self._steps:
            pass

    def _begin_making(self, steps: Iterator[None], *, in_steps: bool) -> None:
        """Be made by `steps`: now, or `in_steps` as `making` is gone through."""
        self._steps = steps
        if not in_steps:
            self.finish_making()
