"""The golden answers beside those of before, as a table."""

from PySide6.QtCore import QObject
from PySide6.QtGui import QColor

from app.bench.drift.comparison import DriftReport, ItemDrift
from app.ui.base.theme import Theme
from app.ui.widgets.rows_model import Column, RowsModel

QUESTION, ANSWER, SAME, ROUGE, LIKELIHOOD = range(5)


class DriftItems(RowsModel[ItemDrift]):
    """A row a question. `ROW_ROLE` gives the whole item; GUI thread."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._tolerance = 0.0
        self._columns = (
            Column(self.tr("Question"), lambda item: item.question),
            Column(self.tr("Answer"), self._answer),
            Column(
                self.tr("Same tokens"),
                lambda item: f"{100 * item.same_share:.0f}%",
                figures=True,
                sort=lambda item: item.same_share,
            ),
            Column(
                self.tr("ROUGE-L"),
                lambda item: f"{item.rouge_l:.2f}",
                figures=True,
                sort=lambda item: item.rouge_l,
            ),
            Column(
                self.tr("Likelihood"),
                # Of no common word there is no likelihood to compare.
                lambda item: "–" if item.first_difference == 0 else f"{item.logprob_change:.4f}",
                figures=True,
                sort=lambda item: item.logprob_change,
            ),
        )

    def show_report(self, report: DriftReport) -> None:
        """Show the answers of a check."""
        self._tolerance = report.tolerance
        self._set_rows(report.items)

    def _answer(self, item: ItemDrift) -> str:
        if item.first_difference is None:
            return self.tr("likelihood changed") if self._has_moved(item) else self.tr("as before")
        return self.tr("differs from token {place} on").format(place=item.first_difference + 1)

    def _has_moved(self, item: ItemDrift) -> bool:
        return item.first_difference is not None or item.logprob_change > self._tolerance

    def _colour(self, row: ItemDrift, column: int) -> QColor | None:
        if column != ANSWER:
            return None
        return self._theme.colour("danger" if self._has_moved(row) else "good")

    def _tip(self, row: ItemDrift, column: int) -> str | None:
        if column != LIKELIHOOD:
            return None
        return self.tr(
            "How much more or less likely it finds the same words: the largest change of a "
            "token's log probability, in nats"
        )
