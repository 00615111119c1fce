"""The items of a quality run as a table."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.bench.quality.result import ItemResult
from app.ui.tabs.quality_words import QualityWords
from app.ui.theme import Theme
from app.ui.widgets.filtered_table import SORT_ROLE

Index = QModelIndex | QPersistentModelIndex

ITEM_ROLE = Qt.ItemDataRole.UserRole + 1
ITEM, KIND, VERDICT, TOKENS, SECONDS = range(5)
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class QualityItems(QAbstractTableModel):
    """A row an item. `ITEM_ROLE` gives the whole result; GUI thread."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._words = QualityWords()
        self._results: list[ItemResult] = []

    def show_results(self, results: Sequence[ItemResult]) -> None:
        """Show these; texts that were read in parts have no row of their own."""
        self.beginResetModel()
        self._results = [result for result in results if result.kind != "perplexity"]
        self.endResetModel()

    def add(self, result: ItemResult) -> None:
        """One more."""
        if result.kind == "perplexity":
            return
        row = len(self._results)
        self.beginInsertRows(QModelIndex(), row, row)
        self._results.append(result)
        self.endInsertRows()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's name and default
        """One row an item."""
        return 0 if parent.isValid() else len(self._results)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's name and default
        """The columns of the header."""
        return 0 if parent.isValid() else SECONDS + 1

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Names above, aligned like their columns."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if section >= TOKENS else _LEFT
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return (
            self.tr("Item"),
            self.tr("Kind"),
            self.tr("Verdict"),
            self.tr("Tokens"),
            self.tr("Seconds"),
        )[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The cell for Qt's roles and ours."""
        result, column = self._results[index.row()], index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(result, column)
            case Qt.ItemDataRole.TextAlignmentRole:
                return _RIGHT if column >= TOKENS else _LEFT
            case Qt.ItemDataRole.ForegroundRole if column == VERDICT:
                return self._theme.colour(_COLOURS.get(result.verdict, "muted"))
            case _ if role == SORT_ROLE:
                return {TOKENS: result.completion_tokens, SECONDS: result.seconds}.get(
                    column, self._text(result, column)
                )
            case _ if role == ITEM_ROLE:
                return result
        return None

    def _text(self, result: ItemResult, column: int) -> str:
        match column:
            case 0:
                return result.id.partition("/")[2]
            case 1:
                return self._words.kind(result.kind)
            case 2:
                if result.verdict == "scored":
                    return self.tr("ROUGE-L {value}").format(value=f"{result.scores.get('rouge_l', 0.0):.2f}")
                return self._words.verdict(result.verdict)
            case 3:
                return f"{result.completion_tokens:,}" if result.turns else "–"
        return f"{result.seconds:,.1f}" if result.turns else "–"


_COLOURS = {
    "right": "good",
    "wrong": "danger",
    "unfinished": "warning",
    "undecided": "warning",
    "failed": "danger",
}
