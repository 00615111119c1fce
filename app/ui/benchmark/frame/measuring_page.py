"""A page of the Benchmark tab that measures the loaded model."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLayout, QScrollArea, QVBoxLayout, QWidget

from app.ui.base.bridge import Bridge
from app.ui.base.session import EngineSession

MARGIN_PX = 28
JOB = "benchmark"
"""While it lasts, the session is reserved for it, so that chats keep away."""

T = TypeVar("T")


class MeasuringPage(QScrollArea):
    """One job at a time, on a thread of its own; it is cancelled when the page goes. GUI thread.

    A page says what `update_head` and `show_job` do.
    """

    def __init__(self, session: EngineSession, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._bridge = bridge
        self._job: threading.Event | None = None

    def update_head(self) -> None:
        """Show what can be done now: the model, the job or the reservation has changed."""
        raise NotImplementedError

    def show_job(self, running: bool) -> None:
        """Show that a job has begun or ended."""
        raise NotImplementedError

    @property
    def measuring(self) -> bool:
        """A job runs."""
        return self._job is not None

    @property
    def can_measure(self) -> bool:
        """There is a model, and neither a job here nor one elsewhere that has the engine for itself."""
        return self._session.info is not None and not self.measuring and not self._session.reserved_for

    def cancel(self) -> None:
        """Stop the job."""
        if self._job is not None:
            self._job.set()

    def measure(self, work: Callable[[threading.Event], T], on_done: Callable[[T], None]) -> None:
        """Run `work`, which ends once its event is set, on a thread of its own; `on_done` gets what it gives.
        Nothing where there is a job already. What it raises is told."""
        if self._job is None:
            self._job = threading.Event()
            self._bridge.start(self._measure(work, on_done, self._job))

    def while_measuring(self, on_progress: Callable[[T], None]) -> Callable[[T], None]:
        """Let `on_progress` hear here, from any thread, while the job lasts and is not cancelled."""

        def tell(progress: T) -> None:
            if shiboken6.isValid(self) and self._job is not None and not self._job.is_set():
                on_progress(progress)

        return self._bridge.wrap(tell)

    def follow_session(self) -> None:
        """Call `update_head` whenever the session changes; once the page is made."""
        session = self._session
        for changed in (
            session.loaded,
            session.unloaded,
            session.load_failed,
            session.engine_died,
            session.loading,
            session.reservation_changed,
        ):
            changed.connect(self._on_session_changed)

    def _on_session_changed(self, *_: object) -> None:
        self.update_head()

    def lay_out(self, *parts: QWidget | QLayout) -> None:
        """Put `parts` one below the other; the page scrolls downwards only."""
        page = QWidget()
        page.setProperty("look", "page")
        layout = QVBoxLayout(page)
        layout.setContentsMargins(MARGIN_PX, 16, MARGIN_PX, MARGIN_PX)
        layout.setSpacing(12)
        for part in parts:
            if isinstance(part, QWidget):
                layout.addWidget(part)
            else:
                layout.addLayout(part)
        layout.addStretch(1)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(page)

    async def _measure(
        self, work: Callable[[threading.Event], T], on_done: Callable[[T], None], cancel: threading.Event
    ) -> None:
        self.destroyed.connect(cancel.set)
        self._session.reserve(JOB)
        self.show_job(True)
        self.update_head()
        try:
            done = await asyncio.to_thread(work, cancel)
        finally:
            cancel.set()
            self._session.reserve("")
            if shiboken6.isValid(self):
                self._job = None
                self.show_job(False)
                self.update_head()
        if shiboken6.isValid(self):
            on_done(done)
