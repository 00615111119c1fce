"""Who uses the local API, as a table."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.server.stats import ClientView

Index = QModelIndex | QPersistentModelIndex

NAME, ADDRESS, REQUESTS, TOKENS, STATE = range(5)


class ApiClients(QAbstractTableModel):
    """A row for each program, the one that asked last on top. GUI thread."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._clients: tuple[ClientView, ...] = ()

    def show_clients(self, clients: Sequence[ClientView]) -> None:
        """How things stand now."""
        if len(clients) != len(self._clients):
            self.beginResetModel()
            self._clients = tuple(clients)
            self.endResetModel()
        elif clients:
            self._clients = tuple(clients)
            self.dataChanged.emit(self.index(0, NAME), self.index(len(clients) - 1, STATE))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """One row for each program."""
        return 0 if parent.isValid() else len(self._clients)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """What is known of it."""
        return 0 if parent.isValid() else STATE + 1

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """The columns' titles."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (
                self.tr("Program"),
                self.tr("Address"),
                self.tr("Requests"),
                self.tr("Tokens"),
                self.tr("Last seen"),
            )[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, figures to the right."""
        client = self._clients[index.row()]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(index.column())
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        return (
            client.name or self.tr("without a name"),
            client.address,
            f"{client.requests:,}",
            f"{client.tokens:,}",
            self._seen(client),
        )[index.column()]

    def _seen(self, client: ClientView) -> str:
        if client.running:
            return self.tr("being answered")
        if client.idle_s < 60:
            return self.tr("{seconds} s ago").format(seconds=round(client.idle_s))
        return self.tr("{minutes} min ago").format(minutes=round(client.idle_s / 60))


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in (REQUESTS, TOKENS) else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
