"""Ctrl+C and a polite kill ask the work to stop; a second one does not ask, and neither does the clock."""

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from app.base.shutdown import Ending

AGAIN_S = (0.05, 0.2, 1.0)
"""The delays at which, after a signal, a main thread that had just begun to wait is woken."""


class Interrupt(threading.Event):
    """Is set by the first signal. `status` is the exit code of a command that it has ended."""

    status = 128 + signal.SIGINT


@contextmanager
def cancel_on_interrupt() -> Iterator[Interrupt]:
    """An event that the first SIGINT or SIGTERM sets; the second raises `KeyboardInterrupt`.

    What has not ended in time is ended by force, also after this context. Main thread only.
    """
    cancel = Interrupt()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if cancel.is_set():
            raise KeyboardInterrupt
        cancel.status = 128 + number
        cancel.set()
        Ending(status=cancel.status).begin()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with _seen_at_once():
            yield cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class TalkInterrupts:
    """Ctrl+C in a conversation: while a line is typed it raises `KeyboardInterrupt`, else it sets `cancel`.
    A polite kill sets it too, and ends the talk, in time as for every command.

    One handler for each, so that no Ctrl+C falls between two. Main thread only.
    """

    def __init__(self) -> None:
        self.cancel = threading.Event()
        self._typing = False
        self._ended = False

    def __enter__(self) -> "TalkInterrupts":
        self._before = (
            signal.signal(signal.SIGINT, self._on_interrupt),
            signal.signal(signal.SIGTERM, self._on_end),
        )
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), self._before, strict=True):
            signal.signal(number, handler)

    def read_line(self, prompt: str) -> str:
        """Read a line from the user. Raises `EOFError` and `KeyboardInterrupt`."""
        if self._ended:
            raise EOFError
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

    def _on_end(self, number: int, frame: FrameType | None) -> None:
        Ending(status=128 + number).begin()
        self._ended = True
        self.cancel.set()
        if self._typing:
            raise EOFError


@contextmanager
def _seen_at_once() -> Iterator[None]:
    """Let the main thread see a signal that comes in the moment before it waits; without this it is seen when
    the wait is over, which for a line that is typed is the next key.

    Python's own handler runs on the main thread, between two steps, and only tells a descriptor at once: a
    thread reads it and ends the wait by another signal, which means nothing. Main thread only; POSIX.
    """
    if sys.platform == "win32":
        yield
        return
    main = threading.get_ident()
    ended = threading.Event()
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def watch() -> None:
        while not ended.is_set():
            select.select([reading], [], [])
            if any(number != signal.SIGURG for number in os.read(reading, 512)):
                for after_s in AGAIN_S:
                    if not ended.wait(after_s):
                        signal.pthread_kill(main, signal.SIGURG)

    watcher = threading.Thread(target=watch, name="signals", daemon=True)
    before_handler = signal.signal(signal.SIGURG, lambda number, frame: None)
    before_told = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before_told)
        ended.set()
        # Where it is full, there is enough to wake it.
        with suppress(BlockingIOError):
            os.write(writing, b"\0")
        watcher.join()
        signal.signal(signal.SIGURG, before_handler)
        os.close(reading)
        os.close(writing)
