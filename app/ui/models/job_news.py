"""Telling of jobs to whoever is at another page than that of their cards."""

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from app.acquire.jobs import JobBook, JobView
from app.ui.models.job_following import follow_jobs
from app.ui.widgets.ui_context import UiContext


class JobNews(QObject):
    """Says that a job has stopped by itself, where nobody sees its card. GUI thread."""

    def __init__(
        self,
        ui: UiContext,
        jobs: JobBook,
        window: QWidget,
        is_seen: Callable[[], bool],
        show: Callable[[], object],
    ) -> None:
        """`is_seen` tells whether the cards of the jobs are in front; `show` brings them there."""
        super().__init__(window)
        self._notices = ui.notices
        self._is_seen = is_seen
        self._show = show
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
        if went and view.state == "failed" and view.error is not None and not self._is_seen():
            reason = self._notices.told(view.error).text
            text = self.tr("Getting {model} has stopped. {reason}").format(model=view.title, reason=reason)
            self._notices.warn(text, self.tr("Models"), self._show)
