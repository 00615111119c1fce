"""The widget that shows what a search found, and what a repository holds."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QWidget

from app.ui.widgets.rows_model import RowsModel
from app.ui.widgets.scrolled_page import follow_rows
from app.ui.widgets.wide_column import MeasuredTable, WideColumn

ROW_PX = 32
MOST_ROWS = 8
NARROW_PX = 760
WIDEST_COLUMN_PX = 320


class ResultsView(MeasuredTable):
    """As high as its rows, up to eight of them; GUI thread."""

    row_chosen = Signal(int)
    """Enter, or a double click."""
    row_selected = Signal(int)

    def __init__(
        self,
        model: RowsModel[Any],
        name: str,
        parent: QWidget | None = None,
        *,
        spared: Sequence[int] = (),
    ) -> None:
        """`spared` are columns that a narrow window leaves out."""
        super().__init__(parent)
        self._spared = spared
        self.setModel(model)
        self.setAccessibleName(name)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(False)
        header.setMinimumSectionSize(60)
        header.setMaximumSectionSize(WIDEST_COLUMN_PX)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        WideColumn(self, 0, 160)
        self.selectionModel().currentRowChanged.connect(lambda now, _: self.row_selected.emit(now.row()))
        follow_rows(self)
        self.activated.connect(lambda index: self.row_chosen.emit(index.row()))
        model.modelReset.connect(self._fit_height)
        self.restyled.connect(self._fit_height)
        self._fit_height()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Leave columns out where there is no room for them."""
        for column in self._spared:
            self.setColumnHidden(column, event.size().width() < NARROW_PX)
        super().resizeEvent(event)

    def _fit_height(self) -> None:
        rows = min(self.model().rowCount(), MOST_ROWS)
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + ROW_PX * rows + 2)
        self.setVisible(rows > 0)
