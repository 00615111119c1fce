"""A move of the models that goes on behind the window, whatever page is shown."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.acquire.jobs import JobBook
from app.base.errors import Cancelled, StillroomError
from app.models_place import ModelsPlace
from app.ui.base.bridge import Bridge
from models.system.progress import JobContext, Progress


class ModelsMoving(QObject):
    """Starts, stops and takes back the move; GUI thread. `refusal` says why none can begin now, or ""."""

    changed = Signal()
    moved = Signal()
    """The models are in another folder now."""

    def __init__(
        self, place: ModelsPlace, jobs: JobBook, bridge: Bridge, refusal: Callable[[], str], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._place = place
        self._bridge = bridge
        self._refusal = refusal
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
        return self._refusal()

    def start(self, target: Path) -> None:
        """Move the models, or go on with that."""
        if not self.is_running and not self.refusal:
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
        cancel = self._cancel = threading.Event()
        self.error, self.progress, self._takes_back = None, None, False
        self.changed.emit()
        job = JobContext(self._bridge.wrap(self._on_progress), cancel)
        self._jobs.hold()
        try:
            await asyncio.to_thread(self._place.move, target, job)
        except Cancelled:
            pass
        except StillroomError as error:
            self.error = error
        else:
            self.moved.emit()
        finally:
            # The window may close meanwhile: what was copied stays then, and the move goes on later.
            cancel.set()
            self._cancel, self.progress = None, None
            self._jobs.release()
        if self._takes_back:
            await self._undo()
        self.changed.emit()

    async def _undo(self) -> None:
        self._cancel = threading.Event()
        try:
            await asyncio.to_thread(self._place.undo)
        finally:
            self._cancel = None
        self.changed.emit()

    def _on_progress(self, progress: Progress) -> None:
        self.progress = progress
        self.changed.emit()
