"""Sentences for the user from code that has nobody to return them to; they travel through the log."""

import logging
from collections.abc import Callable
from types import TracebackType

from models.system.errors import StillroomError

log = logging.getLogger(__name__)

MOST_WAITING = 100
"""So many different sentences are handed on; what a broken disk adds to them is in the log only."""

_FIELD = "notice"


def tell(notice: StillroomError) -> None:
    """Show `notice` to the user, where this process has a `NoticeInbox`; the log has it too. Any thread."""
    log.warning("%s %s", notice, notice.hint_text(), extra={_FIELD: notice})


class NoticeInbox(logging.Handler):
    """Hands on what is told while it is open, each sentence once; what comes before `observe` waits for it.

    Any thread. The observer is called on the thread that tells, and must not block.
    """

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[str, StillroomError] = {}
        self._observer: Callable[[StillroomError], None] | None = None
        log.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line of the log that holds a notice."""
        notice = getattr(record, _FIELD, None)
        if not isinstance(notice, StillroomError):
            return
        text = f"{notice} {notice.hint_text()}"
        if text in self._told or len(self._told) >= MOST_WAITING:
            return
        self._told[text] = notice
        if self._observer is not None:
            self._observer(notice)

    def observe(self, observer: Callable[[StillroomError], None]) -> None:
        """Call `observer` with what was told so far, and with each further notice."""
        self.acquire()
        try:
            self._observer = observer
            for notice in self._told.values():
                observer(notice)
        finally:
            self.release()

    def close(self) -> None:
        """Stop listening."""
        log.removeHandler(self)
        super().close()

    def __enter__(self) -> "NoticeInbox":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
