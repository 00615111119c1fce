"""The table of all runs, and what can be done with the selected ones."""

from collections.abc import Sequence
from typing import Generic

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QSortFilterProxyModel, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHBoxLayout, QHeaderView, QWidget

from app.ui.base import shortcuts
from app.ui.base.add_action import allow
from app.ui.benchmark.frame.runs_model import MODEL, WHEN, AnyRun, RunsModel
from app.ui.widgets.card import Card, button, label
from app.ui.widgets.filtered_table import MEASURED_ROWS, SORT_ROLE
from app.ui.widgets.rows_model import ROW_ROLE
from app.ui.widgets.scrolled_page import follow_rows
from app.ui.widgets.wide_column import MeasuredTable, WideColumn

ROW_PX = 36
SHOWN_ROWS = 25
EDGE_PX = 13
"""Before the words of the first column, and so before the title."""
MODEL_PX = 280
"""The width that a model's name keeps in a narrow window."""
MOST_COMPARED = 5
"""More do not stand side by side."""


class RunHistoryView(Card, Generic[AnyRun]):
    """A sortable table with its own buttons. `selection_changed` tells the selected runs, newest first."""

    selection_changed = Signal(list)
    compare_asked = Signal()
    delete_asked = Signal()

    def __init__(self, model: RunsModel[AnyRun], parent: QWidget | None = None) -> None:
        super().__init__(parent, margin_px=0)
        self._model = model
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self._model)
        self._sorted.setSortRole(SORT_ROLE)
        self._table = self._make_table()
        self._compare = button(self.tr("Compare…"), tip=self.tr("Select two to five runs to compare them"))
        self._compare.clicked.connect(self.compare_asked)
        self._delete = button(self.tr("Delete"), "danger")
        self._delete.clicked.connect(self.delete_asked)
        QShortcut(
            QKeySequence(shortcuts.DELETE),
            self._table,
            self.delete_asked.emit,
            context=Qt.ShortcutContext.WidgetShortcut,
        )
        head = QHBoxLayout()
        head.setContentsMargins(EDGE_PX, 12, EDGE_PX, 4)
        head.setSpacing(8)
        head.addWidget(label(self.tr("All runs"), "title"), 1)
        head.addWidget(self._compare)
        head.addWidget(self._delete)
        self.body.setSpacing(0)
        self.body.setContentsMargins(1, 0, 1, 8)
        self.body.addLayout(head)
        self.body.addWidget(self._table)
        self._table.horizontalScrollBar().rangeChanged.connect(self._fit_height)
        self._table.restyled.connect(self._fit_height)
        self._on_selection()

    def show_runs(self, runs: Sequence[AnyRun]) -> None:
        """Show these; what was selected stays so."""
        selected = {run.id for run in self.selected()}
        self._model.show_runs(runs)
        self._select(selected)
        self._fit_height()
        self._on_selection()

    def select(self, run_id: str) -> None:
        """Select one run."""
        self._select({run_id})

    def selected(self) -> list[AnyRun]:
        """The selected runs, newest first."""
        runs: list[AnyRun] = [index.data(ROW_ROLE) for index in self._table.selectionModel().selectedRows()]
        return sorted(runs, key=lambda run: run.started_at, reverse=True)

    def _fit_height(self, *_: object) -> None:
        """Room for all rows up to `SHOWN_ROWS`, beside a bar that scrolls sideways."""
        rows = min(max(1, self._model.rowCount()), SHOWN_ROWS)
        bar = self._table.horizontalScrollBar()
        bar_px = bar.sizeHint().height() if bar.maximum() > 0 else 0
        head_px = self._table.horizontalHeader().sizeHint().height()
        self._table.setFixedHeight(rows * ROW_PX + head_px + 2 + bar_px)

    def _make_table(self) -> MeasuredTable:
        table = MeasuredTable(self)
        table.setModel(self._sorted)
        table.setAccessibleName(self.tr("All runs"))
        table.setFrameShape(QFrame.Shape.NoFrame)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        table.setWordWrap(False)
        # The type stands at the end of a model's name.
        table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        table.setSortingEnabled(True)
        table.sortByColumn(WHEN, Qt.SortOrder.DescendingOrder)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW_PX)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setResizeContentsPrecision(MEASURED_ROWS)
        header.setMinimumSectionSize(56)
        WideColumn(table, MODEL, MODEL_PX, self._model.spared)
        table.selectionModel().selectionChanged.connect(self._on_selection)
        follow_rows(table)
        return table

    def _select(self, ids: set[str]) -> None:
        selection = QItemSelection()
        for run_id in ids:
            row = self._model.row_of(run_id)
            if row is not None:
                index = self._sorted.mapFromSource(self._model.index(row, 0))
                selection.select(index, index)
        how = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self._table.selectionModel().select(selection, how)

    def _on_selection(self) -> None:
        selected = self.selected()
        comparable = 2 <= len(selected) <= MOST_COMPARED
        allow(self._compare, "" if comparable else self.tr("Select two to five runs to compare them"))
        allow(self._delete, "" if selected else self.tr("Select a run first"))
        self.selection_changed.emit(selected)
