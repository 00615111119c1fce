"""A table for Qt's views: a row for each object, the columns as data."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from app.ui.base.plain_text import plain, plain_tip
from app.ui.widgets.filtered_table import SORT_ROLE

Index = QModelIndex | QPersistentModelIndex
Row = TypeVar("Row")

ROW_ROLE = Qt.ItemDataRole.UserRole + 1
"""Gives the object that a row shows."""

LONGEST_CELL = 1000
_KNOWN_ROLES = frozenset(
    (
        Qt.ItemDataRole.DisplayRole,
        Qt.ItemDataRole.TextAlignmentRole,
        Qt.ItemDataRole.ToolTipRole,
        Qt.ItemDataRole.ForegroundRole,
        Qt.ItemDataRole.AccessibleTextRole,
        SORT_ROLE,
        ROW_ROLE,
    )
)
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """A column: its title, and what it shows of a row's object."""

    title: str
    text: Callable[[Row], str]
    figures: bool = False
    """Aligned to the right, the title too."""
    explanation: str | None = None
    """The tool tip of the title."""
    sort: Callable[[Row], Any] | None = None
    """A plain value to sort by; None: the text."""

    @property
    def alignment(self) -> Qt.AlignmentFlag:
        """Of the cells and of the title."""
        return _RIGHT if self.figures else _LEFT


class RowsModel(QAbstractTableModel, Generic[Row]):
    """The base of the read-only tables, which set `_columns`; GUI thread."""

    says_titles = False
    """True if a screen reader hears the column's title before each cell."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._columns: tuple[Column[Row], ...] = ()
        self._rows: list[Row] = []

    def row(self, number: int) -> Row:
        """Return the object of row `number`."""
        return self._rows[number]

    def text(self, number: int, column: int) -> str:
        """Return what a cell shows, as `data` does on a longer way."""
        return plain(self._columns[column].text(self._rows[number]), LONGEST_CELL)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's name and default
        """A row for each object."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's name and default
        """The columns of the header."""
        return 0 if parent.isValid() else len(self._columns)

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """The columns' titles, their alignment and explanations."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        column = self._columns[section]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return column.title
            case Qt.ItemDataRole.TextAlignmentRole:
                return column.alignment
            case Qt.ItemDataRole.ToolTipRole:
                return column.explanation
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The cell for Qt's roles, `SORT_ROLE` and `ROW_ROLE`."""
        # A view asks for a dozen of each cell, a sorting one for thousands of values.
        if role not in _KNOWN_ROLES:
            return None
        row, column = self._rows[index.row()], self._columns[index.column()]
        if role == SORT_ROLE:
            return column.text(row) if column.sort is None else column.sort(row)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return plain(column.text(row), LONGEST_CELL)
            case Qt.ItemDataRole.TextAlignmentRole:
                return column.alignment
            case Qt.ItemDataRole.ToolTipRole:
                tip = self._tip(row, index.column())
                return tip and plain_tip(tip)
            case Qt.ItemDataRole.ForegroundRole:
                return self._colour(row, index.column())
            case Qt.ItemDataRole.AccessibleTextRole if self.says_titles:
                return f"{column.title}: {column.text(row)}"
            case _ if role == ROW_ROLE:
                return row
        return None

    def _tip(self, row: Row, column: int) -> str | None:
        """The tool tip of a cell."""
        return None

    def _colour(self, row: Row, column: int) -> QColor | None:
        """Of a cell's text; None: as of everything."""
        return None

    def _set_rows(self, rows: Iterable[Row]) -> None:
        """Show these in the place of all others; nothing stays selected."""
        self.beginResetModel()
        self._rows = list(rows)
        self.endResetModel()

    def _renew_rows(self, rows: Iterable[Row]) -> None:
        """Show these; the selection survives where their number stays."""
        new = list(rows)
        if len(new) != len(self._rows):
            self._set_rows(new)
        else:
            self._rows = new
            self._repaint()

    def _say_the_same(self, rows: Sequence[Row]) -> bool:
        """Tell whether `rows` have the texts and tips of those that are shown."""
        return [self._said(row) for row in rows] == [self._said(row) for row in self._rows]

    def _said(self, row: Row) -> list[tuple[str, str | None]]:
        return [(column.text(row), self._tip(row, at)) for at, column in enumerate(self._columns)]

    def _repaint(self) -> None:
        self._change()

    def _recolour(self) -> None:
        """Let the colours be asked for again; the texts have stayed, so that none is measured."""
        self._change(Qt.ItemDataRole.ForegroundRole)

    def _change(self, *roles: Qt.ItemDataRole) -> None:
        if self._rows:
            last = self.index(len(self._rows) - 1, len(self._columns) - 1)
            self.dataChanged.emit(self.index(0, 0), last, list(roles))
