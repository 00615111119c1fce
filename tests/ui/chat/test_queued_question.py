"""A question that is sent while no model answers: it waits, can be taken back, and goes when one does."""

import asyncio
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.base.errors import EngineError
from app.engine.protocol import LoadSettings
from app.ui.chat.composing.composer import ComposerState
from app.ui.reply.reply_view import ReplyView
from tests.support.chat_desk import CONTEXT_TOKENS, Opened, field
from tests.support.starter_variants import shallow_path
from tests.support.waiting import until

SETTINGS = LoadSettings(context_tokens=CONTEXT_TOKENS, threads=1)


def press(opened: Opened, text: str) -> None:
    """Type a text and Return into the composer."""
    opened.tab.composer.set_text(text)
    QtBot.keyClick(field(opened.tab), Qt.Key.Key_Return)


def test_a_question_sent_while_the_model_is_loaded_goes_when_it_is_there(opened: Opened) -> None:
    async def scenario() -> None:
        tab, session = opened.tab, opened.desk.session
        load = asyncio.ensure_future(session.load(Path(shallow_path()), SETTINGS))
        await until(lambda: bool(session.loading_path), "the load")
        assert tab.composer.state is ComposerState.WAITING
        press(opened, "Hello")
        await until(lambda: tab.composer.state is ComposerState.QUEUED, "the queue")
        assert "Waits for the model" in tab.composer.reason
        assert tab.composer.text() == "Hello", "seen until it is sent"
        await load
        await until(lambda: tab.running_view is not None, "the reply")
        await opened.idle()
        assert tab.composer.text() == ""

    opened.run(scenario())
    assert opened.shown()[0] == "Hello"
    assert len(opened.shown()) == 2


def test_a_question_waits_for_the_end_of_a_measurement(opened: Opened) -> None:
    async def scenario() -> None:
        tab, session = opened.tab, opened.desk.session
        session.reserve("benchmark")
        press(opened, "Hello")
        await until(lambda: tab.composer.state is ComposerState.QUEUED, "the queue")
        assert "Waits for the measurement" in tab.composer.reason
        session.reserve("")
        await until(lambda: tab.running_view is not None, "the reply")
        await opened.idle()

    opened.run(scenario())


def test_a_question_waits_for_the_model_that_is_loaded_again_after_a_measurement(opened: Opened) -> None:
    async def scenario() -> None:
        tab, session = opened.tab, opened.desk.session
        session.reserve("benchmark")
        await session.unload()
        press(opened, "Hello")
        await until(lambda: tab.composer.state is ComposerState.QUEUED, "the queue")
        # As the quality page does at the end of its run.
        session.reserve("")
        session.expect_model(True)
        load = asyncio.ensure_future(session.load(Path(shallow_path()), SETTINGS))
        await until(lambda: tab.running_view is not None, "the reply")
        await load
        assert not session.expects_model
        await opened.idle()

    opened.run(scenario())


@pytest.mark.parametrize("way", ["escape", "button", "typing"])
def test_a_question_that_waits_is_taken_back(opened: Opened, way: str) -> None:
    async def scenario() -> None:
        tab, session = opened.tab, opened.desk.session
        session.reserve("benchmark")
        press(opened, "Hello")
        await until(lambda: tab.composer.state is ComposerState.QUEUED, "the queue")
        match way:
            case "escape":
                [stop] = [action for action in tab.actions() if action.text() == "Stop the reply"]
                stop.trigger()
            case "button":
                [back] = [b for b in tab.composer.findChildren(QPushButton) if b.text() == "Take back"]
                back.click()
            case "typing":
                field(tab).insertPlainText("!")
        await until(lambda: tab.composer.state is ComposerState.WAITING, "the composer")
        session.reserve("")
        await opened.idle()
        assert tab.composer.text() == ("Hello!" if way == "typing" else "Hello")

    opened.run(scenario())
    assert opened.shown() == []


def test_a_question_that_waits_goes_from_a_chat_that_was_left(opened: Opened) -> None:
    async def scenario() -> None:
        tab, session = opened.tab, opened.desk.session
        asked = tab.chat
        assert asked is not None
        session.reserve("benchmark")
        press(opened, "Hello")
        await until(lambda: tab.composer.state is ComposerState.QUEUED, "the queue")
        tab.open_chat(None)
        assert tab.composer.state is ComposerState.WAITING
        assert tab.composer.text() == ""
        session.reserve("")
        await until(lambda: len(opened.store.messages(asked.id)) == 2, "the reply")
        await until(lambda: not tab.exchange.busy, "its end")
        assert opened.store.messages(asked.id)[0].content == "Hello"
        assert opened.store.conversation(asked.id).draft == ""

    opened.run(scenario())


def test_what_waits_for_a_model_that_cannot_be_loaded_stays_unsent(opened: Opened) -> None:
    async def scenario() -> None:
        tab, session = opened.tab, opened.desk.session
        broken = Path("no such file.gguf").absolute()
        load = asyncio.ensure_future(session.load(broken, SETTINGS))
        await asyncio.sleep(0)
        assert tab.composer.state is ComposerState.WAITING
        press(opened, "Hello")
        with pytest.raises(EngineError):
            await load
        await until(lambda: tab.exchange.here is None, "the end of the wait")
        assert tab.composer.text() == "Hello"
        assert opened.shown() == []

    opened.run(scenario())


def test_no_other_reply_is_made_while_the_model_is_measured(opened: Opened) -> None:
    async def scenario() -> None:
        tab, session = opened.tab, opened.desk.session
        await opened.reply_to("Hello")
        session.reserve("benchmark")
        reply = tab.conversation.branch[-1]
        [regenerate] = [action for action in tab.actions() if action.text() == "Regenerate the reply"]
        regenerate.trigger()
        tab.exchange.answer_again(reply)
        tab.exchange.continue_reply(reply)
        tab.exchange.answer_again_with(reply, shallow_path())
        assert tab.exchange.here is None
        session.reserve("")

    opened.run(scenario())
    assert sum(isinstance(each, ReplyView) for each in opened.tab.conversation.messages()) == 1


def test_return_in_mid_reply_says_why_nothing_is_sent(opened: Opened) -> None:
    async def scenario() -> None:
        tab = opened.tab
        opened.unlimited()
        tab.send("Write a long story about a lighthouse keeper.")
        await opened.first_words()
        press(opened, "And now?")
        assert "when the reply has ended" in tab.composer.reason
        tab.stop()
        await opened.idle()
        assert tab.composer.text() == "And now?"

    opened.run(scenario())
