"""Commands for the settings and dialogs of the window as a whole, for the command palette."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, get_args

import shiboken6
from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtWidgets import QAbstractButton, QDialog, QWidget

from app.settings import SettingsFile
from app.ui.base.add_action import Command, joined, name_of
from app.ui.base.offers import could_be_seen, fields_of, reveal
from app.ui.settings.general_rows import ChoiceRow, GeneralRows, NumberRow, SwitchRow
from app.ui.shell.window_dialogs import WindowDialogs

if TYPE_CHECKING:
    # Imported when they are first shown, which is after the first painting.
    from app.ui.settings.settings_dialog import SettingsPage

LEAVING = ("Close", "Cancel", "Back to defaults")
"""Buttons that are of no use once their dialog is closed."""


_Row = tuple[str, str, Callable[[], QDialog]]
"""The title of a command, the name of its row in the dialog, and what opens the dialog."""


class SettingsCommands(QObject):
    """Lists each setting and each button of the window's dialogs. GUI thread.

    A choice and a switch of the general settings are made at once. For all other rows their dialog is opened,
    which has the keyboard at the row; a button is pressed there. What the dialogs hold is looked up once, the
    load settings once for each model.
    """

    def __init__(self, dialogs: WindowDialogs, settings: SettingsFile, parent: QObject) -> None:
        super().__init__(parent)
        self._dialogs = dialogs
        self._settings = settings
        self._known: dict[str, list[_Row]] = {}

    def parts(self) -> Iterator[list[Command] | None]:
        """List them, dialog by dialog and page by page of the settings: the first time each is made for that,
        which takes a moment, the longest in steps that give none. None comes before each that is made."""
        from app.ui.settings.settings_dialog import SettingsPage

        dialogs = self._dialogs
        yield self._general()
        for key in get_args(SettingsPage):
            yield from self._of_dialog(f"settings: {key}", partial(self._look_up_page, key))
        yield from self._load_settings()
        makers: tuple[tuple[str, Callable[[], QDialog], Callable[[], QDialog]], ...] = (
            ("filters", dialogs.make_filters, dialogs.open_filters),
            ("audit", dialogs.make_audit, dialogs.open_audit),
            ("server", dialogs.make_server, dialogs.open_server),
        )
        for name, make, open_dialog in makers:
            yield from self._of_dialog(name, partial(self._look_up_new, make, open_dialog))

    def _load_settings(self) -> Iterator[list[Command] | None]:
        key = f"load settings of {self._dialogs.load_subject}"
        if key not in self._known:
            yield None
            dialog = self._dialogs.make_load_settings(planned=False, in_steps=True)
            try:
                for _ in dialog.making():
                    yield []
                self._known[key] = self._rows_in(dialog, self._dialogs.open_load_settings)
            finally:
                # The palette may be closed in between.
                _discard(dialog)
        yield from self._of_dialog(key, list)

    def _of_dialog(self, key: str, look_up: Callable[[], list[_Row]]) -> Iterator[list[Command] | None]:
        if key not in self._known:
            yield None
            self._known[key] = look_up()
        yield [Command(title, "", partial(_go_to, opens, name)) for title, name, opens in self._known[key]]

    def _general(self) -> list[Command]:
        found: list[Command] = []
        values = self._settings.values
        under = self.tr("Settings")
        for row in GeneralRows().rows():
            title = joined(under, row.title)
            present = getattr(values, row.key)
            match row:
                case ChoiceRow():
                    found += [
                        Command(
                            joined(title, text), "", self._setting(row.key, value), checked=value == present
                        )
                        for value, text in row.values
                    ]
                case SwitchRow():
                    found.append(Command(title, "", self._setting(row.key, not present), checked=present))
                case NumberRow():
                    go = partial(_go_to, partial(self._dialogs.open_settings_page, "general"), row.title)
                    found.append(Command(title, "", go))
        return found

    def _setting(self, key: str, value: object) -> Callable[[], object]:
        return lambda: self._settings.change(**{key: value})

    def _look_up_page(self, key: "SettingsPage") -> list[_Row]:
        """A page of the settings, and what it holds beside the general rows."""
        dialog = self._dialogs.make_settings()
        general = {row.title for row in GeneralRows().rows()}
        open_page = partial(self._dialogs.open_settings_page, key)
        under = joined(dialog.windowTitle(), dialog.titles[key])
        names = [name for name, _ in rows_of(dialog.page_of(key)) if name not in general]
        found: list[_Row] = [
            (under, "", open_page),
            *((joined(under, name), name, open_page) for name in names),
        ]
        _discard(dialog)
        return _unique(found)

    def _look_up_new(self, make: Callable[[], QDialog], open_dialog: Callable[[], QDialog]) -> list[_Row]:
        dialog = make()
        found = self._rows_in(dialog, open_dialog)
        _discard(dialog)
        return found

    @staticmethod
    def _rows_in(dialog: QDialog, open_dialog: Callable[[], QDialog]) -> list[_Row]:
        return _unique(
            [(joined(dialog.windowTitle(), name), name, open_dialog) for name, _ in rows_of(dialog)]
        )


def _go_to(open_dialog: Callable[[], QDialog], name: str) -> None:
    """Open a dialog at a row of it; a button is pressed."""
    dialog = open_dialog()
    widget = dict(rows_of(dialog)).get(name)
    if widget is None:
        return
    reveal(widget)
    if isinstance(widget, QAbstractButton) and widget.isEnabled() and not widget.isCheckable():
        widget.click()


def _unique(rows: list[_Row]) -> list[_Row]:
    return list({row[0]: row for row in rows}.values())


def rows_of(root: QWidget) -> Sequence[tuple[str, QWidget]]:
    """The fields of a dialog or a page of one, and its buttons with words that do more than leave it."""
    leaving = _leaving(root)
    buttons: list[tuple[str, QWidget]] = [
        (name_of(button), button)
        for button in root.findChildren(QAbstractButton)
        if button.text().strip()
        and button.text() not in leaving
        and button.property("kind") != "tab"
        and could_be_seen(button, root)
    ]
    return [*fields_of(root), *buttons]


def _leaving(root: QWidget) -> set[str]:
    """What the buttons that leave a dialog say, in its own words."""
    context = root.window().metaObject().className()
    return {QCoreApplication.translate(context, text) for text in LEAVING}


def _discard(dialog: QDialog) -> None:
    """Let go of a dialog that was never shown."""
    # The window may have gone with it.
    if shiboken6.isValid(dialog):
        dialog.done(0)
        dialog.deleteLater()
