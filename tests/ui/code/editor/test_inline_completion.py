"""Code that is proposed while somebody types: by the starter model with tokens for the gap."""

import asyncio
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.code.languages import language_of_file
from app.engine.protocol import Delta, Generate, LoadSettings, Part, ReplyEvent
from app.ui.base.theme import Theme
from app.ui.code.code_tab import CodeTab
from app.ui.code.editor.code_editor import CodeEditor
from app.ui.code.editor.ghost_text import GhostText
from models.catalogue.starter import starter_file
from tests.support.code_desk import Live, Room, until
from tests.support.starter_variants import write_infill_model

CODE = "def add(a, b):\n    return a + b\n\n\ndef subtract(a, b):\n    return"


@pytest.fixture(scope="module")
def infill(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_infill_model(tmp_path_factory.mktemp("infill") / "infill.gguf")


@pytest.fixture
def editor(qtbot: QtBot, theme: Theme) -> CodeEditor:
    editor = CodeEditor(theme)
    qtbot.addWidget(editor)
    editor.load_text(CODE, language_of_file("a.py"))
    editor.moveCursor(editor.textCursor().MoveOperation.End)
    editor.resize(600, 300)
    editor.show()
    editor.setFocus()
    return editor


@pytest.fixture
def ghost(editor: CodeEditor, theme: Theme) -> GhostText:
    return GhostText(editor, theme)


def test_tab_takes_what_is_proposed_as_one_step(qtbot: QtBot, editor: CodeEditor, ghost: GhostText) -> None:
    ghost.propose(" a - b\n\n\nprint(1)")
    assert ghost.isVisible()
    assert editor.text() == CODE
    qtbot.keyClick(editor, Qt.Key.Key_Tab)
    assert editor.text() == CODE + " a - b\n\n\nprint(1)"
    assert not ghost.isVisible()
    editor.undo()
    assert editor.text() == CODE


def test_escape_a_moved_cursor_and_other_words_drop_it(
    qtbot: QtBot, editor: CodeEditor, ghost: GhostText
) -> None:
    ghost.propose(" a - b")
    qtbot.keyClick(editor, Qt.Key.Key_Escape)
    assert (ghost.text, ghost.isVisible()) == ("", False)
    ghost.propose(" a - b")
    qtbot.keyClick(editor, Qt.Key.Key_Left)
    assert ghost.text == ""
    editor.moveCursor(editor.textCursor().MoveOperation.End)
    ghost.propose(" a - b")
    qtbot.keyClicks(editor, "x")
    assert ghost.text == ""
    qtbot.keyClick(editor, Qt.Key.Key_Tab)
    assert editor.text().startswith(CODE + "x ")


def test_who_types_what_is_proposed_keeps_the_rest(
    qtbot: QtBot, editor: CodeEditor, ghost: GhostText
) -> None:
    ghost.propose(" a - b")
    qtbot.keyClicks(editor, " a ")
    assert ghost.text == "- b"
    qtbot.keyClick(editor, Qt.Key.Key_Tab)
    assert editor.text() == CODE + " a - b"


async def load(room: Room, path: Path) -> None:
    await room.session.load(path, LoadSettings(context_tokens=1024, threads=1, sequences=2))


async def typed(tab: CodeTab, qtbot: QtBot, text: str = "(") -> GhostText:
    tab.editor.load_text(CODE, language_of_file("a.py"))
    tab.editor.moveCursor(tab.editor.textCursor().MoveOperation.End)
    tab.window().activateWindow()
    tab.editor.setFocus()
    qtbot.keyClicks(tab.editor, text)
    return tab.files.current.completion.ghost


def test_a_pause_brings_a_proposal_and_a_key_ends_the_wait(
    room: Room, tab: CodeTab, live: Live, qtbot: QtBot, infill: Path
) -> None:
    asked: list[Generate] = []

    async def scene() -> None:
        await load(room, infill)
        generate = room.session.generate

        def noted(request: Generate, *arguments: object) -> object:
            asked.append(request)
            return generate(request, *arguments)  # type: ignore[arg-type]

        room.session.generate = noted  # type: ignore[method-assign, assignment]
        try:
            assert tab.completion_switch.action.isEnabled()
            tab.completion_switch.action.trigger()
            assert room.settings.values.complete_while_typing
            ghost = await typed(tab, qtbot, " ")
            await until(lambda: len(asked) == 1)
            [request] = asked
            assert request.priority == "background"
            assert [part.text for part in request.parts][1] == CODE + " "
            assert [part.special for part in request.parts] == [True, False, True, False, True]
            await until(lambda: not tab.files.current.completion.asking)
            if not ghost.text:
                ghost.propose("a - b")
            assert tab.editor.text() == CODE + " "
            qtbot.keyClick(tab.editor, Qt.Key.Key_Escape)
            assert ghost.text == ""
            # A key while it is asked ends that; what comes is shown for no other place.
            qtbot.keyClicks(tab.editor, "a")
            await until(lambda: len(asked) == 2)
            qtbot.keyClick(tab.editor, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
            await asyncio.sleep(0.5)
            assert ghost.text == ""
        finally:
            del room.session.generate  # type: ignore[method-assign]

    live(scene())


def test_a_chat_goes_first(room: Room, tab: CodeTab, live: Live, qtbot: QtBot, infill: Path) -> None:
    text: list[str] = []

    def hear(event: ReplyEvent) -> None:
        if isinstance(event, Delta):
            text.append(event.text)

    async def scene() -> None:
        await load(room, infill)
        room.settings.update(complete_while_typing=True)
        chat = room.session.generate(
            Generate(request_id=0, parts=[Part("Tell a story.")], ignore_eog=True), hear, "chat"
        )
        await until(lambda: len(text) > 3)
        await typed(tab, qtbot, " ")
        before = len(text)
        await until(lambda: len(text) > before + 5)
        tab.files.current.completion.stop()
        chat.cancel()
        await chat.finished()

    live(scene())


def test_without_the_setting_or_such_a_model_nothing_is_asked(
    room: Room, tab: CodeTab, live: Live, qtbot: QtBot, infill: Path
) -> None:
    asked: list[object] = []

    async def scene() -> None:
        await load(room, infill)
        room.client.observe_asked(asked.append)
        await typed(tab, qtbot)
        assert not tab.files.current.completion.asking
        room.settings.update(complete_while_typing=True)
        starter = starter_file()
        assert starter is not None
        await load(room, starter)
        assert not tab.completion_switch.action.isEnabled()
        assert not tab.completion_switch.action.isChecked()
        assert "not taught" in tab.completion_switch.action.toolTip()
        await typed(tab, qtbot)
        assert not tab.files.current.completion.asking
        assert asked == []

    live(scene())
