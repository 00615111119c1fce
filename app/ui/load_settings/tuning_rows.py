"""The measurements of a tuning, as a table."""

from typing import Any

from PySide6.QtCore import QCoreApplication, QObject, Qt
from PySide6.QtGui import QFont

from app.tuning.report import Knob, TuningReport, TuningRow
from app.ui.base import figures
from app.ui.base.resource_words import setting_words
from app.ui.widgets.notices import notice_text
from app.ui.widgets.rows_model import Column, Index, RowsModel

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


class TuningRowsModel(RowsModel[TuningRow]):
    """A row a value; the chosen ones are bold. The setting is named once."""

    def __init__(self, report: TuningReport, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._columns = (
            Column(self.tr("Setting"), lambda row: knob_text(row.knob)),
            Column(self.tr("Value"), lambda row: f"✓ {_value(row)}" if row.chosen else _value(row)),
            Column(self.tr("Prompt, tok/s"), lambda row: _rate(row.speed.prompt_tok_per_s), figures=True),
            Column(self.tr("Reply, tok/s"), lambda row: _rate(row.speed.decode_tok_per_s), figures=True),
            Column(self.tr("Why"), lambda row: notice_text(row.why)),
        )
        self._rows = list(report.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The setting only in its first row, what was chosen in bold."""
        at = index.row()
        row = self._rows[at]
        match role:
            case Qt.ItemDataRole.DisplayRole if index.column() == SETTING:
                if at and self._rows[at - 1].knob == row.knob:
                    return ""
            case Qt.ItemDataRole.FontRole if row.chosen:
                font = QFont()
                font.setBold(True)
                return font
        return super().data(index, role)

    def _tip(self, row: TuningRow, column: int) -> str | None:
        return notice_text(row.why) if column == WHY else None


def _value(row: TuningRow) -> str:
    return setting_words(str(row.value), row.knob)


def _rate(tok_per_s: float | None) -> str:
    return "" if tok_per_s is None else figures.rate(tok_per_s)
