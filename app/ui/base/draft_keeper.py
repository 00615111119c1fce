"""Keeps on disk what changes while somebody works, about a second behind."""

import logging
from collections.abc import Callable
from concurrent.futures import Future

from PySide6.QtCore import QObject, QTimer, Signal

from app.base.threads import OneByOne

log = logging.getLogger(__name__)

EVERY_MS = 750
"""A crash loses what came in this time, and while it was written."""

AGAIN_MS = 5000
"""A disk that has refused is asked again so often."""


class DraftKeeper(QObject):
    """Writes one thing, one time after the other, in a thread of its own. GUI thread only."""

    failed = Signal(str)
    """The disk has refused, and why; said once until it takes what it is given."""
    _refused = Signal()

    def __init__(self, name: str, prepare: Callable[[], Callable[[], None] | None], parent: QObject) -> None:
        """`prepare` gives what writes the state of that moment, to be called in the thread `name`; None where
        there is nothing to keep."""
        super().__init__(parent)
        self._name = name
        self._prepare = prepare
        self._writer = OneByOne(name)
        self._has_failed = False
        self._closed = False
        self._timer = QTimer(self, singleShot=True, interval=EVERY_MS)
        self._timer.timeout.connect(self.keep)
        self._refused.connect(self._try_again)

    def keep_soon(self) -> None:
        """Write within `EVERY_MS`, as something has changed."""
        if not self._closed and not self._timer.isActive():
            self._timer.start(EVERY_MS)

    def keep(self) -> None:
        """Write what is there now."""
        write = None if self._closed else self._prepare()
        if write is not None:
            self._writer.submit(write).add_done_callback(self._on_written)

    def close(self) -> Callable[[], None]:
        """Begin to write for the last time; the returned function waits for that, on another thread."""
        if not self._closed:
            self._timer.stop()
            self.keep()
            self._closed = True
        return self._writer.finish

    def _on_written(self, done: "Future[None]") -> None:
        """In the writer's thread: the signal is delivered in the threads of those who listen."""
        error = done.exception()
        if error is not None and not isinstance(error, OSError):
            log.error("%s could not be written", self._name, exc_info=error)
        had_failed, self._has_failed = self._has_failed, isinstance(error, OSError)
        if isinstance(error, OSError):
            self._refused.emit()
            if not had_failed:
                log.warning("%s could not be written: %s", self._name, error)
                self.failed.emit(error.strerror or str(error))

    def _try_again(self) -> None:
        if not self._closed and not self._timer.isActive():
            self._timer.start(AGAIN_MS)
