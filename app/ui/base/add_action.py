"""Commands as Qt actions with a shortcut, for the command palette and the list of shortcuts."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QPoint, QRect, Qt
from PySide6.QtGui import QAction, QFontMetrics, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QToolTip, QWidget

from app.ui.base.announce import announce
from app.ui.base.plain_text import plain_tip, set_tip

_REFUSAL, _USUAL_TIP, _HEADING, _WORDS = "refusal", "usual_tip", "heading", "other_words"
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")
REFUSAL_MS = 4000
POINTER_PX, TIP_MARGIN_PX = 21, 30
"""Qt puts a tool tip so far below the place that it is given; and what a tip has around its line."""
Keys = str | QKeySequence | QKeySequence.StandardKey
_KEYS_IN_NAME = re.compile(r" \(([^()]*)\)$")


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do, in the window's language; `keys` is how it is done by keyboard, or empty."""

    title: str
    keys: str
    run: Callable[[], object]
    refusal: str = ""
    """Why it cannot be done now; empty where it can."""
    checked: bool = False
    """It is on, or chosen, already."""
    english: str = ""
    """The words of the title in English, where the window speaks another language."""
    words: str = ""
    """Other words that people look for it by."""


class Action(QAction):
    """An action that knows why it cannot be done at a moment. GUI thread."""

    def __init__(
        self,
        text: str,
        parent: QWidget,
        slot: Callable[[], object],
        refusal: Callable[[], str] | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._refusal = refusal
        self._slot = slot
        self.triggered.connect(self._on_triggered)

    @property
    def refusal(self) -> str:
        """The reason why it cannot be done now; empty where it can."""
        return self._refusal() if self._refusal is not None else ""

    def _on_triggered(self, _checked: bool = False) -> None:
        refusal = self.refusal
        if not refusal:
            self._slot()
        elif isinstance(widget := self.parent(), QWidget):
            tell_refusal(widget, refusal)


def tell_refusal(widget: QWidget, refusal: str) -> None:
    """Say for a moment why a key does nothing, beside what has the keyboard. GUI thread."""
    beside = widget.window().focusWidget() or widget
    # Above it, as what was typed stands there.
    above = QPoint(0, -POINTER_PX - TIP_MARGIN_PX - QFontMetrics(QToolTip.font()).height())
    QToolTip.showText(beside.mapToGlobal(above), plain_tip(refusal), beside, QRect(), REFUSAL_MS)
    announce(widget, refusal)


def add_action(
    widget: QWidget,
    text: str,
    keys: Keys,
    slot: Callable[[], object],
    refusal: Callable[[], str] | None = None,
) -> QAction:
    """An action of `widget` that its shortcut starts from anywhere in it, or in its window where it is one.
    `refusal` says why it cannot be done now, and is empty where it can. GUI thread.
    """
    action = Action(text, widget, slot, refusal)
    action.setShortcut(QKeySequence(keys))
    context = Qt.ShortcutContext
    action.setShortcutContext(
        context.WindowShortcut if widget.isWindow() else context.WidgetWithChildrenShortcut
    )
    widget.addAction(action)
    return action


def keys_text(keys: Keys) -> str:
    """Name the keys of a shortcut as they are called on this system. A text that names some is made with what
    the shortcut is made with, so that they cannot differ."""
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)


def with_keys(text: str, keys: Keys) -> str:
    """Put the keys of a shortcut behind what they do, for a tool tip or an accessible name."""
    return QCoreApplication.translate("Command", "{text} ({keys})").format(text=text, keys=keys_text(keys))


def allow(what: QAction | QAbstractButton, refusal: str = "") -> None:
    """Let something be done, or say why it cannot be done now: in the command palette, and in its tool tip,
    which is its own again once it can."""
    if what.isEnabled():
        what.setProperty(_USUAL_TIP, what.toolTip() if isinstance(what, QAbstractButton) else "")
    what.setEnabled(not refusal)
    what.setProperty(_REFUSAL, refusal)
    if refusal:
        set_tip(what, refusal)
    else:
        what.setToolTip(what.property(_USUAL_TIP) or "")


