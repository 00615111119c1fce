"""Report the progress of long work, and tell it to stop."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import Literal, TypeVar

from models.system.errors import Cancelled

Unit = Literal["bytes", "tokens", "times"]
T = TypeVar("T")

WAKE_S = 0.05
"""How long a wait may take to notice that it is cancelled."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A step of a long job.

    `stage` is one of the job's stage names ("ask", "download", "verify", "convert", "quantise", "load",
    "collect", "sensitivity", "measure"), `done` and `total` count the `unit` (`total` 0 when it is not known
    yet), `detail` names the present file or tensor. "ask" is told of a server that did not answer `done`
    times.
    """

    stage: str
    done: int
    total: int
    detail: str = ""
    bytes_per_s: float = 0.0
    remaining_s: float | None = None
    unit: Unit = "bytes"


OnProgress = Callable[[Progress], None]


def ignore_progress(progress: Progress) -> None:
    """Ignore progress, for a caller that shows none."""


@dataclass(frozen=True, slots=True)
class JobContext:
    """What every long piece of work is given: whom it tells of its progress, and the event that stops it.

    `on_progress` is called on the thread that does the work, which raises `Cancelled` once `cancel` is set.
    """

    on_progress: OnProgress = ignore_progress
    cancel: threading.Event | None = None


UNWATCHED = JobContext()
"""For work that nobody follows and nobody stops."""


def raise_if_cancelled(cancel: threading.Event | None) -> None:
    """Raise `Cancelled` once `cancel` is set; any thread."""
    if cancel is not None and cancel.is_set():
        raise Cancelled


def wait_for(
    future: "Future[T]",
    cancel: threading.Event | None,
    stop: Callable[[], object] = lambda: None,
    on_wait: Callable[[], object] = lambda: None,
    wake_s: float = WAKE_S,
) -> T:
    """Wait for the future's result; `on_wait` is called every `wake_s` meanwhile. Once `cancel` is set, call
    `stop` and raise `Cancelled`, at once where it is set before: work of many parts ends between two of them,
    however short each is. Any thread that may wait."""
    while True:
        if cancel is not None and cancel.is_set():
            stop()
            raise Cancelled
        try:
            return future.result(timeout=wake_s)
        except FutureTimeoutError:
            # It may have ended since, or with an error of this kind.
            if future.done():
                return future.result()
        on_wait()
