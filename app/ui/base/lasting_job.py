"""Work that outlives the page that began it: another language makes another window."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass

import shiboken6
from PySide6.QtCore import QMetaMethod, QObject, QTimer, Signal

from app.ui.base.bridge import Bridge
from app.ui.base.engine_session import EngineSession

JOB = "benchmark"
"""While it lasts, the session is reserved for it, so that chats keep away."""

DRAWING_MS = 60
"""From showing figures until they and their pictures are painted."""
LONGEST_DRAWING_S = 1.0
"""The work waits no longer for a window that hangs or is being replaced."""


class LastingJob(QObject):
    """One piece of work at a time, on a thread of its own; it is cancelled when this object goes. GUI thread,
    but for `tell`. `bridge` is one that lasts as long.

    Work that measures has the engine for itself: the session is reserved for it, under the name `reserves`.
    """

    began = Signal()
    progressed = Signal(object)
    ended = Signal(object, object)
    """The result of the work, None where it failed, and what it raised, None where it did not."""
    stopped = Signal()
    """It is not under way any more; for those who do not tell of a failure, as `ended` expects."""

    def __init__(
        self, session: EngineSession, bridge: Bridge, parent: QObject | None = None, *, reserves: str = JOB
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._bridge = bridge
        self._reserves = reserves
        self._cancel: threading.Event | None = None
        self._painted = threading.Event()
        self.progress: object | None = None
        """The progress that was told last."""
        self.kept: object | None = None
        """The last progress with figures in it."""
        self.model: object = None
        """The thing that it is about, as its page knows it."""

    @property
    def running(self) -> bool:
        """It is under way."""
        return self._cancel is not None

    @property
    def cancelled(self) -> bool:
        """It was told to end, and has not yet."""
        return self._cancel is not None and self._cancel.is_set()

    def start(self, work: Callable[[threading.Event], object], model: object) -> None:
        """Run `work` on `model`, which ends once its event is set; nothing where some is under way."""
        if self._cancel is None:
            self._cancel = threading.Event()
            self.progress = self.kept = None
            self.model = model
            self._bridge.start(self._run(work, self._cancel))

    def cancel(self) -> None:
        """End it."""
        if self._cancel is not None:
            self._cancel.set()

    def tell(self, progress: object, *, has_figures: bool = False) -> None:
        """Let pages hear of progress, while it lasts and is not cancelled; any thread.

        With figures it returns when these are painted: the next turn begins only then, as painting would slow
        it down on few cores.
        """
        self._painted.clear()
        self._bridge.post(self._on_progress, progress, has_figures)
        if has_figures:
            self._painted.wait(LONGEST_DRAWING_S)

    def _on_progress(self, progress: object, has_figures: bool) -> None:
        if shiboken6.isValid(self) and self.running and not self.cancelled:
            self.progress = progress
            if has_figures:
                self.kept = progress
            self.progressed.emit(progress)
        if has_figures:
            QTimer.singleShot(DRAWING_MS, self._painted.set)

    async def _run(self, work: Callable[[threading.Event], object], cancel: threading.Event) -> None:
        self.destroyed.connect(cancel.set)
        if self._reserves:
            self._session.reserve(self._reserves)
        self.began.emit()
        done: object | None = None
        failure: Exception | None = None
        try:
            done = await asyncio.to_thread(work, cancel)
        except Exception as error:  # noqa: BLE001 - it is told where the page is
            failure = error
        finally:
            cancel.set()
            if self._reserves:
                # Whoever hears of it finds a job that is about to end, and not a page without its result.
                self._session.reserve("")
            self._cancel = None
        if not shiboken6.isValid(self):
            return
        self.stopped.emit()
        is_heard = self.isSignalConnected(QMetaMethod.fromSignal(self.ended))
        self.ended.emit(done, failure)
        if failure is not None and not is_heard:
            raise failure


async def fail(failure: Exception) -> None:
    """Raise it, on the bridge of the page where failures of this work are told."""
    raise failure


@dataclass(frozen=True, slots=True)
class LastingJobs:
    """All of a window's, handed on to the next one."""

    speed: LastingJob
    quality: LastingJob
    drift: LastingJob
    closeness: LastingJob
    """Measures how close quantised files are to their original, which needs no engine."""

    @classmethod
    def make(cls, session: EngineSession, bridge: Bridge, parent: QObject) -> "LastingJobs":
        """Make them; they end with `parent`."""
        speed, quality, drift = (LastingJob(session, bridge, parent) for _ in range(3))
        return cls(speed, quality, drift, LastingJob(session, bridge, parent, reserves=""))

    def cancel(self) -> None:
        """End all of them."""
        for job in (self.speed, self.quality, self.drift, self.closeness):
            job.cancel()
