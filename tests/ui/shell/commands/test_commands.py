"""The command palette and the list of shortcuts."""

from collections.abc import Iterator
from functools import partial

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QLabel,
    QLineEdit,
    QListView,
    QMainWindow,
    QMenu,
    QPushButton,
    QSpinBox,
    QToolTip,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.ui.base.add_action import (
    Command,
    add_action,
    allow,
    also_found_by,
    as_heading,
    command_of_button,
    commands_of,
    matching,
)
from app.ui.base.offers import ENTRIES_AT_ONCE, Offers, menu_steps, offered_in, offered_later, row_commands
from app.ui.base.theme import Theme
from app.ui.shell.commands.command_palette import CommandPalette
from app.ui.shell.commands.shortcut_sheet import ShortcutSheet
from app.ui.widgets.card import button
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
        ("Off", ""),
        ("Run", "F5"),
    ]
    assert [bool(command.refusal) for command in commands] == [False, True, False]
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


def test_other_words_find_a_command_too(qtbot: QtBot) -> None:
    made = button("Open a file…")
    qtbot.addWidget(made)
    also_found_by(made, "import a model")
    command = command_of_button(made)
    assert command.title == "Open a file"
    assert matching([command], "import") == matching([command], "open model") == [command]
    assert matching([command], "export") == []


def test_chinese_is_found_by_its_characters() -> None:
    commands = [Command(title, "", lambda: None) for title in ("此聊天：导出：Markdown", "聊天：导入聊天")]
    assert [c.title for c in matching(commands, "导出聊天")] == ["此聊天：导出：Markdown"]
    assert [c.title for c in matching(commands, "聊天 markdown")] == ["此聊天：导出：Markdown"]
    assert matching(commands, "删除") == []


def test_a_title_in_another_language_is_found_by_its_english_words() -> None:
    commands = [
        Command(title, "", lambda: None, english=english)
        for title, english in (
            ("代码：查找", "Code Find"),
            ("查找", "Find"),
            ("聊天：“Find”", "Chat"),
            ("查找和替换", "Find and replace"),
        )
    ]
    assert [c.title for c in matching(commands, "find")] == [
        "查找",
        "查找和替换",
        "代码：查找",
        "聊天：“Find”",
    ]
    assert [c.title for c in matching(commands, "代码 find")] == ["代码：查找"]
    assert [c.title for c in matching(commands, "replace FIND")] == ["查找和替换"]


def test_the_palette_does_not_say_that_there_is_none_while_it_looks(
    page: QWidget, qapp: QApplication
) -> None:
    palette = CommandPalette([Command("Save", "", lambda: None)], Theme(qapp, "light"), page)
    palette.show()
    [nothing] = [each for each in palette.findChildren(QLabel) if each.text()]
    QTest.keyClicks(palette.findChild(QLineEdit), "dark")
    assert (nothing.isVisible(), nothing.text()) == (True, "Looking for more commands…")
    palette.add([Command("Dark", "", lambda: None)])
    assert not nothing.isVisible()
    QTest.keyClicks(palette.findChild(QLineEdit), "er")
    palette.finish()
    assert (nothing.isVisible(), nothing.text()) == (True, "There is no command of this name.")
    palette.reject()


def test_return_does_the_first_thing_that_is_found_later(page: QWidget, qapp: QApplication) -> None:
    done: list[str] = []

    def command(title: str, refusal: str = "") -> Command:
        return Command(title, "", partial(done.append, title), refusal)

    palette = CommandPalette([command("Save")], Theme(qapp, "light"), page)
    palette.show()
    person = CommandPalettePage(palette)
    person.type("dark")
    person.press(Qt.Key.Key_Return)
    palette.add([command("Light"), command("Dark blue", "Not on this screen")])
    assert (done, palette.isVisible()) == ([], True)
    palette.add([command("Dark"), command("Dark, high contrast")])
    assert (done, palette.isVisible()) == (["Dark"], False)


