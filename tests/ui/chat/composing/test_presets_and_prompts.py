"""Presets, the prompt library and structured answers in the Chat tab's widgets."""

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QDialog, QMainWindow, QPlainTextEdit, QPushButton
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
from app.ui.base.session import EngineSession
from app.ui.base.theme import Theme
from app.ui.chat.behaviour.chat_presets import ChatPresets
from app.ui.chat.behaviour.reply_settings import ReplySettings
from app.ui.chat.behaviour.schema_dialog import SchemaDialog
from app.ui.chat.composing.chat_prompts import ChatPrompts
from app.ui.chat.composing.composer import Composer, ComposerState
from app.ui.chat.composing.prompt_form import PromptForm
from app.ui.reply.reply_view import ReplyView
from app.ui.widgets.notices import Notices
from tests.support.templates import chat_templates
from tests.support.widgets import all_seen


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
        session = EngineSession(EngineClient(child_command("engine")), Bridge(_fail), chat_templates())
        self.drawer = ReplySettings(theme, self.window)
        self.drawer.show_choices(ReplyChoices(), Sampling())
        self.composer = Composer(theme, self.window)
        self.composer.set_state(ComposerState.READY)
        self.window.setCentralWidget(self.composer)
        self.book = PresetBook(folder / "presets.json")
        self.presets = ChatPresets(self.book, self.drawer, session, settings, self.notices, self.window)
        self.presets.chosen.connect(lambda choices: self.drawer.show_choices(choices, Sampling()))
        self.library = PromptBook(folder / "prompts.json")
        self.prompts = ChatPrompts(self.library, self.composer, self.notices, self.window)
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
