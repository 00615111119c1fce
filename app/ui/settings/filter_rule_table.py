"""The ordered list of the input filter's rules."""

from collections.abc import Sequence

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from app.filters.rule import FilterRule
from app.ui.base.plain_text import set_tip
from app.ui.base.resource_words import rule_words
from app.ui.settings.filter_words import action_word

NAME, ACTION = range(2)
ROW_PX = 32


class FilterRuleTable(QTableWidget):
    """One row a rule, with a box that switches it on. GUI thread; it keeps nothing on the disk."""

    changed = Signal()
    """The user switched a rule on or off, or moved one."""
    chosen = Signal(object)
    """Another `FilterRule` is selected; None where there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 2, parent)
        self._rules: list[FilterRule] = []
        self._filling = False
        self.setHorizontalHeaderLabels([self.tr("Rule"), self.tr("Action")])
        self.setAccessibleName(self.tr("Rules of the input filter, in their order"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(ACTION, QHeaderView.ResizeMode.ResizeToContents)
        header.setMinimumSectionSize(72)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.itemChanged.connect(self._on_item_changed)
        self.itemSelectionChanged.connect(self._on_selection)

    @property
    def rules(self) -> list[FilterRule]:
        """The rules as they stand."""
        return list(self._rules)

    @property
    def selected_row(self) -> int:
        """The selected row; -1 where there is none."""
        rows = self.selectionModel().selectedRows()
        return rows[0].row() if rows else -1

    def show_rules(self, rules: Sequence[FilterRule], row: int = 0) -> None:
        """Show these rules and select one; tells nobody of a change."""
        self._filling = True
        self._rules = list(rules)
        self.setRowCount(len(rules))
        for at, rule in enumerate(rules):
            self._fill(at, rule)
        self._filling = False
        if rules:
            self.selectRow(min(max(row, 0), len(rules) - 1))
        self._on_selection()

    def put(self, rule: FilterRule) -> None:
        """Show the selected rule as it was edited."""
        if self.selected_row >= 0:
            self._rules[self.selected_row] = rule
            self._filling = True
            self._fill(self.selected_row, rule)
            self._filling = False

    def move_selected(self, step: int) -> None:
        """Up (-1) or down (1), where there is room."""
        row = self.selected_row
        target = row + step
        if row >= 0 and 0 <= target < len(self._rules):
            self._rules.insert(target, self._rules.pop(row))
            self.show_rules(self._rules, target)
            self.changed.emit()

    def _fill(self, row: int, rule: FilterRule) -> None:
        name = QTableWidgetItem(rule_words(rule.name))
        name.setFlags(
            Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable
        )
        name.setCheckState(Qt.CheckState.Checked if rule.on else Qt.CheckState.Unchecked)
        set_tip(name, rule_words(rule.note))
        action = QTableWidgetItem(action_word(rule.action))
        action.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
        self.setItem(row, NAME, name)
        self.setItem(row, ACTION, action)

    def _on_item_changed(self, item: QTableWidgetItem) -> None:
        if self._filling or item.column() != NAME:
            return
        on = item.checkState() == Qt.CheckState.Checked
        rule = self._rules[item.row()]
        if rule.on != on:
            self._rules[item.row()] = msgspec.structs.replace(rule, on=on)
            self.changed.emit()
            if item.row() == self.selected_row:
                self._on_selection()

    def _on_selection(self) -> None:
        if not self._filling:
            self.chosen.emit(self._rules[self.selected_row] if self.selected_row >= 0 else None)
