"""A thread that writes what is newest, so that nobody who changes it waits for the disk."""

import logging
import threading
from collections.abc import Callable

from app.base.threads import OneByOne

log = logging.getLogger(__name__)


class NewestWriter:
    """Calls `write` on a thread of its own after each `wake`, one call after the other. Any thread.

    `write` takes what is newest when it begins: of several changes that came while it was at the disk, one
    call writes them all. The thread is there while there is something to write; the program waits for it.
    """

    def __init__(self, name: str, write: Callable[[], None]) -> None:
        """`name` is the thread's. What `write` raises is logged."""
        self._name = name
        self._write = write
        self._lock = threading.Lock()
        self._is_due = False
        self._thread = OneByOne(name)

    def wake(self) -> None:
        """Let the newest be written; returns at once."""
        with self._lock:
            was_due, self._is_due = self._is_due, True
        if not was_due:
            self._thread.submit(self._write_newest)

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until everything is written, or was refused; False where that takes longer."""
        return self._thread.wait(timeout_s)

    def _write_newest(self) -> None:
        with self._lock:
            self._is_due = False
        try:
            self._write()
        except Exception:
            log.exception("%s", self._name)
