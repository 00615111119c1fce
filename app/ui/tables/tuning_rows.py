"""What tuning measured, as a table."""

from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)
from PySide6.QtGui import QFont

from app.tuning.report import Knob, TuningReport, TuningRow
from app.ui import figures
from app.ui.widgets.notices import notice_text

Index = QModelIndex | QPersistentModelIndex

SETTING, VALUE, PROMPT, REPLY, WHY = range(5)


def knob_text(knob: Knob | str) -> str:
    """A setting, or what else tuning is at, in the window's language."""
    translate = QCoreApplication.translate
    return {
        "load": translate("tuning", "Loading"),
        "default": translate("tuning", "The defaults"),
        "compare": translate("tuning", "The defaults against the choice"),
        "threads": translate("tuning", "Threads"),
        "prompt_threads": translate("tuning", "Threads for prompts"),
        "batch_tokens": translate("tuning", "Batch"),
        "flash_attention": translate("tuning", "Flash attention"),
        "kv_type": translate("tuning", "Cache type"),
        "gpu_layers": translate("tuning", "GPU layers"),
    }[knob]


class TuningRowsModel(QAbstractTableModel):
    """A row a value; the chosen ones are bold. The setting is named once."""

    def __init__(self, report: TuningReport, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows = report.rows

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's name and default
        """One row a value."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's name and default
        """The columns of the header."""
        return 0 if parent.isValid() else WHY + 1

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Names above, aligned like their columns."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return (
            self.tr("Setting"),
            self.tr("Value"),
            self.tr("Prompt, tok/s"),
            self.tr("Reply, tok/s"),
            self.tr("Why"),
        )[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The cell for Qt's roles."""
        row = self._rows[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(index.row(), index.column())
            case Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(index.column())
            case Qt.ItemDataRole.ToolTipRole if index.column() == WHY:
                return notice_text(row.why)
            case Qt.ItemDataRole.FontRole if row.chosen:
                font = QFont()
                font.setBold(True)
                return font
        return None

    def _text(self, at: int, column: int) -> str:
        row = self._rows[at]
        match column:
            case 0:
                first = at == 0 or self._rows[at - 1].knob != row.knob
                return knob_text(row.knob) if first else ""
            case 1:
                return f"✓ {_value(row)}" if row.chosen else _value(row)
            case 2:
                return _rate(row.speed.prompt_tok_per_s)
            case 3:
                return _rate(row.speed.decode_tok_per_s)
            case _:
                return notice_text(row.why)


def _value(row: TuningRow) -> str:
    if row.value == "auto":
        return QCoreApplication.translate("tuning", "automatic")
    if row.value == "off":
        return QCoreApplication.translate("tuning", "off")
    return str(row.value)


def _rate(tok_per_s: float | None) -> str:
    return "" if tok_per_s is None else figures.rate(tok_per_s)


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in (PROMPT, REPLY) else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
