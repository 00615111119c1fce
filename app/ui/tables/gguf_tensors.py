"""The tensors of a GGUF file as a table."""

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.ui.widgets.filtered_table import SORT_ROLE
from converters.inspect import GgufSummary, TensorInfo
from models.wording import byte_count

Index = QModelIndex | QPersistentModelIndex

NAME, TYPE, SHAPE, SIZE, SHARE = range(5)
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class GgufTensorsTable(QAbstractTableModel):
    """A row for each tensor, in the file's order; `SORT_ROLE` gives plain values."""

    def __init__(self, summary: GgufSummary, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tensors = summary.tensors
        self._file_bytes = summary.bytes

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """One row for each tensor."""
        return 0 if parent.isValid() else len(self._tensors)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """Name, type, shape, size, share of the file."""
        return 0 if parent.isValid() else 5

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """The columns' titles."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return (
                self.tr("Tensor"),
                self.tr("Type"),
                self.tr("Shape"),
                self.tr("Size"),
                self.tr("Share of the file"),
            )[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if section >= SHAPE else _LEFT
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, alignment and the value to sort by."""
        tensor = self._tensors[index.row()]
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(tensor, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if column >= SHAPE else _LEFT
        if role == SORT_ROLE:
            return self._sort_value(tensor, column, index.row())
        return None

    def _text(self, tensor: TensorInfo, column: int) -> str:
        match column:
            case 0:
                return tensor.name
            case 1:
                return tensor.type
            case 2:
                return " × ".join(f"{length:,}" for length in tensor.shape)
            case 3:
                return byte_count(tensor.bytes)
        return f"{100 * tensor.bytes / self._file_bytes:.2f}%"

    @staticmethod
    def _sort_value(tensor: TensorInfo, column: int, row: int) -> Any:
        if column == NAME:
            return row  # the file's order, in which layer 10 does not come before layer 2
        if column == TYPE:
            return tensor.type
        return tensor.bytes
