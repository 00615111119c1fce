"""A page that measures the loaded model, as Speed and Quality do; their heads and results are their own."""

import threading
from collections.abc import Callable

import shiboken6
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QApplication, QFrame, QLayout, QScrollArea, QVBoxLayout, QWidget

from app.base.errors import Cancelled, StillroomError
from app.engine.protocol import ModelInfo
from app.ui.base.lasting_job import LastingJob, fail
from app.ui.widgets.scrolled_page import ScrolledPage
from app.ui.widgets.ui_context import UiContext

MARGIN_PX = 28


class MeasuringPage(QScrollArea):
    """Shows one job at a time, which goes on without it: a page that is made meanwhile takes it over. GUI
    thread.

    A page says what `update_head`, `show_job`, `show_progress`, `take_result` and `done_words` do.
    """

    show_asked = Signal()
    """Somebody at another page wants to see this one."""

    def __init__(
        self,
        ui: UiContext,
        parent: QWidget | None = None,
        *,
        job: LastingJob | None = None,
    ) -> None:
        """Without a `job` the page has one of its own, which ends with it."""
        super().__init__(parent)
        self._session = ui.session
        self._bridge = ui.bridge
        self._notices = ui.notices
        self._job = job or LastingJob(ui.session, ui.bridge, self)
        # Its button has the keyboard, and its page while that is switched off.
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def update_head(self) -> None:
        """Show what can be done now: the model, the job or the reservation has changed."""
        raise NotImplementedError

    def show_job(self, running: bool) -> None:
        """Show that a job has begun or ended."""
        raise NotImplementedError

    def show_progress(self, progress: object) -> None:
        """Show where the job is."""
        raise NotImplementedError

    def take_result(self, result: object) -> None:
        """Show what a job has come to."""
        raise NotImplementedError

    def done_words(self) -> str:
        """Give the sentence that tells at another page that a job is done."""
        raise NotImplementedError

    @property
    def measuring(self) -> bool:
        """A job runs."""
        return self._job.running

    @property
    def can_measure(self) -> bool:
        """There is a model, and neither a job here nor one elsewhere that has the engine for itself."""
        return not self.refusal

    @property
    def refusal(self) -> str:
        """The reason why nothing can be measured here now; empty where something can."""
        if self.measuring or self._session.reserved_for:
            # It may have taken the model out of memory for that.
            return self.tr("The model is being measured. Wait until that is done.")
        if self._session.info is not None:
            return ""
        return (
            self.tr("The model is being loaded.")
            if self._session.is_loading
            else self.tr("Load a model first")
        )

    def cancel(self) -> None:
        """Stop the job."""
        here = QApplication.focusWidget()
        if here is not None and self.isAncestorOf(here):
            self._hold_keyboard()
        self._job.cancel()

    def waits_for_reply(self, again: Callable[[], None]) -> bool:
        """Tell whether a reply of this computer is on its way, and tell the user so: what measures takes its
        model out of memory, and would end it. A check that Stillroom makes by itself gives way, and then it
        is done `again`."""
        if self._session.client.is_replying:
            if self._session.make_quiet(lambda: again() if shiboken6.isValid(self) else None):
                return True
            self._notices.inform(self.tr("A reply is being written. Stop it or wait for it, then run."))
            return True
        return False

    def measure(self, work: Callable[[threading.Event], object], model: ModelInfo | None) -> None:
        """Run `work`, which ends once its event is set, on a thread of its own. Nothing where there is a job
        already. What it raises is told."""
        proxy = self.focusProxy()
        if proxy is not None and proxy.hasFocus():
            self._hold_keyboard()
        self._job.start(work, model)

    def _hold_keyboard(self) -> None:
        """Keep the keyboard on the page until the job has ended. The button that has it is switched off, and
        Qt would give it to whatever comes next, which the same key would press."""
        if (page := self.widget()) is not None:
            page.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_began(self) -> None:
        self.show_job(True)
        self.update_head()

    def _on_ended(self, result: object, failure: Exception | None) -> None:
        here = QApplication.focusWidget()
        is_on_page = here is not None and self.isAncestorOf(here)
        self.show_job(False)
        if here is not None and is_on_page and not here.isVisible():
            # The button to cancel had it, which is gone.
            self._hold_keyboard()
        self._on_session_changed()
        if failure is not None:
            self._bridge.start(fail(failure))
        else:
            self.take_result(result)
        if not self.isVisible():
            self._tell_elsewhere(failure)

    def _tell_elsewhere(self, failure: Exception | None) -> None:
        if failure is None:
            self._notices.inform(self.done_words(), self.tr("Show"), self.show_asked.emit)
        elif isinstance(failure, StillroomError) and not isinstance(failure, Cancelled):
            reason = self._notices.told(failure).text
            text = self.tr("The measurement has stopped. {reason}").format(reason=reason)
            self._notices.warn(text, self.tr("Show"), self.show_asked.emit)

    def follow_session(self) -> None:
        """Call `update_head` whenever the session changes, and take over a job that runs; once the page is
        made."""
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
        self._job.began.connect(self._on_began)
        self._job.progressed.connect(self.show_progress)
        self._job.ended.connect(self._on_ended)
        if self._job.running:
            self._on_began()
            for told in (self._job.kept, self._job.progress):
                if told is not None:
                    self.show_progress(told)

    def _on_session_changed(self, *_: object) -> None:
        """Update the head, and let the page hold the keyboard while the button that has it is switched off: a
        model that is loaded again after a measurement takes a moment."""
        page, proxy, window = self.widget(), self.focusProxy(), self.window()
        # Of a window that is not in front yet, too.
        had_it = proxy is not None and window.focusWidget() is proxy
        self.update_head()
        if had_it and proxy is not None and not proxy.isEnabled():
            self._hold_keyboard()
        elif page is not None and window.focusWidget() is page and not self.measuring:
            self.setFocus(Qt.FocusReason.OtherFocusReason)

    def lay_out(self, *parts: QWidget | QLayout) -> None:
        """Put `parts` one below the other; the page scrolls downwards only."""
        page = ScrolledPage(self.viewport())
        # First: for what moves, Qt works out the style of all that is in it anew.
        self.setWidget(page)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(MARGIN_PX, 16, MARGIN_PX, MARGIN_PX)
        layout.setSpacing(12)
        for part in parts:
            if isinstance(part, QWidget):
                layout.addWidget(part)
            else:
                layout.addLayout(part)
        layout.addStretch(1)
        # A word without end, as a name may be, makes no page wider than the window.
        page.setMinimumWidth(1)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
