"""Ctrl+C and a polite kill close the window as its title bar does."""

import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType

from PySide6.QtCore import QObject, Signal


class StopSignals(QObject):
    """Turns SIGINT and SIGTERM into `received` on the GUI thread.

    Python runs its handlers between two instructions of its own, and Qt's loop may run none for long, or
    hang: the byte that `signal.set_wakeup_fd` writes wakes a thread.
    """

    received = Signal()

    def __init__(self, on_signal: Callable[[], None], parent: QObject | None = None) -> None:
        """`on_signal` is called at once on that thread, also while the GUI thread hangs."""
        super().__init__(parent)
        self._on_signal = on_signal
        # Both are kept, so that they live as long as the thread.
        self._here, self._there = socket.socketpair()
        self._there.setblocking(False)
        signal.set_wakeup_fd(self._there.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _note)
        threading.Thread(target=self._listen, name="stop-signals", daemon=True).start()

    def _listen(self) -> None:
        while numbers := self._here.recv(64):
            if set(numbers) & {signal.SIGINT, signal.SIGTERM}:
                self._on_signal()
                self.received.emit()
                return


def _note(_number: int, _frame: FrameType | None) -> None:
    """The wake-up byte says it all."""
