"""The command palette and the list of shortcuts."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.ui.base.add_action import Command, add_action, commands_of, matching
from app.ui.shell.command_palette import CommandPalette
from app.ui.shell.shortcut_sheet import ShortcutSheet
from tests.support.pages.command_palette_page import CommandPalettePage


@pytest.fixture
def page(qtbot: QtBot) -> QWidget:
    page = QWidget()
    qtbot.addWidget(page)
    return page


def test_actions_and_buttons_with_shortcuts_are_commands(page: QWidget, qtbot: QtBot) -> None:
    done: list[str] = []
    add_action(page, "Save &as…", "Ctrl+Shift+S", lambda: done.append("save"))
    add_action(page, "Off", "", lambda: done.append("off")).setEnabled(False)
    button = QPushButton("Run", page)
    button.setShortcut("F5")
    button.clicked.connect(lambda: done.append("run"))
    QPushButton("No keys", page)
    with qtbot.waitActive(page):
        page.show()
        page.activateWindow()
    commands = commands_of(page)
    assert [(command.title, command.keys) for command in commands] == [
        ("Save as", "Ctrl+Shift+S"),
        ("Run", "F5"),
    ]
    for command in commands:
        command.run()
    assert done == ["save", "run"]
    qtbot.keyClick(
        page, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    assert done == ["save", "run", "save"]


def test_every_typed_word_must_be_in_the_title() -> None:
    commands = [Command(title, "", lambda: None) for title in ("Open chat", "Chat: open day", "Close")]
    assert [c.title for c in matching(commands, "open chat")] == ["Open chat", "Chat: open day"]
    assert [c.title for c in matching(commands, "CHAT op")] == ["Open chat", "Chat: open day"]
    assert matching(commands, "zebra") == []
    assert matching(commands, "") == commands


def test_the_palette_is_used_by_keyboard_alone(page: QWidget) -> None:
    done: list[str] = []
    commands = [Command(title, "", lambda title=title: done.append(title)) for title in ("One", "Two", "Ten")]
    palette = CommandPalette(commands, page)
    palette.open()
    person = CommandPalettePage(palette)
    person.type("t")
    assert palette.titles == ["Two", "Ten"]
    person.press(Qt.Key.Key_Down, Qt.Key.Key_Return)
    assert done == ["Ten"]
    assert not palette.isVisible()


def test_the_sheet_lists_what_has_keys(page: QWidget) -> None:
    commands = [Command("New", "Ctrl+N", lambda: None), Command("Mouse only", "", lambda: None)]
    sheet = ShortcutSheet([("Chat", commands)], page)
    from PySide6.QtWidgets import QLabel

    texts = [label.text() for label in sheet.findChildren(QLabel)]
    assert texts == ["Chat", "New", "Ctrl+N"]
