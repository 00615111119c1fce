"""Following the jobs for as long as a widget lives, and cancelling them."""

import threading
from collections.abc import Callable

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from app.acquire.jobs import JobBook, JobView
from app.ui.base.bridge import Bridge
from app.ui.base.durations import duration
from app.ui.widgets.notices import Notices
from models.system.progress import Progress

_UNDO_S = 30.0
"""Longer than the notice stays."""


def follow_jobs(jobs: JobBook, bridge: Bridge, widget: QWidget, on_job: Callable[[JobView], None]) -> None:
    """Call `on_job` on the GUI thread with every change, until `widget` is gone."""
    gone = threading.Event()

    def deliver(view: JobView) -> None:
        if not gone.is_set():
            on_job(view)

    stop = jobs.observe(bridge.wrap(deliver))

    def on_destroyed() -> None:
        gone.set()
        stop()

    widget.destroyed.connect(on_destroyed)


def asking_text(progress: Progress) -> str:
    """Say how often a server was asked in vain, and when it is asked again."""
    return QCoreApplication.translate(
        "JobFollowing", "{host} does not answer (attempt {done} of {total}). It is asked again in {time}."
    ).format(
        host=progress.detail,
        done=progress.done,
        total=progress.total,
        time=duration(max(1.0, progress.remaining_s or 0.0)),
    )


def cancel_job(jobs: JobBook, notices: Notices, job_id: str) -> None:
    """Stop the job and delete what it has, unless the user takes that back."""
    title = next((view.title for view in jobs.jobs() if view.id == job_id), "")
    jobs.cancel(job_id, undo_s=_UNDO_S)
    if any(view.id == job_id for view in jobs.jobs()):
        # It came to its end while the button was pressed.
        return
    notices.inform_with_undo(
        lambda: QCoreApplication.translate("JobFollowing", "{model} is not fetched any more.").format(
            model=title
        ),
        lambda: jobs.restore(job_id),
        about=job_id,
    )
