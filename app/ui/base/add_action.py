"""Commands as Qt actions with a shortcut, for the command palette and the list of shortcuts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QWidget


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do, in the window's language; `keys` is how it is done by keyboard, or empty."""

    title: str
    keys: str
    run: Callable[[], object]


def add_action(
    widget: QWidget, text: str, keys: str | QKeySequence.StandardKey, slot: Callable[[], object]
) -> QAction:
    """An action of `widget` that its shortcut starts from anywhere in it, or in its window where it is one.
    GUI thread.
    """
    action = QAction(text, widget)
    action.setShortcut(QKeySequence(keys))
    context = Qt.ShortcutContext
    action.setShortcutContext(
        context.WindowShortcut if widget.isWindow() else context.WidgetWithChildrenShortcut
    )
    action.triggered.connect(lambda _checked=False: slot())
    widget.addAction(action)
    return action


def commands_of(widget: QWidget, *, with_buttons: bool = True) -> list[Command]:
    """List the commands that a widget offers now: its own actions, and its buttons that have a shortcut."""
    found = [
        Command(_plain(action.text()), _keys(action.shortcut()), action.trigger)
        for action in widget.actions()
        if action.isEnabled() and action.isVisible() and action.text()
    ]
    for button in widget.findChildren(QAbstractButton) if with_buttons else ():
        if not button.shortcut().isEmpty() and button.isEnabled() and button.isVisibleTo(widget):
            title = button.accessibleName() or _plain(button.text())
            found.append(Command(title, _keys(button.shortcut()), button.click))
    return found


def matching(commands: Sequence[Command], typed: str) -> list[Command]:
    """The commands whose titles hold every word that was typed, those that begin so first."""
    words = typed.casefold().split()
    hits = [command for command in commands if all(word in command.title.casefold() for word in words)]
    return sorted(hits, key=lambda command: not command.title.casefold().startswith(typed.casefold().strip()))


def _plain(text: str) -> str:
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&").removesuffix("…")


def _keys(sequence: QKeySequence) -> str:
    return sequence.toString(QKeySequence.SequenceFormat.NativeText)
