"""Following the jobs for as long as a widget lives."""

import threading
from collections.abc import Callable

from PySide6.QtWidgets import QWidget

from app.jobs import JobBook, JobView
from app.ui.bridge import Bridge


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
