"""A move of the models that goes on behind the window, whatever page is shown."""

import asyncio
import threading
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.acquire.jobs import JobBook
from app.base.errors import Cancelled, StillroomError
from app.models_folder import ModelsPlace
from app.ui.base.bridge import Bridge
from app.ui.settings.models_in_use import ModelsInUse
from models.system.progress import JobContext, Progress


class ModelsMoving(QObject):
    """Starts, stops and takes back the move; GUI thread. It lasts as long as the program."""

    changed = Signal()
    moved = Signal()
    """The models are in another folder now."""
    failed = Signal(object)
    """The `StillroomError` for which they are not."""

    def __init__(
        self, place: ModelsPlace, jobs: JobBook, bridge: Bridge, in_use: ModelsInUse, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._place = place
        self._bridge = bridge
        self._in_use = in_use
        in_use.changed.connect(self.changed)
        self._cancel: threading.Event | None = None
        self._takes_back = False
        self.progress: Progress | None = None
        self.error: StillroomError | None = None

    @property
    def place(self) -> ModelsPlace:
        """Where the models lie."""
        return self._place

    @property
    def is_running(self) -> bool:
        """Tell whether the models are being moved, or a move taken back."""
        return self._cancel is not None

    @property
    def refusal(self) -> str:
        """Say why no move can begin now; empty where it can."""
        return self._in_use.refusal()

    def start(self, target: Path) -> None:
        """Move the models, or go on with that; `refusal` says why nothing begins."""
        if self.is_running:
            return
        if self.refusal:
            self.changed.emit()
        else:
            self._bridge.start(self._move(target))

    def cancel(self) -> None:
        """Stop, and delete what was copied."""
        if self._cancel is not None:
            self._takes_back = True
            self._cancel.set()

    def take_back(self) -> None:
        """Delete what an interrupted move has copied."""
        if not self.is_running:
            self._bridge.start(self._undo())

    async def _move(self, target: Path) -> None:
        cancel = self._begin()
        self._takes_back = False

        def on_progress(progress: Progress) -> None:
            # What was posted before the end belongs to nothing any more.
            if cancel is self._cancel:
                self.progress = progress
                self.changed.emit()

        job = JobContext(self._bridge.wrap(on_progress), cancel)
        self._jobs.hold()
        try:
            await asyncio.to_thread(self._place.move, target, job)
        except Cancelled:
            pass
        except StillroomError as error:
            self._fail(error)
        else:
            self.moved.emit()
        finally:
            # The window may close meanwhile: what was copied stays then, and the move goes on later.
            cancel.set()
            self._jobs.release()
            self._end()
        if self._takes_back:
            await self._undo()

    async def _undo(self) -> None:
        self._begin()
        try:
            await asyncio.to_thread(self._place.undo)
        except StillroomError as error:
            self._fail(error)
        finally:
            self._end()

    def _fail(self, error: StillroomError) -> None:
        self.error = error
        self.failed.emit(error)

    def _begin(self) -> threading.Event:
        cancel = self._cancel = threading.Event()
        self.error, self.progress = None, None
        self.changed.emit()
        return cancel

    def _end(self) -> None:
        self._cancel, self.progress = None, None
        self.changed.emit()
