"""One window for one data folder: a second start raises the first, which opens the second's files."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

WAIT_MS = 500


class SingleInstance(QObject):
    """Holds the name of the running window. `open_asked` comes with the files, often none, with which
    this user started Stillroom again."""

    open_asked = Signal(list)

    def __init__(self, data_folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        digest = hashlib.sha256(str(data_folder).encode()).hexdigest()[:16]
        self._name = f"stillroom-{digest}"
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._connections: list[QLocalSocket] = []
        self._server.newConnection.connect(self._on_connection)

    def claim(self, files: Sequence[Path] = ()) -> bool:
        """Become the one window, or ask the one that is there to show itself with `files` and give False."""
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if socket.waitForConnected(WAIT_MS):
            socket.write(json.dumps([str(file) for file in files]).encode() + b"\n")
            socket.waitForBytesWritten(WAIT_MS)
            socket.disconnectFromServer()
            return False
        # A socket file that nobody answers is left over from a crash.
        QLocalServer.removeServer(self._name)
        return self._server.listen(self._name)

    def release(self) -> None:
        """Give the name back, and take its socket away."""
        self._server.close()

    def _on_connection(self) -> None:
        connection = self._server.nextPendingConnection()
        if connection is not None:
            self._connections.append(connection)
            connection.readyRead.connect(self._on_message)
            self._on_message()

    def _on_message(self) -> None:
        for connection in [connection for connection in self._connections if connection.canReadLine()]:
            self._connections.remove(connection)
            message = bytes(connection.readLine().data())
            connection.deleteLater()
            try:
                files = [Path(name) for name in json.loads(message)]
            except (ValueError, TypeError):
                files = []  # another version of Stillroom: the window shows itself all the same
            self.open_asked.emit(files)