def test_what_somebody_has_gone_to_stays_chosen_when_more_is_found(page: QWidget, qapp: QApplication) -> None:
    done: list[str] = []

    def command(title: str) -> Command:
        return Command(title, "", partial(done.append, title))

    palette = CommandPalette([command("Be dark"), command("Go dark")], Theme(qapp, "light"), page)
    palette.show()
    person = CommandPalettePage(palette)
    person.type("dark")
    person.press(Qt.Key.Key_Down)
    palette.add([command("Dark")])
    assert palette.titles == ["Dark", "Be dark", "Go dark"]
    person.press(Qt.Key.Key_Return)
    assert done == ["Go dark"]


def test_return_is_forgotten_once_something_else_is_typed(page: QWidget, qapp: QApplication) -> None:
    done: list[str] = []
    palette = CommandPalette([], Theme(qapp, "light"), page)
    palette.show()
    person = CommandPalettePage(palette)
    person.type("da")
    person.press(Qt.Key.Key_Return)
    person.type("rk")
    palette.add([Command("Dark", "", lambda: done.append("dark"))])
    assert (done, palette.isVisible()) == ([], True)
    person.press(Qt.Key.Key_Return)
    assert done == ["dark"]


def test_what_cannot_be_done_now_comes_last_and_does_nothing(
    page: QWidget, qtbot: QtBot, qapp: QApplication
) -> None:
    done: list[str] = []
    commands = [
        Command("Save", "", lambda: done.append("save"), "All changes are saved"),
        Command("Save as", "", lambda: done.append("as")),
    ]
    palette = CommandPalette(commands, Theme(qapp, "light"), page)
    palette.open()
    qtbot.keyClicks(palette.findChild(QLineEdit), "save")
    assert palette.titles == ["Save as", "Save"]
    qtbot.keyClick(palette.findChild(QLineEdit), Qt.Key.Key_Down)
    qtbot.keyClick(palette.findChild(QLineEdit), Qt.Key.Key_Return)
    assert (done, palette.isVisible()) == ([], True)
    index = palette.findChild(QListView).currentIndex()
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "Save All changes are saved"
    assert palette.grab().width() == palette.width()
    qtbot.keyClick(palette.findChild(QLineEdit), Qt.Key.Key_Up)
    qtbot.keyClick(palette.findChild(QLineEdit), Qt.Key.Key_Return)
    assert (done, palette.isVisible()) == (["as"], False)


