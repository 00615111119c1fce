"""The audit log for the rest of the program: lines are taken at once and written on a thread of its own."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.audit.chained_line import now_text
from app.audit.reading import all_values
from app.base.errors import StillroomError
from app.base.threads import start_thread

log = logging.getLogger(__name__)

MOST_WAITING, MOST_WAITING_CHARACTERS = 10_000, 64_000_000
"""The lines that wait while the disk refuses them, and what their texts hold together."""
RETRY_S = 5.0
CLOSING_S = 5.0


class AuditLogError(StillroomError):
    """The audit log cannot be written."""


@dataclass(slots=True)
class _Entry:
    fields: dict[str, Any]
    complete: Callable[[], dict[str, Any]] | None
    characters: int = 0

    def completed(self) -> dict[str, Any]:
        if self.complete is not None:
            self.fields |= self.complete()
            self.complete = None
        return self.fields


class AuditLog:
    """Any thread. Nothing here waits for the disk, except `close` and `flush`.

    What cannot be written is tried again, up to `MOST_WAITING` lines of `MOST_WAITING_CHARACTERS`; what is
    lost then is counted in it.
    `on_problem` is called once for each row of failures, on the log's thread.
    """

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self.path = path
        """The folder of the files."""
        self._limit_bytes = limit_bytes
        self.on_problem: Callable[[AuditLogError], None] | None = None
        self._changed = threading.Condition()
        self._waiting: deque[_Entry] = deque()
        self._characters = 0
        self._ended: threading.Event | None = None
        self._writing = False
        self._failing = False
        self._lost = 0
        self._closed = False

    def add(
        self, kind: str, fields: dict[str, Any], complete: Callable[[], dict[str, Any]] | None = None
    ) -> None:
        """A line of this kind, with the time of now; `complete` gives more fields, on the log's thread."""
        entry = _Entry({"time": now_text(), "kind": kind, **fields}, complete)
        entry.characters = sum(map(len, all_values(fields)))
        with self._changed:
            if self._closed:
                return
            self._waiting.append(entry)
            self._characters += entry.characters
            while len(self._waiting) > MOST_WAITING or (
                self._characters > MOST_WAITING_CHARACTERS and len(self._waiting) > 1
            ):
                self._drop_first()
                self._lost += 1
            if self._ended is None:
                self._ended = start_thread(self._run, "audit")
            self._changed.notify_all()

    def flush(self, timeout_s: float = CLOSING_S) -> bool:
        """Wait until everything is on the disk; False where that took too long or failed."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._failing or not (self._waiting or self._writing), timeout_s
            ) and not (self._waiting or self._writing)

    def close(self) -> None:
        """Write what waits, not for long, and end the thread."""
        self.flush()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            ended = self._ended
        if ended is not None:
            ended.wait(CLOSING_S)
        if self._waiting:
            log.error("audit log: %d lines were not written", len(self._waiting))

    def _drop_first(self) -> None:
        self._characters -= self._waiting.popleft().characters

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._waiting)
                if self._closed and (self._failing or not self._waiting):
                    return
                batch = list(self._waiting)
                lost = self._lost
                self._writing = True
            notes = [{"time": now_text(), "kind": "lost", "lines": lost}] if lost else []
            error = self._write([*notes, *(entry.completed() for entry in batch)])
            with self._changed:
                self._writing = False
                if error is None:
                    # Lines that came too much meanwhile were dropped from the front, which is written now.
                    dropped = self._lost - lost
                    for _ in range(len(batch) - dropped):
                        self._drop_first()
                    self._lost = 0 if dropped <= len(batch) else dropped - len(batch)
                self._changed.notify_all()
            self._tell(error)
            if error is not None:
                with self._changed:
                    self._changed.wait_for(lambda: self._closed, RETRY_S)

    def _write(self, entries: list[dict[str, Any]]) -> OSError | None:
        # The lock between processes is loaded with the first line: the window does not wait for it.
        from app.audit.writer import AuditWriter

        try:
            AuditWriter(self.path, self._limit_bytes).append(entries)
        except OSError as error:
            log.warning("audit log: %s", error)
            return error
        return None

    def _tell(self, error: OSError | None) -> None:
        was_failing, self._failing = self._failing, error is not None
        if error is None or was_failing:
            with self._changed:
                self._changed.notify_all()
            return
        with self._changed:
            self._changed.notify_all()
        if self.on_problem is not None:
            self.on_problem(
                AuditLogError(
                    "The audit log in {path} cannot be written: {reason}. Replies go on without it.",
                    "Check that the folder may be written and that the disk is not full; it is tried again.",
                    path=str(self.path),
                    reason=error.strerror or type(error).__name__,
                )
            )
