"""What the widgets of a page offer to the command palette: buttons with words, menus, settings."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import shiboken6
from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QScrollBar,
    QStackedWidget,
    QTextEdit,
    QToolButton,
    QWidget,
)

from app.ui.base.add_action import (
    Command,
    command_of,
    command_of_button,
    commands_of,
    joined,
    plain_words,
)

ENTRIES_AT_ONCE = 20
_FIELDS = (QAbstractSpinBox, QComboBox, QLineEdit, QPlainTextEdit, QTextEdit, QAbstractSlider)


class Offers(QObject):
    """Holds what a widget offers beside the buttons that it shows: menus, rows of a drawer.

    `make` is called each time the palette opens; menus that it gives are deleted with the next call. GUI
    thread.
    """

    def __init__(
        self,
        widget: QWidget,
        make: Callable[[], Iterable[Command | QMenu | None]],
        *,
        covers: QWidget | None = None,
        takes_long: bool = False,
    ) -> None:
        """`covers` is a part of the page whose buttons are among what is given. What `takes_long` is listed
        apart and in steps (`offered_later`), of which those without a result give None."""
        super().__init__(widget)
        self._make = make
        self.covers = covers
        self.takes_long = takes_long
        self._menus: list[QMenu] = []

    def commands(self) -> Iterator[list[Command]]:
        """List what is offered now, in steps."""
        for menu in self._menus:
            menu.deleteLater()
        self._menus = []
        for offered in self._make():
            if isinstance(offered, QMenu):
                self._menus.append(offered)
                yield menu_commands(offered, offered.title())
            else:
                yield [] if offered is None else [offered]


def offered_in(page: QWidget) -> list[Command]:
    """List all that can be done in a page: its actions, those with keys first, its buttons that show words,
    their menus, and what its widgets offer besides, but for what takes long. Of several buttons of one name
    it is the last one."""
    offers = page.findChildren(Offers)
    # First, as what makes them may show more of the page.
    besides = [
        command
        for offer in offers
        if not offer.takes_long
        for commands in offer.commands()
        for command in commands
    ]
    actions = commands_of(page)
    covered = [offer.covers for offer in offers if offer.covers is not None]
    titles = {command.title for command in actions}
    keys = {command.keys for command in actions if command.keys}
    buttons: dict[str, Command] = {}
    for button in page.findChildren(QAbstractButton):
        if not _is_offered(button, page) or any(part.isAncestorOf(button) for part in covered):
            continue
        menu = menu_of(button)
        if menu is not None:
            found = menu_commands(menu, menu_name(button), page.actions())
        elif button.isVisibleTo(page):
            found = [command_of_button(button)]
        else:
            found = [replace(command_of_button(button), run=_press(button))]
        for command in found:
            buttons.pop(command.title, None)
            buttons[command.title] = command
    others = [command for command in buttons.values() if command.title not in titles]
    # A button that says its keys is the same as the action that has them.
    others = [command for command in others if not command.keys or command.keys not in keys]
    return [*sorted(actions, key=lambda command: not command.keys), *others, *besides]


def offered_later(page: QWidget) -> Iterator[list[Command]]:
    """List what takes long of a page, in steps. It may show more of the page."""
    for offer in page.findChildren(Offers):
        if offer.takes_long and shiboken6.isValid(offer):
            yield from offer.commands()


def menu_name(button: QAbstractButton) -> str:
    """Name what a button chooses: some show the present choice in its place."""
    return plain_words(button.accessibleName()) or plain_words(button.text())


def menu_of(button: QAbstractButton) -> QMenu | None:
    """Give the menu that a button opens, filled as it would be now."""
    menu = button.menu() if isinstance(button, QPushButton | QToolButton) else None
    if menu is not None:
        menu.aboutToShow.emit()
    return menu


def menu_commands(menu: QMenu, under: str = "", known: Sequence[QAction] = ()) -> list[Command]:
    """List the commands of a menu and of those in it, filled as they would be now, after their names, but
    for what is `known`."""
    return [command for action in menu.actions() for command in _entry_commands(action, under, known)]


def menu_steps(menu: QMenu, under: str) -> Iterator[list[Command]]:
    """List the commands of a menu as `menu_commands` does, in steps. It may be filled anew meanwhile, so that
    no entry is held from one step to the next."""
    number = 0
    while (found := _some_entries(menu, number, under)) is not None:
        yield found
        number += ENTRIES_AT_ONCE


def _some_entries(menu: QMenu, first: int, under: str) -> list[Command] | None:
    """List the commands of as many entries as take a moment; None behind the last one."""
    actions = menu.actions() if shiboken6.isValid(menu) else []
    some = actions[first : first + ENTRIES_AT_ONCE]
    return [command for action in some for command in _entry_commands(action, under, ())] if some else None


def _entry_commands(action: QAction, under: str, known: Sequence[QAction]) -> list[Command]:
    """List the commands of an entry, which may be a menu."""
    inner = action.menu()
    if isinstance(inner, QMenu):
        if not action.isVisible():
            return []
        inner.aboutToShow.emit()
        return menu_commands(inner, joined(under, action.text()), known)
    command = None if action in known else command_of(action, under)
    return [] if command is None else [command]


def fields_of(root: QWidget) -> list[tuple[str, QWidget]]:
    """List the settings that a widget holds, by the names that a screen reader says."""
    return [
        (field.accessibleName(), field)
        for field in root.findChildren(QWidget)
        if isinstance(field, _FIELDS)
        and not isinstance(field, QScrollBar)
        and field.accessibleName()
        and not isinstance(field.parentWidget(), QAbstractSpinBox | QComboBox)
        and not (isinstance(field, QLineEdit | QPlainTextEdit | QTextEdit) and field.isReadOnly())
        and could_be_seen(field, root)
    ]


def row_commands(root: QWidget, under: str, show: Callable[[], object]) -> list[Command]:
    """Make a command for each setting and each button of a drawer, which `show` brings into sight: the
    keyboard goes to a setting, and a button is pressed."""

    def go_to(widget: QWidget) -> Callable[[], None]:
        def go() -> None:
            show()
            reveal(widget)
            if isinstance(widget, QAbstractButton):
                widget.click()

        return go

    found = [Command(joined(under, name), "", go_to(field)) for name, field in fields_of(root)]
    for button in root.findChildren(QAbstractButton):
        menu = button.menu() if isinstance(button, QPushButton | QToolButton) else None
        if button.text().strip() and menu is None and could_be_seen(button, root):
            found.append(replace(command_of_button(button, under), run=go_to(button)))
    return found


def reveal(widget: QWidget) -> None:
    """Bring the page that holds a widget to the front of its stack, scroll to it and give it the keyboard."""
    inner, outer = widget, widget.parentWidget()
    while outer is not None and not inner.isWindow():
        if isinstance(outer, QStackedWidget):
            outer.setCurrentWidget(inner)
        elif isinstance(outer, QScrollArea):
            outer.ensureWidgetVisible(widget)
        inner, outer = outer, outer.parentWidget()
    widget.setFocus(Qt.FocusReason.ShortcutFocusReason)


def could_be_seen(widget: QWidget, root: QWidget) -> bool:
    """Tell whether a widget is shown, or is on a page of a stack that can be brought to the front."""
    inner: QWidget | None = widget
    while inner is not None and inner is not root:
        outer = inner.parentWidget()
        if inner.isHidden() and not isinstance(outer, QStackedWidget):
            return False
        inner = outer
    return inner is root


def _is_offered(button: QAbstractButton, page: QWidget) -> bool:
    shows_words = bool(button.text().strip()) or (
        isinstance(button, QPushButton | QToolButton) and button.menu()
    )
    return bool(shows_words) and could_be_seen(button, page)


def _press(button: QAbstractButton) -> Callable[[], None]:
    """Bring a button of a page behind another one into sight first."""

    def press() -> None:
        reveal(button)
        button.click()

    return press
