"""Threads that the window's own thread begins, and so waits for until they have a processor."""

import inspect
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).parents[2]
WINDOW = ROOT / "app" / "ui"
AT_THE_START = {
    "app/base/threads.py",
    "app/engine/client/connection.py",
    "app/engine/client/idle_unload.py",
    "app/server/server.py",
    "app/telemetry/sampler.py",
    "app/ui/shell/callback_watch.py",
}
"""They begin a thread once, before an engine computes."""


@contextmanager
def threads_begun_by_the_window() -> Iterator[list[str]]:
    """Give the places in the window's code from which its thread begins a thread, filled meanwhile."""
    places: list[str] = []
    start = threading.Thread.start

    def noted(thread: threading.Thread) -> None:
        if threading.current_thread() is threading.main_thread() and not _is_of_asyncio(thread):
            place = _place(inspect.currentframe())
            if place is not None:
                places.append(f"{thread.name}: {place}")
        start(thread)

    threading.Thread.start = noted  # type: ignore[method-assign]
    try:
        yield places
    finally:
        threading.Thread.start = start  # type: ignore[method-assign]


def _is_of_asyncio(thread: threading.Thread) -> bool:
    """Tell whether it is a worker of a loop that `asyncio.run` has made: the window's loop has Qt's."""
    return thread.name.startswith("asyncio_") or "(_do_shutdown)" in thread.name


def _place(frame: FrameType | None) -> str | None:
    """Where the window is in the calls that led here; None where it is not, or the program is starting."""
    calls: list[str] = []
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT / "app"):
            calls.append(f"{path.relative_to(ROOT).as_posix()}:{frame.f_lineno}")
            if calls[0].rpartition(":")[0] in AT_THE_START:
                return None
            if path.is_relative_to(WINDOW):
                return " from ".join(calls)
        frame = frame.f_back
    return None
