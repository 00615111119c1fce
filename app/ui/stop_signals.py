"""Ctrl+C and a polite kill close the window as its title bar does."""

import signal
import socket
from types import FrameType

from PySide6.QtCore import QObject, QSocketNotifier, Signal


class StopSignals(QObject):
    """Turns SIGINT and SIGTERM into `received` on the GUI thread.

    Python runs its handlers between two instructions of its own, and Qt's loop may run none for long: the
    byte that `signal.set_wakeup_fd` writes wakes the loop.
    """

    received = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._here, self._there = socket.socketpair()
        for end in (self._here, self._there):
            end.setblocking(False)
        signal.set_wakeup_fd(self._there.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _note)
        self._notifier = QSocketNotifier(self._here.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_byte)

    def _on_byte(self) -> None:
        if set(self._here.recv(64)) & {signal.SIGINT, signal.SIGTERM}:
            self.received.emit()


def _note(_number: int, _frame: FrameType | None) -> None:
    """The wake-up byte says it all."""
