"""Everything that the window's menus, buttons with words and settings can do is in the command palette."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDialog,
    QFormLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QWidget,
)

from app.chat.store.store import ChatStore
from app.ui.base import slices
from app.ui.base.add_action import not_now, plain_words
from app.ui.base.engine_session import model_name
from app.ui.base.offers import could_be_seen, menu_of
from app.ui.chat.chat_tab import ChatTab
from app.ui.chat.list.chat_list import ChatList
from app.ui.load_settings.load_settings_dialog import LoadSettingsDialog
from app.ui.shell.commands.command_palette import CommandPalette
from app.ui.shell.main_window import MainWindow
from app.ui.shell.window_application import WindowApplication
from tests.support.waiting import until
from tests.support.window import run_with_window, settle

PAGES = ("chat", "code", "benchmark", "models")
LEAVES = {"Close", "Cancel", "Back to defaults", "关闭", "取消", "恢复默认设置"}
"""Buttons that only leave the dialog that they are in, or change what is not yet applied."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    return tmp_path


async def opened(application: WindowApplication) -> CommandPalette:
    palette = application.commands.open_palette()
    await until(lambda: palette.complete, "all commands")
    return palette


class ShownWindows(QObject):
    """Notes the windows that are shown."""

    def __init__(self, qapp: QApplication) -> None:
        super().__init__()
        self.shown: list[QWidget] = []
        qapp.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
            self.shown.append(watched)
        return False


def test_nothing_but_the_palette_is_shown_while_it_looks_for_commands(qapp: QApplication) -> None:
    """A part that is shown before it has its place is a window for a moment, which takes the keyboard."""

    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        windows = ShownWindows(qapp)
        palette = await opened(application)
        assert windows.shown == [palette]

    run_with_window(scene)


