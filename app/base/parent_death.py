"""No engine process outlives the program that started it, however that ends."""

import contextlib
import subprocess
import sys
from pathlib import Path

from app.base import windows_job

ABORT_MARK = "ggml-abort: "
"""Starts the line on the child's stderr that tells the assertion which is about to end it."""


def leave_no_core_dump() -> None:
    """In a child: end at once when it crashes; nothing to do on Windows.

    Its parent sees the end only when the kernel is done, and the dump of a model takes as long as the model
    is big. The filter is for systems that pipe dumps to a program and ignore the limit; see core(5).
    """
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        Path("/proc/self/coredump_filter").write_text("0", encoding="ascii")


class KillOnClose:
    """On Windows a job object that takes its processes with it when this process ends; nothing elsewhere."""

    def __init__(self) -> None:
        self._job: int | None = None
        if sys.platform == "win32":
            with contextlib.suppress(OSError):
                self._job = windows_job.create_job(windows_job.KILL_ON_CLOSE)

    def add(self, process: "subprocess.Popen[bytes]") -> None:
        """Tie `process` to this one. A refusal is no error: its stdin still ends it."""
        if sys.platform == "win32" and self._job is not None:
            with contextlib.suppress(OSError):
                windows_job.put_into_job(self._job, int(process._handle))
