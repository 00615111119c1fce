"""The items of a quality run, and the chosen one beside them."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from app.bench.quality.result import ItemResult
from app.ui.base.theme import Theme
from app.ui.benchmark.quality.quality_item_view import QualityItemView
from app.ui.benchmark.quality.quality_items_table import ITEM, QualityItems
from app.ui.widgets.card import Card
from app.ui.widgets.filtered_table import FilteredTable
from app.ui.widgets.rows_model import ROW_ROLE

ITEMS_HEIGHT_PX = 440
ITEM_PX = 104
WIDE_PX = 900
"""From this width of the page on the chosen item stands beside the table."""


class QualityItemsCard(Card):
    """A table of the items with a filter, and what was asked and answered in one of them; GUI thread."""

    def __init__(self, theme: Theme, page_px: int, parent: QWidget) -> None:
        """`page_px` is the width of the page, for which it is arranged."""
        super().__init__(parent, margin_px=0)
        self._chosen: ItemResult | None = None
        self._items = QualityItems(theme, self)
        split = self._split = QSplitter(Qt.Orientation.Horizontal, self)
        split.setChildrenCollapsible(False)
        self.body.addWidget(split)
        left = QWidget(split)
        column = QVBoxLayout(left)
        column.setContentsMargins(16, 16, 16, 12)
        self.arrange(page_px)
        self._table = FilteredTable(self._items, self.tr("Items of the run"), ITEM, left, wide_px=ITEM_PX)
        self._table.view.selectionModel().selectionChanged.connect(self._on_selection)
        column.addWidget(self._table)
        split.addWidget(left)
        self._item = QualityItemView(split)
        split.addWidget(self._item)
        split.setSizes([620, 380])

    def arrange(self, page_px: int) -> None:
        """Put the item beside the table, or below it in a narrow window."""
        wide = page_px >= WIDE_PX
        self._split.setOrientation(Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical)
        self.setFixedHeight(ITEMS_HEIGHT_PX if wide else 2 * ITEMS_HEIGHT_PX)

    def show_results(self, results: Sequence[ItemResult], *, same_run: bool) -> None:
        """Show the items of a run. Of the `same_run` as before, the chosen one stays so."""
        chosen = self._chosen if same_run else None
        self._items.show_results(results)
        row = None if chosen is None else self._items.row_of(chosen.id)
        if row is not None:
            self._table.view.selectRow(self._table.proxy.mapFromSource(self._items.index(row, 0)).row())
        elif self._table.proxy.rowCount():
            self._table.view.selectRow(0)
        else:
            self._show_item(None)

    def add(self, results: Sequence[ItemResult]) -> None:
        """Add items of the same run."""
        for result in results:
            self._items.add(result)

    def _on_selection(self) -> None:
        rows = self._table.view.selectionModel().selectedRows()
        self._show_item(rows[0].data(ROW_ROLE) if rows else None)

    def _show_item(self, result: ItemResult | None) -> None:
        """Show an item beside the table; one that is shown stays where it was scrolled to."""
        if result != self._chosen:
            self._chosen = result
            self._item.show_item(result)
