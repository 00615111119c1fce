"""Telling that a job has come to its end, at whatever page the user is."""

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from app.acquire.jobs import JobBook, JobView
from app.ui.models.job_following import follow_jobs
from app.ui.widgets.ui_context import UiContext
from models.store.store import InstalledModel


class JobNews(QObject):
    """Says that the model of a job is there, and that a job has stopped by itself where nobody sees its
    card. GUI thread."""

    def __init__(
        self,
        ui: UiContext,
        jobs: JobBook,
        window: QWidget,
        is_seen: Callable[[], bool],
        show: Callable[[], object],
        load: Callable[[InstalledModel], object],
        answers_itself: Callable[[JobView], bool] = lambda _: False,
    ) -> None:
        """`is_seen` tells whether the cards of the jobs are in front; `show` brings them there. `load` loads
        the model of a job that is done, unless somebody else does, as `answers_itself` tells."""
        super().__init__(window)
        self._notices = ui.notices
        self._is_seen = is_seen
        self._show = show
        self._load = load
        self._answers_itself = answers_itself
        self._going: set[str] = set()
        """The jobs that were on their way when they were last told of."""
        for view in jobs.jobs():
            self._note(view)
        follow_jobs(jobs, ui.bridge, window, self._on_job)

    def _note(self, view: JobView) -> bool:
        """Note where a job stands; tell whether it was on its way before."""
        went = view.id in self._going
        if view.state in ("waiting", "running"):
            self._going.add(view.id)
        else:
            self._going.discard(view.id)
        return went

    def _on_job(self, view: JobView) -> None:
        went = self._note(view)
        if not went:
            return
        if view.state == "done" and view.installed:
            self._tell_done(view, view.installed[0])
        elif view.state == "failed" and view.error is not None and not self._is_seen():
            reason = self._notices.told(view.error).text
            text = self.tr("Getting {model} has stopped. {reason}").format(model=view.title, reason=reason)
            self._notices.warn(text, self.tr("Models"), self._show)

    def _tell_done(self, view: JobView, made: InstalledModel) -> None:
        text = self.tr("{model} was there already.") if view.was_there else self.tr("{model} is ready.")
        text = text.format(model=f"{made.name} {made.type}")
        if self._answers_itself(view):
            self._notices.inform(text)
        else:
            self._notices.inform(text, self.tr("Load"), lambda: self._load(made))
