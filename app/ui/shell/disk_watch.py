"""Sees the disk of the user's data fill up, and sees space come back on any disk that was told to be full."""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Sequence
from pathlib import Path
from typing import Any, Protocol

from PySide6.QtCore import QObject, QTimer, Signal

from app.base.disk_reserve import is_short, set_reserve_aside, short_here
from app.base.errors import StillroomError
from models.system.disk_space import DiskFullError, DiskNeed

log = logging.getLogger(__name__)

EVERY_MS = 1000
SELDOM = 15
"""Every so many looks a disk that may not be written to is tried again."""

SETTLED = 3
"""So many looks after the start the reserve is set aside: before, the disk has other things to do."""


class WrittenStore(Protocol):
    """A database that may have been opened to be read only."""

    @property
    def refused(self) -> StillroomError | None:
        """The reason why nothing can be written now."""

    def write_again(self) -> None:
        """Open it to be written. Raises `StillroomError`."""


class DiskWatch(QObject):
    """Looks every second, on a worker thread. GUI thread."""

    ran_out = Signal(object)
    """A `StillroomError`: nothing more can be kept, and why."""
    has_room = Signal()
    """Everything is kept again."""
    measured = Signal(object)
    """A set of `DiskNeed`: of the space that is waited for, what is there now."""

    def __init__(
        self,
        folder: Path,
        stores: Sequence[WrittenStore],
        start: Callable[[Coroutine[Any, Any, Any]], Any],
        parent: QObject,
        needs: Callable[[], Collection[DiskNeed]] = frozenset,
    ) -> None:
        """`folder` is that of the user's data; `needs` tells which space is waited for, on any disk."""
        super().__init__(parent)
        self._needs = needs
        self._is_measuring = False
        self._folder = folder
        self._stores = stores
        self._start = start
        self._looks = 0
        self.problem: StillroomError | None = None
        """The sentence that was told last; None while all is well."""
        self._timer = QTimer(self, singleShot=True, interval=EVERY_MS)
        self._timer.timeout.connect(lambda: start(self.look()))
        start(self.look())

    def stop(self) -> None:
        """Look no more."""
        self._looks = -1
        self._timer.stop()

    async def look(self) -> None:
        """Look now, and once more in a second."""
        if self._looks < 0:
            return
        self._looks += 1
        had_problem = self.problem is not None
        if not self._is_measuring and (needs := self._needs()):
            # Beside this: another disk may be one that does not answer.
            self._is_measuring = True
            self._start(self._measure(needs))
        try:
            self.problem = await asyncio.to_thread(self._examine, had_problem, self._looks == SETTLED)
        finally:
            if self._looks >= 0:
                self._timer.start()
        if self.problem is not None and not had_problem:
            self.ran_out.emit(self.problem)
        elif self.problem is None and had_problem:
            self.has_room.emit()

    async def _measure(self, needs: Collection[DiskNeed]) -> None:
        try:
            met = await asyncio.to_thread(lambda: {need for need in needs if need.is_met()})
        finally:
            self._is_measuring = False
        if self._looks >= 0:
            self.measured.emit(met)

    def _examine(self, was_short: bool, is_settled: bool) -> StillroomError | None:
        try:
            if is_short(self._folder, was_short=was_short):
                return short_here(self._folder)
            for store in self._stores:
                refused = store.refused
                if refused is None and not (was_short or is_settled):
                    continue
                if refused is not None and not isinstance(refused, DiskFullError) and self._looks % SELDOM:
                    return refused
                store.write_again()
            if is_settled or was_short:
                set_reserve_aside(self._folder)
        except StillroomError as error:
            return error
        except OSError as error:
            # Not full: the disk is gone, or may not be written to, which the stores say.
            log.debug("the disk of %s: %s", self._folder, error)
        return None
