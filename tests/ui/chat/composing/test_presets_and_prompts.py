"""Presets, the prompt library and structured answers in the Chat tab's widgets."""

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
import qasync
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDialog,
    QInputDialog,
    QLineEdit,
    QListWidget,
    QMainWindow,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
)
from pytestqt.qtbot import QtBot

from app.base.children import child_command
from app.chat.library.presets import PresetBook
from app.chat.library.prompt_library import PromptBook
from app.chat.library.reply_choices import ReplyChoices
from app.chat.prompting.answer_schema import EXAMPLE
from app.engine.client.client import EngineClient
from app.engine.protocol import Sampling, ThinkingLimits
from app.settings import SettingsFile
from app.ui.base.bridge import Bridge
from app.ui.base.engine_session import EngineSession
from app.ui.base.layouts import TITLE_BAR_PX
from app.ui.base.theme import Theme
from app.ui.chat.behaviour.chat_presets import ChatPresets
from app.ui.chat.behaviour.reply_settings import ReplySettings
from app.ui.chat.behaviour.schema_dialog import SchemaDialog
from app.ui.chat.composing.chat_prompts import ChatPrompts
from app.ui.chat.composing.composer import Composer, ComposerState
from app.ui.chat.composing.prompt_form import PromptForm
from app.ui.reply.reply_view import ReplyView
from app.ui.widgets.notices import Notices
from tests.support.event_loop import run_step
from tests.support.held_disk import held_disk
from tests.support.late_answers import Late
from tests.support.templates import chat_templates
from tests.support.waiting import until, wait_until
from tests.support.widgets import all_seen, seen, seen_button, seen_words


def names(book: PresetBook) -> list[str]:
    return [preset.name for preset in book.own]


def _fail(error: BaseException) -> None:
    raise error


class Desk:
    """A drawer and a composer with their libraries in one window."""

    def __init__(self, application: QApplication, qtbot: QtBot, folder: Path) -> None:
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        theme = Theme(application, "light")
        self.notices = Notices(self.window, lambda: "")
        settings = SettingsFile(folder / "settings.json")
        bridge = Bridge(_fail)
        session = EngineSession(EngineClient(child_command("engine")), bridge, chat_templates())
        self.drawer = ReplySettings(theme, self.window)
        self.drawer.show_choices(ReplyChoices(), Sampling())
        self.composer = Composer(theme, self.window)
        self.composer.set_state(ComposerState.READY)
        self.window.setCentralWidget(self.composer)
        self.book = PresetBook(folder / "presets.json")
        self.presets = ChatPresets(
            self.book, self.drawer, session, settings, self.notices, bridge, self.window
        )
        self.presets.chosen.connect(lambda choices: self.drawer.show_choices(choices, Sampling()))
        self.library = PromptBook(folder / "prompts.json")
        self.prompts = ChatPrompts(self.library, self.composer, self.notices, bridge, self.window)
        self.window.resize(900, 700)
        self.window.show()

    def entry(self, text: str) -> QAction:
        self.presets.fill_menu()
        [found] = [action for action in self.presets.menu.actions() if action.text() == text]
        return found

    def undo(self) -> None:
        all_seen(self.notices, QPushButton, "Undo")[-1].click()

    def field(self) -> QPlainTextEdit:
        return next(f for f in self.composer.findChildren(QPlainTextEdit) if f.accessibleName() == "Message")


