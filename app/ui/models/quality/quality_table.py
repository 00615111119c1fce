"""The cost of quantising each file of a model, as a table."""

from collections.abc import Sequence

from PySide6.QtCore import QObject
from PySide6.QtGui import QColor

from app.ui.base.theme import Theme
from app.ui.widgets.rows_model import Column, RowsModel
from models.quantisation.quantisation_loss import CONFIDENCE, Quality
from models.store.store import InstalledModel
from models.system.units import byte_count

TYPE, SIZE, SAME_TOP, LOSS, KLD, KLD_P99, SPEED = range(7)


class QualityTable(RowsModel[tuple[str, Quality]]):
    """A row for each measured file, the largest first; GUI thread."""

    says_titles = True

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._gate_percent = 0.0
        self._columns = (
            Column(self.tr("Type"), lambda row: row[0]),
            Column(self.tr("Size"), lambda row: byte_count(row[1].bytes), figures=True),
            Column(
                self.tr("Same next word"),
                lambda row: _same_top(row[1]),
                figures=True,
                explanation=self.tr("How often it predicts the same next word (token) as the original."),
            ),
            Column(
                self.tr("Accuracy loss"),
                lambda row: _loss(row[1]),
                figures=True,
                explanation=self.tr(
                    "By how much more a text surprises it than the original (growth of the perplexity)."
                ),
            ),
            Column(
                self.tr("Divergence"),
                lambda row: f"{row[1].kld_mean:.3g} ± {CONFIDENCE * row[1].kld_mean_error:.2g}",
                figures=True,
                explanation=self.tr(
                    "How far its predictions are from those of the original; 0 is no difference "
                    "(Kullback-Leibler divergence, mean in nats per token)."
                ),
            ),
            Column(
                self.tr("99% below"),
                lambda row: f"{row[1].kld_p99:.3g}",
                figures=True,
                explanation=self.tr("99 of 100 predictions are nearer to the original than this."),
            ),
            Column(
                self.tr("Tokens/s"),
                lambda row: f"{row[1].decode_tok_per_s:.1f} / {row[1].reference_decode_tok_per_s:.1f}",
                figures=True,
                explanation=self.tr(
                    "New tokens per second during this measurement, and those of the original. What "
                    "replies reach is said under “On this PC”."
                ),
            ),
        )
        theme.changed.connect(self._repaint)

    def show_models(self, models: Sequence[InstalledModel], gate_percent: float) -> None:
        """Take new rows; a loss above `gate_percent` stands out."""
        self._gate_percent = gate_percent
        rows = [(model.type, model.quality) for model in models if model.quality is not None]
        self._set_rows(sorted(rows, key=lambda row: -row[1].bytes))

    def _colour(self, row: tuple[str, Quality], column: int) -> QColor:
        above = column == LOSS and row[1].accuracy_loss_percent > self._gate_percent
        return self._theme.colour("warning" if above else "text")


def _same_top(quality: Quality) -> str:
    return f"{100 * quality.same_top:.1f}% ± {100 * CONFIDENCE * quality.same_top_error:.1f}"


def _loss(quality: Quality) -> str:
    low, high = quality.accuracy_loss_interval
    return f"{quality.accuracy_loss_percent:.2f}% ± {(high - low) / 2:.2f}"
