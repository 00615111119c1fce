"""The metadata of a GGUF file as a table."""

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.ui.widgets.filtered_table import SORT_ROLE
from converters.inspect import GgufSummary, ListSummary, Value

Index = QModelIndex | QPersistentModelIndex

KEY, VALUE = range(2)
_LONGEST_TIP = 4000


class GgufMetadataTable(QAbstractTableModel):
    """A row for each entry, in the file's order. A long value is shown on one line; its tool tip, and what is
    copied, has all of it (of a long list its beginning)."""

    def __init__(self, summary: GgufSummary, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._entries = list(summary.metadata.items())

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """One row for each entry."""
        return 0 if parent.isValid() else len(self._entries)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """Key and value."""
        return 0 if parent.isValid() else 2

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """The columns' titles."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (self.tr("Key"), self.tr("Value"))[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, the whole text as the tool tip, and the value to sort by."""
        key, value = self._entries[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return key if index.column() == KEY else " ".join(self._text(value).split())
        if role == Qt.ItemDataRole.EditRole:
            return key if index.column() == KEY else self._text(value)
        if role == Qt.ItemDataRole.ToolTipRole and index.column() == VALUE:
            return self._text(value)[:_LONGEST_TIP]
        if role == SORT_ROLE:
            return key if index.column() == KEY else self._text(value).casefold()
        return None

    def _text(self, value: Value | ListSummary) -> str:
        if not isinstance(value, ListSummary):
            return str(value)
        items = ", ".join(repr(item) for item in value.first)
        if value.length == len(value.first):
            return f"[{items}]"
        return self.tr("{count} × {type}: {items}, …").format(
            count=f"{value.length:,}", type=value.type, items=items
        )