@pytest.fixture
def desk(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> Desk:
    return Desk(qapp, qtbot, tmp_path)


def test_what_the_drawer_shows_has_the_name_of_its_preset(desk: Desk) -> None:
    desk.presets.show_name()
    assert "authors' recommendation" in desk.drawer.preset.accessibleName()
    desk.entry("No thinking").trigger()
    assert desk.drawer.choices.thinking == ThinkingLimits(tokens=0)
    assert desk.drawer.preset.accessibleName() == "Preset: No thinking"
    desk.drawer.show_choices(ReplyChoices("Be brief."), Sampling())
    assert desk.drawer.preset.accessibleName() == "Own settings"
    assert not desk.entry("Delete").isEnabled()
    desk.presets.save("Brief")
    assert desk.drawer.preset.accessibleName() == "Preset: Brief"
    desk.presets.duplicate("Brief")
    desk.presets.rename("Brief", "Short")
    assert names(desk.book) == ["Brief 2", "Short"]


def test_a_name_is_typed_before_its_field_has_the_keyboard(desk: Desk) -> None:
    desk.entry("Save as preset…").trigger()
    for key in (Qt.Key.Key_B, Qt.Key.Key_E, Qt.Key.Key_Return):
        QTest.keyClick(desk.window.windowHandle(), key)
    assert names(desk.book) == ["be"]
    desk.entry("Rename…").trigger()
    for key in (Qt.Key.Key_A, Qt.Key.Key_Return):
        QTest.keyClick(desk.window.windowHandle(), key)
    assert names(desk.book) == ["a"]


def test_the_title_of_the_dialog_for_a_name_is_not_cut_off(desk: Desk) -> None:
    desk.entry("Save as preset…").trigger()
    dialog = desk.window.findChild(QInputDialog)
    assert isinstance(dialog, QInputDialog)
    title_px = dialog.fontMetrics().horizontalAdvance(dialog.windowTitle())
    assert dialog.width() >= title_px + TITLE_BAR_PX
    dialog.reject()


def test_a_deleted_preset_comes_back(desk: Desk) -> None:
    desk.drawer.show_choices(ReplyChoices("Be brief."), Sampling())
    desk.book.save("Brief", desk.drawer.choices)
    desk.presets.delete("Brief")
    assert desk.book.own == ()
    desk.undo()
    assert names(desk.book) == ["Brief"]


def test_a_slash_offers_prompts_and_enter_takes_one(desk: Desk, qtbot: QtBot) -> None:
    desk.library.save("Greet", "Say hello.")
    field = desk.field()
    field.setFocus()
    qtbot.keyClicks(field, "/greet")
    assert desk.composer.suggestions.titles == ["Greet"]
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert desk.composer.text() == "Say hello."
    assert desk.composer.suggestions.titles == []
    desk.composer.set_text("/")
    assert len(desk.composer.suggestions.titles) > 10
    qtbot.keyClick(field, Qt.Key.Key_Down)
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert desk.composer.suggestions.titles == []
    assert desk.composer.text() == "/"


def test_the_gaps_of_a_prompt_are_asked_for(desk: Desk) -> None:
    desk.library.save("T", "To {{language:English|Chinese}}: {{text}} {{tone:kind}}")
    form = desk.prompts.use(desk.library.own[0])
    assert isinstance(form, PromptForm)
    language, text = form.fields["language"], form.fields["text"]
    assert isinstance(language, QComboBox)
    assert isinstance(text, QPlainTextEdit)
    language.setCurrentText("Chinese")
    text.setPlainText("Hello {{tone}}")
    [insert] = [b for b in form.findChildren(QPushButton) if b.text() == "Insert"]
    insert.click()
    assert desk.composer.text() == "To Chinese: Hello {{tone}} kind"


def test_ctrl_return_in_a_gap_of_a_prompt_inserts_it(desk: Desk, qtbot: QtBot) -> None:
    desk.library.save("T", "Say {{text}}")
    form = desk.prompts.use(desk.library.own[0])
    assert isinstance(form, PromptForm)
    form.activateWindow()
    wait_until(form.isActiveWindow)
    text = form.fields["text"]
    qtbot.keyClicks(text, "one")
    qtbot.keyClick(text, Qt.Key.Key_Return)
    qtbot.keyClicks(text, "two")
    qtbot.keyClick(text, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert desk.composer.text() == "Say one\ntwo"
    assert not form.isVisible()


def test_the_library_is_searched_written_and_undone(desk: Desk) -> None:
    dialog = desk.prompts.open_library()
    dialog.fill("boxed")
    assert "Solve a mathematics problem" in dialog.titles
    dialog.saved.emit("Mine", "My words.", None)
    dialog.fill("mine")
    assert dialog.titles == ["Mine"]
    assert "Prompt: Mine" in [action.text() for action in desk.window.actions()]
    dialog.deleted.emit(desk.library.own[0])
    assert desk.library.own == ()
    desk.undo()
    assert [prompt.title for prompt in desk.library.own] == ["Mine"]
    dialog.reject()


def test_a_prompt_that_is_being_written_is_not_lost(desk: Desk, qtbot: QtBot) -> None:
    dialog = desk.prompts.open_library()
    seen_button(dialog, "New").click()
    save = seen_button(dialog, "Save")
    assert not save.isEnabled()
    assert "title" in save.toolTip()
    seen(dialog, QLineEdit, "Title").setText("Mine")
    assert not save.isEnabled()
    seen(dialog, QPlainTextEdit, "Prompt").setPlainText("My words.")
    assert save.isEnabled()
    # Neither another prompt nor another search takes its place.
    assert not seen(dialog, QLineEdit, "Search prompts").isEnabled()
    assert not seen(dialog, QListWidget, "Prompts").isEnabled()
    assert not seen_button(dialog, "New").isEnabled()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert dialog.isVisible()
    seen_button(dialog, "Go on writing").click()
    assert seen(dialog, QPlainTextEdit, "Prompt").toPlainText() == "My words."
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    question = seen(dialog, QMessageBox)
    seen_button(question, "Save").click()
    assert not dialog.isVisible()
    assert [prompt.text for prompt in desk.library.own] == ["My words."]


def test_a_prompt_that_is_not_wanted_is_discarded(desk: Desk, qtbot: QtBot) -> None:
    dialog = desk.prompts.open_library()
    seen_button(dialog, "New").click()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    dialog = desk.prompts.open_library()
    seen_button(dialog, "New").click()
    seen(dialog, QLineEdit, "Title").setText("Mine")
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    question = seen(dialog, QMessageBox)
    assert not seen_button(question, "Save").isEnabled()
    seen_button(question, "Discard").click()
    assert not dialog.isVisible()
    assert desk.library.own == ()


def test_the_window_goes_on_while_the_disk_takes_presets_and_prompts(
    desk: Desk, loop: qasync.QEventLoop, tmp_path: Path
) -> None:
    async def scene() -> None:
        with held_disk() as disk:
            desk.presets.save("Mine")
            disk.wait_for_writer()
            desk.presets.rename("Mine", "Ours")
            desk.presets.export(tmp_path / "out.json")
            dialog = desk.prompts.open_library()
            dialog.saved.emit("Mine", "My words.", None)
            desk.prompts.export(tmp_path / "prompts-out.json")
            await settled()
            assert names(desk.book) == ["Ours"]
            assert " are in " not in seen_words(desk.notices)
            disk.goes_on.set()
            await until(lambda: (tmp_path / "out.json").exists(), "the presets' file")
            await until(lambda: (tmp_path / "prompts-out.json").exists(), "the prompts' file")
            await until(lambda: " are in " in seen_words(desk.notices), "the word of one of them")
        dialog.reject()

    run_step(loop, scene(), 100.0)
    desk.book.close()
    desk.library.close()
    assert names(PresetBook(tmp_path / "presets.json")) == ["Ours"]
    assert [prompt.text for prompt in PromptBook(tmp_path / "prompts.json").own] == ["My words."]
    assert [preset.name for preset in desk.book.read(tmp_path / "out.json")] == ["Ours"]
    assert [prompt.title for prompt in desk.library.read(tmp_path / "prompts-out.json")] == ["Mine"]


def test_what_is_taken_in_late_leaves_what_was_done_since(
    desk: Desk, loop: qasync.QEventLoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = PromptBook(tmp_path / "other.json")
    other.save("Theirs", "Their words.")
    other.close()
    reading = Late(PromptBook.read)
    monkeypatch.setattr(PromptBook, "read", lambda *asked: reading(*asked))

    async def scene() -> None:
        dialog = desk.prompts.open_library()
        desk.prompts.import_from(tmp_path / "other.json")
        await until(lambda: reading.waiting == 1, "what the file holds")
        desk.library.save("Mine", "My words.")
        dialog.begin_new()
        [title] = [field for field in dialog.findChildren(QLineEdit) if field.accessibleName() == "Title"]
        title.setText("Half a ti")
        reading.let_all()
        await until(lambda: len(desk.library.own) == 2, "the prompt")
        await settled()
        assert title.text() == "Half a ti"
        assert not title.isReadOnly()
        assert {prompt.title for prompt in desk.library.own} == {"Mine", "Theirs"}
        dialog.reject()

    run_step(loop, scene(), 100.0)


async def settled() -> None:
    """Let what has answered come to the window."""
    for _ in range(20):
        await asyncio.sleep(0.005)


def test_a_schema_is_checked_while_it_is_written(desk: Desk) -> None:
    beside: list[Coroutine[Any, Any, Any]] = []
    dialog = SchemaDialog("", beside.append, desk.window)
    chosen: list[str] = []
    dialog.chosen.connect(chosen.append)
    dialog.chosen.connect(desk.drawer.choose_schema)
    [use] = [b for b in dialog.findChildren(QPushButton) if b.text() == "Use it"]
    assert not use.isEnabled()
    dialog.set_text('{"type": "object"')
    assert "a comma or a closing bracket is missing in line 1" in dialog.verdict
    assert not use.isEnabled()
    # A long one is checked beside the window's thread.
    for schema, can_be_used in (({"enum": list(range(2000))}, True), ({"enum": [[]] * 2000, "x": 1}, False)):
        dialog.set_text(json.dumps(schema))
        assert "being checked" in dialog.verdict
        assert not use.isEnabled()
        asyncio.run(beside.pop())
        assert use.isEnabled() == can_be_used
    dialog.set_text(EXAMPLE)
    use.click()
    assert chosen == [EXAMPLE]
    assert dialog.result() == QDialog.DialogCode.Accepted
    assert desk.drawer.choices.json_schema == EXAMPLE


def test_a_structured_answer_says_whether_it_is_valid(qapp: QApplication, qtbot: QtBot) -> None:
    for content, words in (
        ('{"answer": "4", "confidence": "high"}', "Valid JSON of the schema “Answer”"),
        ('{"answer": "4"}', "Not as the schema says: $ lacks confidence"),
    ):
        view = ReplyView(Theme(qapp, "light"))
        qtbot.addWidget(view)
        view.follow_schema(EXAMPLE)
        view.show_kept(content, "", "stop", None)
        assert view.verdict == words
        assert view.answer == content
    free = ReplyView(Theme(qapp, "light"))
    qtbot.addWidget(free)
    free.show_kept("4", "", "stop", None)
    assert free.verdict == ""
