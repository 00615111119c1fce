"""Questions in the Code tab, with the real engine and the starter model."""

import os
import signal
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QPlainTextEdit
from pytestqt.qtbot import QtBot

from app.base.children import child_command
from app.code.ask import SelectionTooLongError
from app.engine.client.client import EngineClient
from app.ui.base.engine_session import EngineSession
from app.ui.code.code_tab import CodeTab
from tests.support.code_desk import SOURCE, Live, Room, answering, finished, select, show, texts
from tests.support.templates import chat_templates
from tests.support.waiting import until


def test_the_selection_is_explained_and_what_was_sent_is_shown(tab: CodeTab, live: Live) -> None:
    async def scene() -> None:
        show(tab, SOURCE)
        select(tab, "a + b")
        tab.conversation.tasks["explain"].click()
        exchange = await answering(tab)
        tab.conversation.stop()
        await finished(tab)

        assert exchange.reply.answer.strip()
        assert "Explain line 3 of Untitled" in texts(exchange)
        sent = exchange.sent.text.toPlainText()
        assert "    return a + b" in sent
        assert "print(add(1, 2))" in sent
        assert exchange.reply.stats_text
        assert tab.editor.textCursor().selectedText() == "    return a + b"
        assert tab.conversation.tasks["explain"].isEnabled()

    live(scene())


def test_that_escape_stops_is_not_said_any_more_after_the_end(tab: CodeTab, live: Live) -> None:
    said: list[str] = []

    async def scene() -> None:
        show(tab, SOURCE)
        tab.conversation.tasks["explain"].click()
        await answering(tab)
        assert tab.conversation.state.text() == "Esc stops the reply."
        tab.conversation.running_changed.connect(
            # Before the tokens are counted, which takes a moment.
            lambda running: (
                running or QTimer.singleShot(0, lambda: said.append(tab.conversation.state.text()))
            )
        )
        tab.conversation.stop()
        await finished(tab)
        await until(lambda: bool(said))

    live(scene())
    assert said[0] == ""


def test_escape_stops_the_reply_and_keeps_what_came(qtbot: QtBot, tab: CodeTab, live: Live) -> None:
    async def scene() -> None:
        show(tab, SOURCE)
        tab.conversation.field.setPlainText("Write a very long story about addition.")
        tab.conversation.ask("ask")
        await answering(tab)
        qtbot.keyClick(tab.editor, Qt.Key.Key_Escape)
        exchange = await finished(tab)

        assert exchange.reply.answer
        assert not exchange.reply.running
        assert tab.conversation.field.toPlainText() == ""

    live(scene())


