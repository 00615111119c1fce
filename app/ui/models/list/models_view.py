"""The widget that shows the model list."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from app.ui.models.list.models_table import MODEL, SCORE, ModelsTable

ROW_PX = 40
NARROW_PX = 720
WIDEST_COLUMN_PX = 280


class ModelsView(QTableView):
    """As high as its rows, so that the page scrolls and not the table; GUI thread."""

    row_selected = Signal(int)
    row_activated = Signal(int)
    """Enter or a double click."""

    def __init__(self, table: ModelsTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(table)
        self.setAccessibleName(self.tr("Models"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(False)
        header.setMinimumSectionSize(80)
        header.setMaximumSectionSize(WIDEST_COLUMN_PX)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(MODEL, QHeaderView.ResizeMode.Stretch)
        self.selectionModel().currentRowChanged.connect(lambda now, _: self.row_selected.emit(now.row()))
        self.activated.connect(lambda index: self.row_activated.emit(index.row()))
        table.modelReset.connect(self._fit_height)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Leave the scores out where there is no room for them, and give sentences what is left."""
        width = event.size().width()
        self.setColumnHidden(SCORE, width < NARROW_PX)
        self.horizontalHeader().setMaximumSectionSize(max(WIDEST_COLUMN_PX, width * 2 // 5))
        super().resizeEvent(event)

    def _fit_height(self) -> None:
        header = self.horizontalHeader().sizeHint().height()
        self.setFixedHeight(header + ROW_PX * self.model().rowCount() + 2)
