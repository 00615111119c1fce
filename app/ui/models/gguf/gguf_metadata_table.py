"""The metadata of a GGUF file as a table."""

from typing import Any

from PySide6.QtCore import QObject, Qt

from app.ui.widgets.rows_model import Column, Index, RowsModel
from converters.gguf.gguf_reader import GgufSummary, ListSummary, Value

KEY, VALUE = range(2)

Entry = tuple[str, Value | ListSummary]


class GgufMetadataTable(RowsModel[Entry]):
    """A row for each entry, in the file's order. A long value is shown on one line; its tool tip, and what is
    copied, has all of it (of a long list its beginning)."""

    def __init__(self, summary: GgufSummary, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._columns = (
            Column(self.tr("Key"), lambda entry: entry[0]),
            Column(
                self.tr("Value"),
                lambda entry: " ".join(self._whole(entry).split()),
                sort=lambda entry: self._whole(entry).casefold(),
            ),
        )
        self._rows = list(summary.metadata.items())

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell's data; copying takes the whole value."""
        if role == Qt.ItemDataRole.EditRole:
            entry = self._rows[index.row()]
            return entry[0] if index.column() == KEY else self._whole(entry)
        return super().data(index, role)

    def _tip(self, row: Entry, column: int) -> str | None:
        return self._whole(row) if column == VALUE else None

    def _whole(self, entry: Entry) -> str:
        value = entry[1]
        if not isinstance(value, ListSummary):
            return str(value)
        items = ", ".join(repr(item) for item in value.first)
        if value.length == len(value.first):
            return f"[{items}]"
        return self.tr("{count} × {type}: {items}, …").format(
            count=f"{value.length:,}", type=value.type, items=items
        )
