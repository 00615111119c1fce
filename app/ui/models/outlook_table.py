"""The memory and speed of each quantisation of a model on this computer, as a table."""

from PySide6.QtCore import QObject
from PySide6.QtGui import QColor

from app.machine.advisor import Outlook
from app.ui.base.theme import Theme
from app.ui.models.list.fit_text import fit_text, speed_text, speed_tip, verdict_text
from app.ui.widgets.rows_model import Column, RowsModel
from models.memory.fit import Verdict
from models.quantisation.quantisation_loss import PUBLISHED_LOSS_PERCENT
from models.system.units import byte_count

TYPE, QUALITY, WEIGHTS, CACHE, COMPUTE, RAM, CARD, LAYERS, SPEED, HERE = range(10)


class OutlookTable(RowsModel[Outlook]):
    """A row for each quantisation; GUI thread."""

    says_titles = True

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._columns = (
            Column(self.tr("Type"), lambda row: row.quantisation),
            Column(
                self.tr("Quality"),
                lambda row: f"+{PUBLISHED_LOSS_PERCENT[row.quantisation]}%",
                figures=True,
                explanation=self.tr(
                    "By how much more a text surprises it than the original (growth of the perplexity), as "
                    "published for Llama 3 8B: less is better."
                ),
            ),
            Column(self.tr("Weights"), lambda row: byte_count(row.fit.weights_bytes), figures=True),
            Column(
                self.tr("Context (KV cache)"),
                lambda row: byte_count(row.fit.cache_bytes),
                figures=True,
                explanation=self.tr("For what the model remembers of the whole context."),
            ),
            Column(
                self.tr("Buffers"),
                lambda row: byte_count(row.fit.buffer_bytes),
                figures=True,
                explanation=self.tr("For the computing itself."),
            ),
            Column(
                self.tr("RAM"),
                lambda row: byte_count(row.ram_bytes),
                figures=True,
                explanation=self.tr("Everything in RAM together."),
            ),
            Column(
                self.tr("VRAM"),
                lambda row: byte_count(row.device_bytes) if row.device_bytes else "–",
                figures=True,
                explanation=self.tr("Everything on graphics cards together."),
            ),
            Column(
                self.tr("Layers on GPU"),
                lambda row: f"{row.fit.gpu_layers} / {row.fit.layers}" if row.fit.gpu_layers else "–",
                figures=True,
                explanation=self.tr(
                    "How many of the model's layers fit on the graphics cards; the "
                    "others run on the processor."
                ),
            ),
            Column(
                self.tr("tok/s"),
                speed_text,
                figures=True,
                explanation=self.tr("New tokens per second while the context is short."),
            ),
            Column(self.tr("On this PC"), lambda row: verdict_text(row.fit)),
        )
        theme.changed.connect(self._recolour)

    def show_outlooks(self, outlooks: list[Outlook]) -> None:
        """Take new rows; the selection survives where their number stays."""
        self._renew_rows(outlooks)

    def _tip(self, row: Outlook, column: int) -> str:
        return speed_tip(row) if column == SPEED else fit_text(row.fit)

    def _colour(self, row: Outlook, column: int) -> QColor:
        if row.fit.verdict is Verdict.TOO_LARGE:
            return self._theme.colour("muted")
        measured = row.basis == "measured" if column == SPEED else row.measured_so is not None
        return self._theme.colour("good" if measured and column in (RAM, CARD, SPEED) else "text")