def test_control_and_return_ask_in_the_question_and_complete_in_the_editor(
    qtbot: QtBot, tab: CodeTab, live: Live
) -> None:
    async def asked_in(widget: QPlainTextEdit) -> str:
        count = len(tab.conversation.exchanges)
        widget.setFocus()
        qtbot.keyClick(widget, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        await until(lambda: len(tab.conversation.exchanges) > count)
        tab.conversation.stop()
        return (await finished(tab)).asked.title

    async def scene() -> None:
        show(tab, SOURCE)
        tab.conversation.field.setPlainText("Say yes.")
        assert await asked_in(tab.conversation.field) == "Say yes."
        assert await asked_in(tab.editor) == "Complete Untitled at line 1"
        tab.run_card.show_page("tests")
        for elsewhere in (tab.run_card.tests, tab.conversation):
            elsewhere.setFocus()
            qtbot.keyClick(elsewhere, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
            assert not tab.conversation.running

    live(scene())


def test_a_follow_up_question_remembers_and_start_over_forgets(tab: CodeTab, live: Live) -> None:
    async def scene() -> None:
        for words in ("Say yes.", "Say no."):
            tab.conversation.field.setPlainText(words)
            count = len(tab.conversation.exchanges)
            tab.conversation.ask("ask")
            await until(lambda count=count: len(tab.conversation.exchanges) > count)
            await answering(tab)
            tab.conversation.stop()
            await finished(tab)
        first, second = tab.conversation.exchanges
        assert second.asked.tokens > first.asked.tokens + 10

        tab.conversation.start_over()
        tab.conversation.field.setPlainText("Say maybe.")
        tab.conversation.ask("ask")
        await until(lambda: len(tab.conversation.exchanges) == 3)
        third = tab.conversation.exchanges[2]
        tab.conversation.stop()
        await finished(tab)
        assert third.asked.tokens < first.asked.tokens + 10

    live(scene())


def test_what_a_follow_up_would_leave_out_is_struck_through_before_it_is_sent(
    tab: CodeTab, live: Live
) -> None:
    conversation = tab.conversation
    # About 230 tokens: three of them are more than the share of the context that questions may fill.
    long = "The weather is fine today, and the train is late again. " * 17

    async def scene() -> None:
        for word in ("yes", "no"):
            conversation.field.setPlainText(f"{long} Say {word}.")
            count = len(conversation.exchanges)
            conversation.ask("ask")
            await until(lambda count=count: len(conversation.exchanges) > count)
            await answering(tab)
            conversation.stop()
            await finished(tab)
        first = conversation.exchanges[0]
        assert not conversation.history.left_out

        conversation.field.setPlainText(f"{long} Say maybe.")
        await until(lambda: conversation.history.left_out == [first])
        assert first.accessibleDescription() == "The model will not see this message."
        assert "struck through" in conversation.state.text()

        conversation.field.clear()
        await until(lambda: not conversation.history.left_out)
        assert not first.accessibleDescription()

    live(scene())


def test_a_fix_starts_from_what_the_checker_says(tab: CodeTab, live: Live) -> None:
    async def scene() -> None:
        show(tab, "def f(:\n    pass\n")
        tab.conversation.ask("fix")
        exchange = await answering(tab)
        tab.conversation.stop()
        await finished(tab)

        assert "A syntax check says: line 1, column 7: invalid syntax" in exchange.sent.text.toPlainText()

    live(scene())


def test_what_did_not_fit_is_said(tab: CodeTab, live: Live) -> None:
    async def scene() -> None:
        show(tab, "\n".join(f"value_{number} = {number}" for number in range(2000)))
        select(tab, "value_1000 =")
        tab.conversation.ask("explain")
        await until(lambda: bool(tab.conversation.exchanges))
        exchange = tab.conversation.exchanges[0]
        tab.conversation.stop()
        await finished(tab)

        assert any(text.startswith("Only lines ") and "of 2,000" in text for text in texts(exchange))
        assert exchange.asked.tokens <= 512

    live(scene())


def test_a_selection_that_cannot_fit_is_refused(room: Room, tab: CodeTab, live: Live) -> None:
    async def scene() -> None:
        show(tab, "\n".join(f"value_{number} = {number}" for number in range(2000)))
        tab.editor.selectAll()
        tab.conversation.ask("explain")
        await until(lambda: bool(room.errors))

        assert isinstance(room.errors[0], SelectionTooLongError)
        assert not tab.conversation.running
        assert tab.conversation.exchanges == []

    live(scene())


def test_the_tokens_of_a_question_are_counted_before_it_is_sent(tab: CodeTab, live: Live) -> None:
    async def scene() -> None:
        show(tab, SOURCE)
        tab.conversation.field.setPlainText("Why?")
        await until(lambda: "tokens with the file" in tab.conversation.state.text())

    live(scene())


def test_a_file_larger_than_the_context_is_counted_too(tab: CodeTab, live: Live) -> None:
    lines = "\n".join(f"value_{number} = {number}" for number in range(5000))

    async def scene() -> None:
        for text, words in (
            (lines, "of the file's 5,000 lines"),
            ("x = 1; " * 9000, "0 of the file's 1 lines"),
        ):
            tab.editor.change_text(text)
            await until(lambda words=words: words in tab.conversation.state.text())
            assert "left" in tab.conversation.state.text()

    live(scene())


def test_an_empty_editor_says_what_to_do(tab: CodeTab) -> None:
    tab.conversation.ask("explain")

    assert "Open a file or write some code" in tab.conversation.state.text()
    assert tab.editor.placeholderText()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_crash_of_the_engine_costs_one_reply(room: Room, tab: CodeTab, live: Live) -> None:
    async def scene() -> None:
        show(tab, SOURCE)
        tab.conversation.field.setPlainText("Write a very long story about addition.")
        tab.conversation.ask("ask")
        await answering(tab)
        pid = room.client.state.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        exchange = await finished(tab)
        assert exchange.reply.answer
        assert exchange.reply.notice_text

        await until(lambda: room.session.info is None)
        tab.conversation.ask("explain")
        await until(lambda: len(tab.conversation.exchanges) == 2)
        assert await answering(tab) is not exchange
        tab.conversation.stop()
        await finished(tab)

    live(scene())


def test_without_a_model_nothing_can_be_asked(room: Room, qtbot: QtBot, tmp_path: Path, live: Live) -> None:
    async def scene() -> None:
        session = EngineSession(EngineClient(child_command("engine")), room.bridge, chat_templates())
        tab = room.make_tab(qtbot, tmp_path, session)

        assert not any(made.isEnabled() for made in tab.conversation.tasks.values())
        assert not tab.conversation.ask_button.isEnabled()
        assert "No model is loaded" in tab.conversation.state.text()
        tab.close_tab()()

    live(scene())