def test_what_is_typed_for_the_window_behind_is_typed_into_the_palette(
    page: QWidget, qtbot: QtBot, qapp: QApplication
) -> None:
    """The window manager has not given it the keyboard yet, or leaves that to the mouse."""
    done: list[str] = []
    add_action(page, "Save", "Ctrl+S", lambda: done.append("save behind"))
    written = QLineEdit(page)
    with qtbot.waitActive(page):
        page.show()
        page.activateWindow()
    written.setFocus()
    palette = CommandPalette(
        [Command(name, "", partial(done.append, name)) for name in ("Open", "Zoom in", "Zoom out")],
        Theme(qapp, "light"),
        page,
    )
    palette.show()
    behind = page.windowHandle()
    for key in (Qt.Key.Key_Z, Qt.Key.Key_O):
        QTest.keyClick(behind, key)
    QTest.keyClick(behind, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(behind, Qt.Key.Key_Down)
    assert palette.titles == ["Zoom in", "Zoom out"]
    QTest.keyClick(behind, Qt.Key.Key_Return)
    assert (done, palette.isVisible(), written.text()) == (["Zoom out"], False, "")
    with qtbot.waitActive(page):
        page.activateWindow()
    QTest.keyClick(behind, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    assert done == ["Zoom out", "save behind"]


def test_what_an_input_method_writes_behind_the_palette_is_written_into_it(
    page: QWidget, qtbot: QtBot, qapp: QApplication
) -> None:
    written = QLineEdit(page)
    with qtbot.waitActive(page):
        page.show()
        page.activateWindow()
    written.setFocus()
    palette = CommandPalette([Command("新聊天", "", lambda: None)], Theme(qapp, "light"), page)
    palette.show()
    event = QInputMethodEvent("", [])
    event.setCommitString("聊天")
    QApplication.sendEvent(written, event)
    assert (written.text(), palette.findChild(QLineEdit).text()) == ("", "聊天")
    palette.reject()
    QApplication.sendEvent(written, event)
    assert written.text() == "聊天"


def test_a_click_beside_it_closes_the_palette_and_does_nothing_else(
    page: QWidget, qtbot: QtBot, qapp: QApplication
) -> None:
    pressed: list[bool] = []
    below = QPushButton("Below", page)
    below.clicked.connect(lambda: pressed.append(True))
    with qtbot.waitExposed(page):
        page.show()
    palette = CommandPalette([Command("Open", "", lambda: None)], Theme(qapp, "light"), page)
    palette.show()
    for shown in (False, False):
        QTest.mouseClick(page.windowHandle(), Qt.MouseButton.LeftButton, pos=below.geometry().center())
        assert palette.isVisible() is shown
    assert pressed == [True], "the second click is for the window"


def test_a_page_offers_buttons_with_words_menus_and_rows(page: QWidget, qtbot: QtBot) -> None:
    done: list[str] = []
    column = QVBoxLayout(page)
    add_action(page, "Run the program", "F5", lambda: done.append("key"))
    run = QPushButton("Run")
    run.setAccessibleName("Run the program in the sandbox (F5)")
    copies = [QPushButton("Copy") for _ in range(3)]
    for number, copy in enumerate(copies):
        copy.setAccessibleName("Copy code")
        copy.clicked.connect(lambda _=False, number=number: done.append(f"copy {number}"))
    icon = QPushButton()
    icon.setAccessibleName("Only an icon")
    hidden = QPushButton("Hidden")
    hidden.hide()
    off = QPushButton("Compare…")
    allow(off, "Select two")
    export = QPushButton("Export")
    menu = QMenu(export)
    menu.addAction("As JSON…", lambda: done.append("json"))
    more = menu.addMenu("Picture")
    more.addAction("Copy", lambda: done.append("picture"))
    as_heading(menu.addAction("Heading"))
    export.setMenu(menu)
    drawer = QWidget()
    inside = QVBoxLayout(drawer)
    spin = QSpinBox()
    spin.setAccessibleName("Temperature")
    inside.addWidget(spin)
    inside.addWidget(QPushButton("Reset"))
    drawer.hide()
    for made in (run, *copies, icon, hidden, off, export, drawer):
        column.addWidget(made)
    Offers(page, lambda: row_commands(drawer, "Behaviour", drawer.show), covers=drawer)
    Offers(page, lambda: [QMenu("Empty"), Command("By hand", "", lambda: None)])
    with qtbot.waitActive(page):
        page.show()
        page.activateWindow()
    commands = {command.title: command for command in offered_in(page)}
    assert list(commands) == [
        "Run the program",
        "Copy code",
        "Compare",
        "Export: As JSON",
        "Export: Picture: Copy",
        "Behaviour: Temperature",
        "Behaviour: Reset",
        "By hand",
    ]
    assert {title: command.refusal for title, command in commands.items() if command.refusal} == {
        "Compare": "Select two"
    }
    commands["Copy code"].run()
    commands["Export: Picture: Copy"].run()
    commands["Behaviour: Temperature"].run()
    assert done == ["copy 2", "picture"]
    assert spin.hasFocus()


def test_what_takes_long_is_listed_apart_and_in_steps(page: QWidget, qapp: QApplication) -> None:
    done: list[str] = []

    def make() -> Iterator[Command | QMenu | None]:
        for title in ("One", "Two"):
            done.append(title)
            yield None
            yield Command(title, "", lambda: None)

    Offers(page, make, takes_long=True)
    assert offered_in(page) == []
    steps = offered_later(page)
    assert [next(steps), done] == [[], ["One"]]
    assert [command.title for found in steps for command in found] == ["One", "Two"]


def test_a_menu_that_is_filled_anew_between_two_steps_gives_what_it_has(
    page: QWidget, qapp: QApplication
) -> None:
    menu = QMenu(page)
    for number in range(2 * ENTRIES_AT_ONCE):
        menu.addAction(f"Old {number}")
    steps = menu_steps(menu, "Menu")
    assert len(next(steps)) == ENTRIES_AT_ONCE
    menu.clear()
    for number in range(ENTRIES_AT_ONCE + 1):
        menu.addAction(f"New {number}")
    assert [command.title for found in steps for command in found] == [f"Menu: New {ENTRIES_AT_ONCE}"]


def test_the_palette_is_used_by_keyboard_alone(page: QWidget, qapp: QApplication) -> None:
    done: list[str] = []
    commands = [Command(title, "", lambda title=title: done.append(title)) for title in ("One", "Two", "Ten")]
    palette = CommandPalette(commands, Theme(qapp, "light"), page)
    palette.open()
    person = CommandPalettePage(palette)
    person.type("t")
    assert palette.titles == ["Two", "Ten"]
    person.press(Qt.Key.Key_Down, Qt.Key.Key_Return)
    assert done == ["Ten"]
    assert not palette.isVisible()


def test_the_sheet_lists_what_has_keys(page: QWidget) -> None:
    commands = [Command("New", "Ctrl+N", lambda: None), Command("Mouse only", "", lambda: None)]
    without = [Command("Mouse only", "", lambda: None)]
    sheet = ShortcutSheet([("Chat", commands), ("Other", without)], page)
    from PySide6.QtWidgets import QLabel

    texts = [label.text() for label in sheet.findChildren(QLabel)]
    assert texts == ["Chat", "New", "Ctrl+N"]


def test_a_key_that_can_do_nothing_now_says_why(qtbot: QtBot) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    field = QLineEdit()
    window.setCentralWidget(field)
    refusals = ["Nothing is written yet"]
    done: list[str] = []
    add_action(window, "Send", "Ctrl+J", lambda: done.append("sent"), lambda: refusals[0])
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
    assert QToolTip.text() == "Nothing is written yet"
    assert done == []
    refusals[0] = ""
    QTest.keyClick(field, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
    assert done == ["sent"]


@pytest.mark.parametrize("zoom_percent", [100, 125])
def test_the_palette_cuts_no_row_at_its_foot(qtbot: QtBot, qapp: QApplication, zoom_percent: int) -> None:
    theme = Theme(qapp, "light")
    theme.choose("light", zoom_percent)
    window = QMainWindow()
    qtbot.addWidget(window)
    window.resize(1000, 700)
    window.show()
    many = [Command(f"Command {number}", "", lambda: None) for number in range(40)]
    palette = CommandPalette(many, theme, window)
    palette.show()
    view = palette.findChild(QListView)
    qtbot.wait_until(lambda: view.viewport().height() % view.sizeHintForRow(0) == 0)
    assert view.viewport().height() >= 8 * view.sizeHintForRow(0)
    theme.choose("light")


def test_the_list_of_shortcuts_closes_with_a_button_of_ours(qtbot: QtBot, qapp: QApplication) -> None:
    Theme(qapp, "dark")
    window = QWidget()
    qtbot.addWidget(window)
    sheet = ShortcutSheet([("Chat", [Command("New chat", "Ctrl+N", lambda: None)])], window)
    sheet.show()
    assert all(made.icon().isNull() for made in sheet.findChildren(QPushButton))