def also_found_by(button: QAbstractButton, words: str) -> None:
    """Let the command palette find what a button does by other words, too."""
    button.setProperty(_WORDS, words)


def as_heading(action: QAction) -> None:
    """Let an entry of a menu be the name of those below it, which is nothing to do."""
    action.setEnabled(False)
    action.setProperty(_HEADING, True)


def command_of(action: QAction, under: str = "") -> Command | None:
    """Make the command of an action, after the name of its menu; None for one that is not shown."""
    text = plain_words(action.text().partition("\t")[0])
    if action.isSeparator() or action.property(_HEADING) or not action.isVisible() or not text:
        return None
    refusal = action.refusal if isinstance(action, Action) else ""
    if not action.isEnabled():
        refusal = refusal or action.property(_REFUSAL) or not_now()
    title = joined(under, text)
    return Command(title, keys_text(action.shortcut()), action.trigger, refusal, action.isChecked())


def command_of_button(button: QAbstractButton, under: str = "") -> Command:
    """Make the command of a button, whether or not it can be pressed now."""
    refusal = ""
    if not button.isEnabled():
        refusal = button.property(_REFUSAL) or button.toolTip() or not_now()
    said = _KEYS_IN_NAME.search(button.accessibleName())
    keys = keys_text(button.shortcut()) or (said[1] if said is not None else "")
    title, words = joined(under, name_of(button)), button.property(_WORDS) or ""
    return Command(title, keys, button.click, refusal, button.isChecked(), words=words)


def commands_of(widget: QWidget, *, with_buttons: bool = True) -> list[Command]:
    """List the commands that a widget offers: its own actions, and its buttons that have a shortcut."""
    found = [command for action in widget.actions() if (command := command_of(action)) is not None]
    for button in widget.findChildren(QAbstractButton) if with_buttons else ():
        if not button.shortcut().isEmpty() and button.isVisibleTo(widget):
            found.append(command_of_button(button))
    return found


def name_of(button: QAbstractButton) -> str:
    """Say what a button does, without its keys: in the words of a screen reader where they hold those that it
    shows, which are often shorter."""
    words = plain_words(button.text())
    name = _KEYS_IN_NAME.sub("", plain_words(button.accessibleName()))
    return name if words.casefold() in name.casefold() else words


def joined(under: str, text: str) -> str:
    """Name an entry of a menu after the menu."""
    return _under_menu().format(menu=under, entry=text) if under else text


def parts_of(title: str) -> list[str]:
    """Take a title apart again into the names of menus and entry."""
    return title.split(_under_menu().format(menu="", entry=""))


def _under_menu() -> str:
    return QCoreApplication.translate("Command", "{menu}: {entry}")


def not_now() -> str:
    """Give the reason that is said where none is known."""
    return QCoreApplication.translate("Command", "Not possible at the moment")


def matching(commands: Sequence[Command], typed: str) -> list[Command]:
    """The commands whose titles or other words hold all that was typed, in the window's language or in
    English: every word, and of Chinese, which is written without gaps, every character. Those that begin so
    come first, those that cannot be done now last."""
    words = typed.casefold().split()
    if not words:
        return sorted(commands, key=lambda command: bool(command.refusal))
    begin = typed.casefold().strip()

    def place(command: Command) -> tuple[bool, bool, bool]:
        titles = (command.title.casefold(), command.english.casefold())
        begins = any(title.startswith(begin) for title in titles)
        return bool(command.refusal), not begins, all(begin not in title for title in titles)

    found = (f"{command.title}\n{command.english}\n{command.words}".casefold() for command in commands)
    hits = [
        command
        for command, text in zip(commands, found, strict=True)
        if all(_holds(text, word) for word in words)
    ]
    return sorted(hits, key=place)


def _holds(title: str, word: str) -> bool:
    if word in title:
        return True
    return bool(_CJK.search(word)) and all(character in title for character in word)


def plain_words(text: str) -> str:
    """Give the words of a button or an action without marks for keys and the sign that more is asked."""
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&").removesuffix("…")
