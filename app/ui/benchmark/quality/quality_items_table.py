"""The items of a quality run as a table."""

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QObject
from PySide6.QtGui import QColor

from app.bench.quality.result import ItemResult
from app.ui.base.theme import Theme
from app.ui.benchmark.quality.quality_words import QualityWords
from app.ui.widgets.rows_model import Column, RowsModel

ITEM, KIND, VERDICT, TOKENS, SECONDS = range(5)


class QualityItems(RowsModel[ItemResult]):
    """A row an item. `ROW_ROLE` gives the whole result; GUI thread."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._words = QualityWords()
        self._columns = (
            Column(self.tr("Item"), lambda result: result.id.partition("/")[2]),
            Column(self.tr("Kind"), lambda result: self._words.kind(result.kind)),
            Column(self.tr("Verdict"), self._verdict),
            Column(
                self.tr("Tokens"),
                lambda result: f"{result.completion_tokens:,}" if result.turns else "–",
                figures=True,
                sort=lambda result: result.completion_tokens,
            ),
            Column(
                self.tr("Seconds"),
                lambda result: f"{result.seconds:,.1f}" if result.turns else "–",
                figures=True,
                sort=lambda result: result.seconds,
            ),
        )

    def show_results(self, results: Sequence[ItemResult]) -> None:
        """Show these; texts that were read in parts have no row of their own."""
        self._set_rows(result for result in results if result.kind != "perplexity")

    def add(self, result: ItemResult) -> None:
        """Add one item."""
        if result.kind == "perplexity":
            return
        row = len(self._rows)
        self.beginInsertRows(QModelIndex(), row, row)
        self._rows.append(result)
        self.endInsertRows()

    def row_of(self, item_id: str) -> int | None:
        """Return the row of an item, None where it has none."""
        return next((row for row, result in enumerate(self._rows) if result.id == item_id), None)

    def _verdict(self, result: ItemResult) -> str:
        if result.verdict == "scored":
            return self.tr("ROUGE-L {value}").format(value=f"{result.scores.get('rouge_l', 0.0):.2f}")
        return self._words.verdict(result.verdict)

    def _colour(self, row: ItemResult, column: int) -> QColor | None:
        if column != VERDICT:
            return None
        return self._theme.colour(_COLOURS.get(row.verdict, "muted"))


_COLOURS = {
    "right": "good",
    "wrong": "danger",
    "unfinished": "warning",
    "undecided": "warning",
    "failed": "danger",
}
