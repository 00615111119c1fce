"""The widget that shows the model list."""

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QWidget

from app.ui.base.resource_words import comma
from app.ui.models.list.elided_parts_delegate import DOT, ElidedPartsDelegate, NameDelegate
from app.ui.models.list.models_table import HERE, MODEL, ON_DISK, SCORE, ModelsTable
from app.ui.widgets.wide_column import MeasuredTable, shows_other_texts

ROW_PX = 40
SMALLEST_PX = 80
MOST_OF_MODEL = 4
"""Names longer than this part of the table are shortened."""


class ModelsView(MeasuredTable):
    """As high as its rows, so that the page scrolls and not the table; GUI thread."""

    row_selected = Signal(int)
    row_activated = Signal(int)
    """Enter or a double click."""

    def __init__(self, table: ModelsTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table = table
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
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self._delegates: dict[int, ElidedPartsDelegate] = {
            MODEL: NameDelegate(self),
            HERE: ElidedPartsDelegate(DOT, self),
            ON_DISK: ElidedPartsDelegate(comma(), self, counts=True),
        }
        for column, delegate in self._delegates.items():
            self.setItemDelegateForColumn(column, delegate)
        self.selectionModel().currentRowChanged.connect(lambda now, _: self.row_selected.emit(now.row()))
        self.activated.connect(lambda index: self.row_activated.emit(index.row()))
        table.modelReset.connect(self._fit)
        self.restyled.connect(self._on_restyled)
        table.dataChanged.connect(self._on_changed)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Share the room anew."""
        super().resizeEvent(event)
        self._fit_columns()

    def _on_restyled(self) -> None:
        for delegate in self._delegates.values():
            delegate.forget_margins()
        self._fit()

    def _fit(self) -> None:
        header = self.horizontalHeader().sizeHint().height()
        self.setFixedHeight(header + ROW_PX * self.model().rowCount() + 2)
        self._fit_columns()

    def _on_changed(self, _first: QModelIndex, _last: QModelIndex, roles: Sequence[int]) -> None:
        if shows_other_texts(roles):
            self._fit_columns()

    def _text(self, row: int, column: int) -> str:
        """Return what a cell shows, not through Qt: there may be hundreds."""
        return self._table.text(row, column)

    def _fit_columns(self) -> None:
        """Give each column what it asks for, and the models what is left; where that is too little, leave the
        scores out, then what is said of this PC behind speed, memory and type, then all types on disk but
        one, and shorten both at last."""
        header, width = self.horizontalHeader(), self.viewport().width()
        # A header does not tell what room the title of a hidden column needs.
        self.setColumnHidden(SCORE, False)
        px = {
            column: max(self.sizeHintForColumn(column), header.sectionSizeHint(column), SMALLEST_PX)
            for column in range(header.count())
        }
        px[MODEL] = min(px[MODEL], max(SMALLEST_PX, width // MOST_OF_MODEL))
        self.setColumnHidden(SCORE, sum(px.values()) > width)
        if self.isColumnHidden(SCORE):
            del px[SCORE]
        shortest = ((HERE, self._px_of(HERE, 3)), (ON_DISK, self._px_of(ON_DISK, 1)))
        for column, least_px in (*shortest, (ON_DISK, SMALLEST_PX), (HERE, SMALLEST_PX)):
            missing = sum(px.values()) - width
            px[column] = min(px[column], max(SMALLEST_PX, least_px, px[column] - max(0, missing)))
        px[MODEL] += max(0, width - sum(px.values()))
        for column, column_px in px.items():
            header.resizeSection(column, column_px)

    def _px_of(self, column: int, parts: int) -> int:
        """Return the width in which the first parts of all its texts are seen."""
        metrics, delegate, table = self.fontMetrics(), self._delegates[column], self._table
        texts = [table.text(row, column) for row in range(table.rowCount())]
        if not texts:
            return 0
        # The same for each, but for what is rounded.
        first_px = self.sizeHintForIndex(table.index(0, column)).width()
        beside_px = first_px - metrics.horizontalAdvance(texts[0]) + 1
        return beside_px + max(delegate.needed_px(text, parts, metrics) for text in set(texts))
