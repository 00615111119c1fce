"""A reply that is coming in, kept on disk."""

import logging
import threading
from collections.abc import Callable

import msgspec

from app.base.errors import StillroomError
from app.base.threads import start_thread
from app.chat.store.full_disk_drafts import LastWord
from app.chat.store.records import Outcome, StoredMessage
from app.chat.store.store import ChatStore
from app.engine.protocol import Channel, GenerationStats

log = logging.getLogger(__name__)

INTERVAL_S = 0.75
"""Between two writings: what a crash costs is this and the writing itself."""


class ReplyRecorder:
    """Writes one reply as it grows, so that a crash of the window or the engine loses a second at most.

    A thread of its own does the writing: neither the window nor the engine's events wait for the disk.
    `add` and `finish` may be called from any thread.
    """

    def __init__(
        self,
        store: ChatStore,
        message_id: int,
        *,
        interval_s: float = INTERVAL_S,
        on_problem: Callable[[StillroomError], None] | None = None,
        before: StoredMessage | None = None,
    ) -> None:
        """`on_problem` is called on the writing thread when the disk refuses, once until it works again.
        `before` is the message as it was kept, where its reply goes on."""
        self._store = store
        self._message_id = message_id
        self._interval_s = interval_s
        self._on_problem = on_problem
        self._changed = threading.Condition()
        self._pieces: dict[Channel, list[str]] = {"thinking": [], "answer": []}
        self._stats: GenerationStats | None = None
        if before is not None:
            self._pieces = {"thinking": [before.thinking], "answer": [before.content]}
            if before.stats is not None:
                # Until the end is measured, they are of the first part.
                self._stats = msgspec.structs.replace(before.stats, is_partly=True)
        self._dirty = before is not None
        self._end: tuple[Outcome, GenerationStats | None, str] | None = None
        self._refused = False
        self._kept = start_thread(self._run, "reply-recorder")

    def text(self, channel: Channel) -> str:
        """Return what has come on `channel` so far."""
        with self._changed:
            return "".join(self._pieces[channel])

    def add(self, channel: Channel, text: str) -> None:
        """More of the reply."""
        with self._changed:
            self._pieces[channel].append(text)
            self._dirty = True
            self._changed.notify()

    def finish(self, outcome: Outcome, *, stats: GenerationStats | None = None, error: str = "") -> None:
        """The reply has ended; it is written at once, by the thread. A second end is ignored."""
        with self._changed:
            self._end = self._end or (outcome, stats, error)
            self._changed.notify()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Block until the end is on the disk (or the disk has refused it); False when that took too long."""
        return self._kept.wait(timeout_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._dirty or self._end is not None)
                end = self._end
                self._dirty = False
                content, thinking = ("".join(self._pieces[channel]) for channel in ("answer", "thinking"))
            if end is not None:
                outcome, stats, error = end
                if not self._save(content, thinking, outcome, stats, error):
                    self._store.keep_last(
                        LastWord(
                            message=self._message_id, content=content, thinking=thinking, outcome=outcome
                        )
                    )
                return
            self._save(content, thinking, "running", self._stats, "")
            with self._changed:
                self._changed.wait_for(lambda: self._end is not None, self._interval_s)

    def _save(
        self, content: str, thinking: str, outcome: Outcome, stats: GenerationStats | None, error: str
    ) -> bool:
        try:
            self._store.save_reply(
                self._message_id, content, thinking, outcome=outcome, stats=stats, error=error
            )
            self._refused = False
        except StillroomError as problem:
            log.error("A reply could not be saved: %s", problem)
            if self._on_problem is not None and not self._refused:
                self._on_problem(problem)
            self._refused = True
            return False
        return True
