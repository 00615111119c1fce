"""The cost of quantising each file of a model, as a table."""

from collections.abc import Sequence

from PySide6.QtCore import QObject
from PySide6.QtGui import QColor

from app.ui.base import figures
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
                self.tr("Perplexity"),
                lambda row: _growth(row[1]),
                figures=True,
                explanation=self.tr(
                    "By how much its perplexity is higher than the original's: how much more a text "
                    "surprises it. No share of wrong answers: +2% is not two answers of a hundred."
                ),
            ),
            Column(
                self.tr("Divergence"),
                lambda row: nats(row[1].kld_mean),
                figures=True,
                explanation=self.tr(
                    "How far its predictions are from those of the original: 0 is no difference, 0.01 can "
                    "hardly be noticed, 0.1 can (Kullback-Leibler divergence, mean in nats per token)."
                ),
            ),
            Column(
                self.tr("99% below"),
                lambda row: nats(row[1].kld_p99),
                figures=True,
                explanation=self.tr("99 of 100 predictions are nearer to the original than this."),
            ),
            Column(
                self.tr("tok/s (original)"),
                lambda row: _speeds(row[1]),
                figures=True,
                explanation=self.tr(
                    "New tokens per second during this measurement, in brackets those of the original. What "
                    "replies reach is said under “On this PC”."
                ),
            ),
        )
        theme.changed.connect(self._recolour)

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


def _growth(quality: Quality) -> str:
    low, high = quality.accuracy_loss_interval
    return f"{figures.change(quality.accuracy_loss_percent, 2)} ± {(high - low) / 2:.2f}"


def _speeds(quality: Quality) -> str:
    return f"{figures.rate(quality.decode_tok_per_s)} ({figures.rate(quality.reference_decode_tok_per_s)})"


def nats(divergence: float) -> str:
    """Write a divergence to three decimals: what is smaller makes no difference that anybody sees."""
    return f"{divergence:.3f}" if divergence >= 0.0005 else "< 0.001"
