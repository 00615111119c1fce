"""Ctrl+C asks the work to stop; a second one does not ask."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def cancel_on_interrupt() -> Iterator[threading.Event]:
    """An event that the first SIGINT sets; the second raises `KeyboardInterrupt`. Main thread only."""
    cancel = threading.Event()

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        if cancel.is_set():
            raise KeyboardInterrupt
        cancel.set()

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield cancel
    finally:
        signal.signal(signal.SIGINT, before)


class TalkInterrupts:
    """Ctrl+C in a conversation: while a line is typed it raises `KeyboardInterrupt`, else it sets `cancel`.

    One handler for both, so that no Ctrl+C falls between two. Main thread only.
    """

    def __init__(self) -> None:
        self.cancel = threading.Event()
        self._typing = False

    def __enter__(self) -> "TalkInterrupts":
        self._before = signal.signal(signal.SIGINT, self._on_interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def read_line(self, prompt: str) -> str:
        """What the user types. Raises `EOFError` and `KeyboardInterrupt`."""
        self._typing = True
        try:
            line = input(prompt)
        finally:
            self._typing = False
        self.cancel.clear()
        return line

    def _on_interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._typing:
            raise KeyboardInterrupt
        self.cancel.set()
