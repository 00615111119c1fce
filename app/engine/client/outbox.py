"""A queue of messages to the engine's process. No caller waits for the write: the process may be stopped."""

import threading
from collections import deque
from dataclasses import dataclass

from app.base.errors import EngineError, RequestError
from app.engine.protocol import AnswerNow, Cancel, DropStates, Message, ReadCards, Shutdown
from app.engine.protocol.frames import encode_frame
from models.system.units import byte_count

MOST_BYTES = 64 << 20
"""A context of a million tokens is a prompt of 5 MB: so much is waiting only where nobody reads."""

NEVER_REFUSED = (Cancel, AnswerNow, DropStates, ReadCards, Shutdown)
"""Small ones, of which each is kept once: they end work, or delete what must not stay."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    message: Message
    frame: bytes


class Outbox:
    """The messages for one life of the process, in their order. Any thread puts, one takes."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._changed = threading.Condition()
        self._waiting: deque[_Waiting] = deque()
        self._bytes = 0
        self._written = b""
        self._closed = False

    def put(self, message: Message) -> None:
        """Hand in a message; returns at once. After `close` it goes nowhere.

        Raises `EngineError` where too much is waiting; never for `NEVER_REFUSED`.
        """
        frame = encode_frame(message)
        with self._changed:
            if self._closed:
                return
            if isinstance(message, NEVER_REFUSED):
                if any(frame == other.frame for other in self._waiting):
                    return
            else:
                self._check_room(len(frame))
            self._waiting.append(_Waiting(message, frame))
            self._bytes += len(frame)
            self._changed.notify()

    def withdraw(self, request_id: int) -> bool:
        """Take back a request with all that belongs to it; False where it is being written, or was."""
        with self._changed:
            kept = deque(
                one for one in self._waiting if getattr(one.message, "request_id", None) != request_id
            )
            found = any(
                getattr(one.message, "request_id", None) == request_id
                and not isinstance(one.message, NEVER_REFUSED)
                for one in self._waiting
            )
            if found:
                self._waiting = kept
                self._count()
        return found

    def take(self) -> bytes | None:
        """Wait for the next message, as a frame; None when there is none any more. The writer's thread."""
        with self._changed:
            self._written = b""
            self._count()
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                return None
            self._written = self._waiting.popleft().frame
            return self._written

    def end_with(self, last: Message) -> None:
        """Put `last` in the place of what waits, and close."""
        with self._changed:
            if not self._closed:
                self._waiting = deque([_Waiting(last, encode_frame(last))])
                self._closed = True
                self._changed.notify()

    def close(self) -> None:
        """Drop what waits; `take` gives None from now on."""
        with self._changed:
            self._waiting.clear()
            self._closed = True
            self._changed.notify()

    def _count(self) -> None:
        self._bytes = len(self._written) + sum(len(one.frame) for one in self._waiting)

    def _check_room(self, size: int) -> None:
        most = byte_count(self._most_bytes)
        if size > self._most_bytes:
            raise RequestError(
                "This request is larger than {size}, which is more than any model reads.",
                "Send a part of it.",
                size=most,
            )
        if self._bytes + size > self._most_bytes:
            raise EngineError(
                "The engine does not take in what it is sent: {size} are waiting already.",
                "Wait until it has answered, or stop a reply, and send it again.",
                size=most,
            )
