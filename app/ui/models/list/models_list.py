"""The list of models on its card: which row is selected, and its keys and context menu."""

from collections.abc import Callable

from PySide6.QtCore import QPoint, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QWidget

from app.ui.base import shortcuts
from app.ui.base.add_action import Action, add_action
from app.ui.base.theme import Theme
from app.ui.models.list.model_rows import ModelRow
from app.ui.models.list.models_table import ModelsTable
from app.ui.models.list.models_view import ModelsView
from app.ui.models.model_actions import ModelActions
from app.ui.widgets.card import Card
from app.ui.widgets.scrolled_page import bring_row_into_sight, follow_rows


class ModelsList(Card):
    """Keeps a row selected while the rows come and go; GUI thread.

    `row_selected` and `row_activated` (Enter or a double click) give the row's number.
    """

    row_selected = Signal(int)
    row_activated = Signal(int)

    def __init__(self, theme: Theme, actions: ModelActions, parent: QWidget) -> None:
        super().__init__(parent, margin_px=8)
        self._actions = actions
        self._selected = ""
        """The key of the row to select. Set by who asks for one, by the user who goes to one, and by the
        judging, which finds it gone."""
        self._place = 0
        """The number of the row that was selected last."""
        self._gone_to = 0
        """Counts how often the user has gone to a row."""
        self.table = ModelsTable(theme, self)
        self.view = ModelsView(self.table, self)
        self.view.row_selected.connect(self._on_row)
        follow_rows(self.view)
        self.view.row_activated.connect(self.row_activated)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._on_context_menu)
        self.inside = Action(self.tr("Look inside the selected model"), self, self._on_look_inside)
        self.inside.setShortcut(QKeySequence(shortcuts.INSIDE_FILE))
        # In the list alone: elsewhere it is a key of what is written.
        self.inside.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.view.addAction(self.inside)
        # Not of the tab: there the key deletes what is typed.
        delete = add_action(
            self.view,
            self.tr("Delete"),
            shortcuts.DELETE,
            self._on_delete_key,
            self._cannot_delete,
        )
        # The next model comes to where the deleted one was: a key that is held would go on with it.
        delete.setAutoRepeat(False)
        self.body.addWidget(self.view)

    @property
    def rows(self) -> list[ModelRow]:
        """All rows, from the top."""
        return [self.table.row(number) for number in range(self.table.rowCount())]

    @property
    def current_number(self) -> int:
        """The number of the row that the list is at; -1 before it has rows."""
        return self.view.currentIndex().row()

    @property
    def current_row(self) -> ModelRow | None:
        """The row that the list is at; None before it has rows."""
        number = self.current_number
        return self.table.row(number) if number >= 0 else None

    @property
    def selected_key(self) -> str:
        """The key of the selected model; "" before one is."""
        return self._selected

    def stay(self) -> Callable[[], bool]:
        """Remember where the user is; what it returns tells whether they have gone to no other row since."""
        times = self._gone_to
        return lambda: times == self._gone_to

    def select(self, key: str) -> None:
        """Go to the row of a key, now or once it is there."""
        self._gone_to += 1
        self.select_when_shown(key)
        number = self.table.number_of(key)
        if number < 0:
            return
        if number == self.current_number:
            # What there is to it may still be on its way, and who asks for it gets it whole.
            self._on_row(number)
        else:
            self.view.selectRow(number)

    def select_when_shown(self, key: str) -> None:
        """Go to the row of a key with the next rows: it may not be among these."""
        self._selected = key

    def show_rows(self, rows: list[ModelRow], *, was_read: bool) -> None:
        """Show these, and stay where the list was, without a signal. `was_read`: the disk was, so that a row
        that is not there is gone."""
        self.table.show_rows(rows)
        number = self.table.number_of(self._selected)
        is_there = number >= 0
        if not is_there:
            # Where the one that is gone has been.
            number = min(self._place, self.table.rowCount() - 1)
        if self.current_number != number:
            # All that there is to it takes too long at once, as the view's signal would have it.
            with QSignalBlocker(self.view):
                self.view.selectRow(number)
        if is_there or was_read:
            self._note_row(number)

    def take_keyboard(self) -> None:
        """Let the keyboard go on in the list: what it was on is gone, or is about to be."""
        self.view.setFocus()
        bring_row_into_sight(self.view, self.view.currentIndex())

    def _on_row(self, number: int) -> None:
        if number >= 0 and self.table.row(number).key != self._selected:
            self._gone_to += 1
        self._note_row(number)
        self.row_selected.emit(number)

    def _note_row(self, number: int) -> None:
        if number >= 0:
            self._selected, self._place = self.table.row(number).key, number

    def _cannot_delete(self) -> str:
        row = self.current_row
        return self._actions.cannot_delete(row) if row is not None else self.tr("Select a model first")

    def _on_delete_key(self) -> None:
        """Delete the file of the row, or ask which of them."""
        view, row = self.view, self.current_row
        if row is not None:
            place = view.visualRect(view.currentIndex()).bottomLeft()
            self._actions.delete(row, view.viewport().mapToGlobal(place))

    def _on_context_menu(self, place: QPoint) -> None:
        """At the mouse, or at the row where the keyboard asked for it."""
        number = self.view.indexAt(place).row()
        row = self.table.row(number) if number >= 0 else self.current_row
        if row is not None and row.installed:
            menu = self._actions.menu(row)
            menu.popup(self.view.viewport().mapToGlobal(place))

    def _on_look_inside(self) -> None:
        row = self.current_row
        if row is not None and row.installed:
            self._actions.inspect(row.installed[0])