def test_the_palette_is_seen_before_other_pages_are_made_for_it(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty frame would stand there for as long as that takes."""
    before: list[bool] = []
    make = MainWindow.content_of

    class Paintings(QObject):
        seen = False

        def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
            self.seen |= event.type() == QEvent.Type.Paint and isinstance(watched, CommandPalette)
            return False

    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        paintings = Paintings()
        qapp.installEventFilter(paintings)

        def made(window: MainWindow, key: str) -> QWidget:
            before.append(paintings.seen)
            return make(window, key)

        monkeypatch.setattr(MainWindow, "content_of", made)
        await opened(application)
        assert before
        assert all(before)

    run_with_window(scene)


def test_each_dialog_is_looked_up_in_a_turn_of_its_own(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Turns that do not end with their time end where a dialog is made."""
    monkeypatch.setattr(slices, "SLICE_S", 1000.0)

    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        turns = 0
        made: list[int] = []

        def count() -> None:
            nonlocal turns
            turns += 1

        counter = QTimer(interval=0)
        counter.timeout.connect(count)

        class Noted(QObject):
            def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
                if (
                    event.type() == QEvent.Type.WindowTitleChange
                    and isinstance(watched, QDialog)
                    and watched.parent() is application.window
                ):
                    made.append(turns)
                return False

        noted = Noted()
        palette = application.commands.open_palette()
        counter.start()
        qapp.installEventFilter(noted)
        await until(lambda: palette.complete, "all commands")
        qapp.removeEventFilter(noted)
        counter.stop()
        assert len(made) > 10
        assert len(set(made)) == len(made), made

    run_with_window(scene)


def test_in_a_chinese_window_commands_are_found_by_their_english_words(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        before = application.window
        application.parts.settings.update(language="zh_CN")
        await until(lambda: application.window is not before, "the Chinese window")
        palette = await opened(application)
        field = palette.findChild(QLineEdit)
        assert isinstance(field, QLineEdit)
        for typed, title in (
            ("new chat", "新聊天"),
            ("settings dark", "设置：主题：深色"),
            ("export all chats web", "聊天列表：导出所有聊天：网页"),
        ):
            field.setText(typed)
            assert title in palette.titles, typed
        field.clear()
        # The others are names: of models, of prompts.
        assert sum(bool(command.english) for command in palette.commands) > 0.9 * len(palette.commands)

    run_with_window(scene)


def entries(menu: QMenu) -> list[str]:
    """List what a menu and those in it can do."""
    found: list[str] = []
    for action in menu.actions():
        inner = action.menu()
        if isinstance(inner, QMenu):
            found += entries(inner)
        elif action.text() and action.isVisible() and not action.property("heading"):
            found.append(plain_words(action.text().partition("\t")[0]))
    return found


def words_of(root: QWidget) -> set[str]:
    """List what the buttons with words of a page say, and the menus that they open."""
    found: set[str] = set()
    for button in root.findChildren(QAbstractButton):
        if not could_be_seen(button, root) or button.property("kind") == "tab":
            continue
        menu = menu_of(button)
        if menu is not None:
            found |= set(entries(menu))
        elif button.text().strip():
            found.add(plain_words(button.text()))
    return found - LEAVES


def rows_of(dialog: QDialog) -> set[str]:
    """The names of the rows of the forms of a dialog."""
    found: set[str] = set()
    for form in dialog.findChildren(QFormLayout):
        for row in range(form.rowCount()):
            if not form.isRowVisible(row):
                continue
            item = form.itemAt(row, QFormLayout.ItemRole.LabelRole)
            name = item.widget() if item is not None else None
            if isinstance(name, QLabel) and name.text():
                found.add(name.text())
    return found


async def all_words(application: WindowApplication) -> dict[str, set[str]]:
    """All that can be read on buttons, in menus and in settings, by where it is."""
    window, dialogs = application.window, application.dialogs
    found: dict[str, set[str]] = {}

    def made_settings() -> QDialog:
        dialog = dialogs.make_settings()
        assert dialog.pages
        return dialog

    for page in PAGES:
        content = window.show_page(page)
        if isinstance(content, ChatTab):
            content.composer.settings.setChecked(True)
        await settle(10)
        found[page] = words_of(content)
        for chats in content.findChildren(ChatList):
            for menu in chats.menus():
                found[page] |= set(entries(menu))
                menu.deleteLater()
    menu = menu_of(window.picker)
    assert menu is not None
    found["picker"] = set(entries(menu))
    for name, make in (
        ("settings", made_settings),
        ("load settings", dialogs.make_load_settings),
        ("input filter", dialogs.make_filters),
        ("audit log", dialogs.make_audit),
        ("local API", dialogs.make_server),
    ):
        dialog = make()
        found[name] = words_of(dialog) | rows_of(dialog)
        dialog.done(0)
        dialog.deleteLater()
    window.show_page("chat")
    return found


def test_a_palette_that_is_closed_while_it_looks_leaves_no_dialog_behind(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    def making(_: LoadSettingsDialog) -> Iterator[None]:
        while True:
            yield

    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        window = application.window
        monkeypatch.setattr(LoadSettingsDialog, "making", making)
        palette = application.commands.open_palette()
        await until(lambda: window.findChild(LoadSettingsDialog) is not None, "the load settings")
        palette.reject()
        await settle(3)
        assert window.findChildren(QDialog) == []

    run_with_window(scene)


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_the_palette_lists_what_the_window_can_do(qapp: QApplication, home: Path, language: str) -> None:
    async def scene(application: WindowApplication) -> None:
        before = application.window
        application.parts.settings.update(language=language, first_run_over=True)
        await until(lambda: application.window is not before, "the window in this language")
        await until(lambda: application.session.info is not None, "the starter model")
        chats: ChatStore = application.parts.chats
        folder = chats.create_folder("Work")
        chat = chats.create_conversation(title="Trains")
        chats.move(chat.id, folder.id)
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        tab.show_chats()
        tab.open_chat(chat.id)
        wanted = await all_words(application)
        palette = await opened(application)
        titles = [command.title for command in palette.commands]
        missing = {
            place: sorted(word for word in words if not any(word in title for title in titles))
            for place, words in wanted.items()
        }
        assert {place: words for place, words in missing.items() if words} == {}
        assert sum(len(words) for words in wanted.values()) > 150
        unexplained = [command.title for command in palette.commands if command.refusal == not_now()]
        assert unexplained == [], "each that cannot be done now says why"
        assert len(titles) == len(set(titles)), sorted(t for t in titles if titles.count(t) > 1)
        palette.close()

    run_with_window(scene)


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("export markdown", "This chat: Export: Markdown"),
        ("rename", "This chat: Rename"),
        ("delete chat", "This chat: Delete"),
        ("theme dark", "Settings: Theme: Dark"),
        ("language", "Settings: Language: 简体中文"),
        ("unload", "Model: Unload and free its memory"),
        ("temperature", "Model behaviour: Temperature"),
        ("system prompt", "Model behaviour: System prompt"),
        ("context", "How {model} is loaded: Context"),
        ("import", "Models: Open a GGUF file"),
        ("import", "Models: Add a folder"),
        ("inside", "Models: Look inside the selected model"),
        ("run the benchmark", "Benchmark: Run the benchmark"),
        ("repeat penalty", "Model behaviour: Repeat penalty"),
        ("stop texts", "Model behaviour: Stop texts"),
        ("open a folder", "Code: Open a folder"),
        ("go to file", "Code: Go to file"),
        ("folder again", "Code: Read the folder again"),
        ("close folder", "Code: Close the folder"),
        ("several files", "Code: Show the newest changes of several files"),
        ("propose code", "Code: Propose code while typing"),
        ("new models", "How {model} is loaded: Use as default for new models"),
    ],
)
def test_what_people_look_for_is_found(qapp: QApplication, home: Path, typed: str, title: str) -> None:
    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        chat = application.parts.chats.create_conversation(title="Trains")
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        tab.open_chat(chat.id)
        palette = await opened(application)
        palette.findChild(QLineEdit).setText(typed)
        info = application.session.info
        assert info is not None
        assert title.format(model=model_name(info)) in palette.titles

    run_with_window(scene)


def test_commands_do_what_they_say(qapp: QApplication, home: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        window = application.window

        async def run(title: str) -> None:
            palette = await opened(application)
            palette.findChild(QLineEdit).setText(title)
            field = palette.findChild(QLineEdit)
            for _ in range(palette.titles.index(title)):
                QTest.keyClick(field, Qt.Key.Key_Down)
            QTest.keyClick(field, Qt.Key.Key_Return)
            await settle(5)

        await run("Settings: Theme: Dark, high contrast")
        assert application.parts.settings.values.theme == "dark-contrast"
        switch = "Settings: Make small models more accurate (importance matrix)"
        await run(switch)
        assert application.parts.settings.values.weigh_builds
        palette = await opened(application)
        assert [command.checked for command in palette.commands if command.title == switch] == [True]
        palette.close()
        await run("Model behaviour: Temperature")
        focus = window.focusWidget()
        assert focus is not None
        assert focus.accessibleName() == "Temperature"
        await run("Benchmark: Quality")
        assert window.current_page == "benchmark"
        info = application.session.info
        assert info is not None
        await run(f"How {model_name(info)} is loaded: Threads")
        [dialog] = [each for each in window.findChildren(QDialog) if each.isVisible()]
        assert dialog.focusWidget().accessibleName() == "Threads"
        dialog.close()
        await run("Model: Unload and free its memory")
        await until(lambda: application.session.info is None, "the memory back")

    run_with_window(scene)
