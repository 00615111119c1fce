"""The golden answers beside those of before, as a table."""

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.bench.drift.comparison import DriftReport, ItemDrift
from app.ui.theme import Theme
from app.ui.widgets.filtered_table import SORT_ROLE

Index = QModelIndex | QPersistentModelIndex

ITEM_ROLE = Qt.ItemDataRole.UserRole + 1
QUESTION, ANSWER, SAME, ROUGE, LIKELIHOOD = range(5)
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class DriftItems(QAbstractTableModel):
    """A row a question. `ITEM_ROLE` gives the whole item; GUI thread."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._items: list[ItemDrift] = []
        self._tolerance = 0.0

    def show_report(self, report: DriftReport) -> None:
        """Show the answers of a check."""
        self.beginResetModel()
        self._items, self._tolerance = list(report.items), report.tolerance
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's name and default
        """One row a question."""
        return 0 if parent.isValid() else len(self._items)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's name and default
        """The columns of the header."""
        return 0 if parent.isValid() else LIKELIHOOD + 1

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Names above, aligned like their columns."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if section >= SAME else _LEFT
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return (
            self.tr("Question"),
            self.tr("Answer"),
            self.tr("Same tokens"),
            self.tr("ROUGE-L"),
            self.tr("Likelihood"),
        )[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The cell for Qt's roles and ours."""
        item, column = self._items[index.row()], index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(item, column)
            case Qt.ItemDataRole.TextAlignmentRole:
                return _RIGHT if column >= SAME else _LEFT
            case Qt.ItemDataRole.ForegroundRole if column == ANSWER:
                return self._theme.colour("good" if not self._has_moved(item) else "danger")
            case Qt.ItemDataRole.ToolTipRole if column == LIKELIHOOD:
                return self.tr(
                    "The largest change of a token's log probability before the answers part, in nats"
                )
            case _ if role == SORT_ROLE:
                return (
                    (item.question, self._text(item, ANSWER), item.same_share, item.rouge_l)[column]
                    if (column < LIKELIHOOD)
                    else item.logprob_change
                )
            case _ if role == ITEM_ROLE:
                return item
        return None

    def _has_moved(self, item: ItemDrift) -> bool:
        return item.first_difference is not None or item.logprob_change > self._tolerance

    def _text(self, item: ItemDrift, column: int) -> str:
        match column:
            case 0:
                return item.question
            case 1:
                if item.first_difference is None:
                    return self.tr("likelihood moved") if self._has_moved(item) else self.tr("as before")
                return self.tr("other from token {place} on").format(place=item.first_difference + 1)
            case 2:
                return f"{100 * item.same_share:.0f}%"
            case 3:
                return f"{item.rouge_l:.2f}"
        return f"{item.logprob_change:.4f}"
