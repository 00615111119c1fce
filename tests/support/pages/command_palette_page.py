"""The command palette as somebody uses it."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from app.ui.shell.commands.command_palette import CommandPalette
from tests.support.widgets import seen


class CommandPalettePage:
    """By keyboard alone."""

    def __init__(self, palette: CommandPalette) -> None:
        self._palette = palette

    def type(self, words: str) -> None:
        QTest.keyClicks(self._field, words)

    def press(self, *keys: Qt.Key) -> None:
        field = self._field
        for key in keys:
            QTest.keyClick(field, key)

    @property
    def _field(self) -> QLineEdit:
        return seen(self._palette, QLineEdit, "What do you want to do?")
