"""The tensors of a GGUF file as a table."""

from typing import Any

from PySide6.QtCore import QObject, Qt

from app.ui.widgets.filtered_table import SORT_ROLE
from app.ui.widgets.rows_model import Column, Index, RowsModel
from converters.gguf.gguf_reader import GgufSummary, TensorInfo
from models.system.units import byte_count

NAME, TYPE, SHAPE, SIZE, SHARE = range(5)


class GgufTensorsTable(RowsModel[TensorInfo]):
    """A row for each tensor, in the file's order; `SORT_ROLE` gives plain values."""

    def __init__(self, summary: GgufSummary, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._columns = (
            Column(self.tr("Tensor"), lambda tensor: tensor.name),
            Column(self.tr("Type"), lambda tensor: tensor.type),
            Column(
                self.tr("Shape"),
                lambda tensor: " × ".join(f"{length:,}" for length in tensor.shape),
                figures=True,
                sort=_bytes,
            ),
            Column(self.tr("Size"), lambda tensor: byte_count(tensor.bytes), figures=True, sort=_bytes),
            Column(
                self.tr("Share of the file"),
                lambda tensor: f"{100 * tensor.bytes / summary.bytes:.2f}%",
                figures=True,
                sort=_bytes,
            ),
        )
        self._rows = list(summary.tensors)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Names sort in the file's order, in which layer 10 does not come before layer 2."""
        if role == SORT_ROLE and index.column() == NAME:
            return index.row()
        return super().data(index, role)


def _bytes(tensor: TensorInfo) -> int:
    return tensor.bytes
