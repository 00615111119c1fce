"""One window for one data folder: a second start raises the first, which opens the second's files."""

import contextlib
import hashlib
import json
import logging
import os
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

log = logging.getLogger(__name__)

WAIT_MS = 500
ANSWER_MS = 5000
"""A window that has not answered for so long hangs."""

LEAVING_S = 5.0
"""So long a process that has closed its window may take to end; it ends itself by force before."""

LONGEST_MESSAGE = 1 << 20
"""Of another start, which is not believed to have more files than that."""

_SHOWN, _CLOSING = b"shown\n", b"closing\n"


class SingleInstance(QObject):
    """Holds the name of the running window. `open_asked` comes with the files, often none, with which
    this user started Stillroom again.

    A process that has closed its window, or is gone without a word, keeps nobody from starting.
    """

    open_asked = Signal(list)

    def __init__(
        self,
        data_folder: Path,
        parent: QObject | None = None,
        *,
        may_end: Callable[[], bool] = lambda: False,
        answer_ms: int = ANSWER_MS,
    ) -> None:
        """`may_end` asks the user whether to end a process that does not answer within `answer_ms`."""
        super().__init__(parent)
        digest = hashlib.sha256(str(data_folder).encode()).hexdigest()[:16]
        self._name = f"stillroom-{digest}"
        self._may_end = may_end
        self._answer_ms = answer_ms
        self._has_window = True
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._connections: list[QLocalSocket] = []
        self._server.newConnection.connect(self._on_connection)

    def claim(self, files: Sequence[Path] = ()) -> bool:
        """Become the one window, or ask the one that is there to show itself with `files` and give False.

        Waits for a process that has closed its window, and takes over from it.
        """
        if self._is_shown_elsewhere(files):
            return False
        # A socket file that nobody answers is left over from a crash.
        QLocalServer.removeServer(self._name)
        if not self._server.listen(self._name):
            # Better two windows than none: what both write is safe from each other.
            log.warning("no second start will be noticed: %s", self._server.errorString())
        return True

    def leave(self) -> None:
        """Show nothing any more: whoever starts now waits for the end of this process and takes over."""
        self._has_window = False

    def release(self) -> None:
        """Give the name back, and take its socket away."""
        self._server.close()

    def _is_shown_elsewhere(self, files: Sequence[Path]) -> bool:
        first = QLocalSocket()
        first.connectToServer(self._name)
        if not first.waitForConnected(WAIT_MS):
            return False
        pid, is_own = _peer(first)
        if not is_own:
            log.warning("another user's process %s has the name of the window", pid)
            return False
        first.write(json.dumps([str(file) for file in files]).encode() + b"\n")
        first.waitForBytesWritten(WAIT_MS)
        answered = _wait_for_line(first, self._answer_ms)
        line = bytes(first.readLine().data())
        if line == _SHOWN:
            return True
        if not answered and first.state() == QLocalSocket.LocalSocketState.ConnectedState:
            log.warning("process %s has the window and does not answer", pid)
            if not self._may_end():
                return True
            _end(pid)
            return False
        # It closes, it has just ended, or it is an earlier version, which shows itself and says nothing.
        if _is_gone(pid, LEAVING_S):
            return False
        if line == _CLOSING:
            log.warning("process %s has closed its window and does not end", pid)
            _end(pid)
            return False
        return True

    def _on_connection(self) -> None:
        connection = self._server.nextPendingConnection()
        if connection is not None:
            connection.setReadBufferSize(LONGEST_MESSAGE)
            self._connections.append(connection)
            connection.readyRead.connect(self._on_message)
            self._on_message()

    def _on_message(self) -> None:
        for connection in [connection for connection in self._connections if connection.canReadLine()]:
            self._connections.remove(connection)
            message = bytes(connection.readLine().data())
            connection.disconnected.connect(connection.deleteLater)
            connection.write(_SHOWN if self._has_window else _CLOSING)
            connection.disconnectFromServer()
            if not self._has_window:
                continue
            try:
                files = [Path(name) for name in json.loads(message)]
            except (ValueError, TypeError, RecursionError):
                files = []  # another version of Stillroom: the window shows itself all the same
            self.open_asked.emit(files)


def _wait_for_line(first: QLocalSocket, most_ms: int) -> bool:
    return first.canReadLine() or first.waitForReadyRead(most_ms) or first.canReadLine()


def _peer(connection: QLocalSocket) -> tuple[int | None, bool]:
    """Give the process that listens at the other end, and whether it is this user's: in a folder for all
    anybody may take a name before us. None and True where the system does not say."""
    descriptor = int(connection.socketDescriptor())
    if sys.platform == "win32":
        import ctypes

        pid = ctypes.c_ulong()
        found = ctypes.windll.kernel32.GetNamedPipeServerProcessId(descriptor, ctypes.byref(pid))
        return pid.value if found else None, True
    if sys.platform == "linux":
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as same:
            size = struct.calcsize("3i")
            said = same.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
            process, user, _group = struct.unpack("3i", said)
            return process, user == os.geteuid()
    return None, True


def _is_gone(pid: int | None, within_s: float) -> bool:
    try:
        psutil.Process(pid if pid is not None else -1).wait(within_s)
    except psutil.TimeoutExpired:
        return False
    except (psutil.Error, ValueError):
        return pid is not None
    return True


def _end(pid: int | None) -> None:
    """End a process and all below it, and wait for that."""
    if pid is None:
        return
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in [*process.children(recursive=True), process]:
            with contextlib.suppress(psutil.Error):
                each.kill()
        process.wait(LEAVING_S)
