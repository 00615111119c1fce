"""A table that is filtered by typing, sorted by its header and copied by rows."""

from collections.abc import Sequence

from PySide6.QtCore import QAbstractItemModel, QSortFilterProxyModel, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QLineEdit, QVBoxLayout, QWidget

from app.ui.widgets.card import label
from app.ui.widgets.scrolled_page import follow_rows
from app.ui.widgets.wide_column import MeasuredTable, WideColumn

SORT_ROLE = Qt.ItemDataRole.UserRole
"""Of the table's model: a plain value to sort by."""

ROW_PX = 30
WIDE_PX = 160
MEASURED_ROWS = 40
"""A column is as wide as these rows need, from the first that is seen on: Qt would ask a thousand."""


class FilteredTable(QWidget):
    """Shows `model`, whose column `wide` takes the room that is left; GUI thread.

    Ctrl+C copies the selected rows with tabs between the cells, Ctrl+F goes to the filter.
    """

    def __init__(
        self,
        model: QAbstractItemModel,
        name: str,
        wide: int,
        parent: QWidget | None = None,
        *,
        wide_px: int = WIDE_PX,
        spared: Sequence[int] = (),
    ) -> None:
        """`wide_px` is what that column keeps of its texts in a narrow window, which leaves the `spared` ones
        out, the first one first."""
        super().__init__(parent)
        self.proxy = QSortFilterProxyModel(self)
        self.proxy.setSourceModel(model)
        self.proxy.setSortRole(SORT_ROLE)
        self.proxy.setFilterKeyColumn(-1)
        self.proxy.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        # Each where it stands: for what moves, Qt works out the style of all that is in it anew.
        self.field = QLineEdit(self)
        self.field.setPlaceholderText(self.tr("Filter"))
        self.field.setAccessibleName(self.tr("Filter {table}").format(table=name))
        self.field.setClearButtonEnabled(True)
        self.field.textChanged.connect(self._on_filter)
        self._count = label("", "small")
        self.view = MeasuredTable(self)
        self.view.setModel(self.proxy)
        self.view.setAccessibleName(name)
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.setShowGrid(False)
        self.view.setWordWrap(False)
        self.view.setTabKeyNavigation(False)
        self.view.setSortingEnabled(True)
        self.view.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.view.verticalHeader().hide()
        self.view.verticalHeader().setDefaultSectionSize(ROW_PX)
        header = self.view.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setResizeContentsPrecision(MEASURED_ROWS)
        header.setMinimumSectionSize(72)
        header.setMaximumSectionSize(420)
        WideColumn(self.view, wide, wide_px, lambda: spared)
        follow_rows(self.view)
        copy = QShortcut(QKeySequence.StandardKey.Copy, self.view)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(self.copy)
        find = QShortcut(QKeySequence.StandardKey.Find, self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self.field.setFocus)
        for changed in (model.modelReset, model.rowsInserted, model.rowsRemoved):
            changed.connect(self.show_count)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.field)
        column.addWidget(self.view, 1)
        column.addWidget(self._count)
        self.show_count()

    def show_all_rows(self) -> None:
        """Be as high as all rows from now on, as a part of a page that scrolls; for few rows. Those that the
        filter leaves out keep their room, so that nothing jumps while somebody types."""
        source = self.proxy.sourceModel()
        for changed in (source.modelReset, source.rowsInserted, source.rowsRemoved):
            changed.connect(self._fit_height)
        self.view.horizontalScrollBar().rangeChanged.connect(self._fit_height)
        self.view.restyled.connect(self._fit_height)
        self._fit_height()

    def _fit_height(self, *_: object) -> None:
        bar = self.view.horizontalScrollBar()
        bar_px = bar.sizeHint().height() if bar.maximum() > 0 else 0
        head_px = self.view.horizontalHeader().sizeHint().height()
        rows_px = max(1, self.proxy.sourceModel().rowCount()) * ROW_PX
        self.view.setFixedHeight(rows_px + head_px + 2 * self.view.frameWidth() + bar_px)

    def copy(self) -> None:
        """Put the selected rows, or all that are shown, on the clipboard."""
        selected = [index.row() for index in self.view.selectionModel().selectedRows()]
        rows = sorted(selected) or range(self.proxy.rowCount())
        lines = [
            "\t".join(self._cell(row, column) for column in range(self.proxy.columnCount())) for row in rows
        ]
        QGuiApplication.clipboard().setText("\n".join(lines))

    def _cell(self, row: int, column: int) -> str:
        index = self.proxy.index(row, column)
        whole = index.data(Qt.ItemDataRole.EditRole)
        return str(index.data() if whole is None else whole)

    def _on_filter(self, text: str) -> None:
        self.proxy.setFilterFixedString(text.strip())
        self.show_count()

    def show_count(self) -> None:
        """Say how many rows are shown, after the model has changed."""
        source = self.proxy.sourceModel()
        self._count.setText(
            self.tr("{shown} of {all}").format(
                shown=f"{self.proxy.rowCount():,}", all=f"{source.rowCount():,}"
            )
        )
