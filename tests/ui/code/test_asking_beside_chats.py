"""Questions in the Code tab while a chat is being answered, or the engine does not answer at all."""

import os
import signal
import sys
from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.engine.protocol import Delta, Generate, LoadSettings, Part, ReplyEvent, Sampling
from app.ui.base.engine_session import Reply
from app.ui.code.code_tab import CodeTab
from models.catalogue.starter import starter_file
from tests.support.code_desk import SOURCE, Live, Room, answering, finished, show, until

TITLE = "The lighthouse"


async def load(room: Room, sequences: int) -> None:
    model = starter_file()
    assert model is not None
    await room.session.load(model, LoadSettings(context_tokens=1024, threads=1, sequences=sequences))


class Chat:
    """An endless reply in front, as the Chat tab asks for one."""

    def __init__(self, room: Room) -> None:
        self.text = ""
        self._room = room
        request = Generate(
            request_id=0,
            parts=[Part("Write a long story about a lighthouse keeper.")],
            sampling=Sampling(temperature=0.0, seed=1),
            ignore_eog=True,
        )
        self.reply: Reply = room.session.generate(request, self._hear, "chat")
        room.answering = TITLE

    def _hear(self, event: ReplyEvent) -> None:
        if isinstance(event, Delta):
            self.text += event.text

    async def grown(self) -> None:
        before = len(self.text)
        await until(lambda: len(self.text) > before)

    async def stop(self) -> None:
        self.reply.cancel()
        await self.reply.finished()
        self._room.answering = ""


def begin(room: Room, tab: CodeTab) -> Callable[[], int]:
    """A text to ask about, and what tells how many replies of the Code tab the engine has begun."""
    show(tab, SOURCE)
    return lambda: sum(bool(each.reply.answer) for each in tab.conversation.exchanges)


def test_a_question_is_answered_beside_a_chat_and_escape_ends_only_it(
    room: Room, tab: CodeTab, live: Live, qtbot: QtBot
) -> None:
    async def scene() -> None:
        await load(room, 2)
        chat = Chat(room)
        await chat.grown()
        begin(room, tab)
        tab.conversation.tasks["explain"].click()
        await answering(tab)
        assert "Waiting" not in tab.conversation.state.text()
        qtbot.keyClick(tab.editor, Qt.Key.Key_Escape)
        exchange = await finished(tab)
        assert exchange.ended == "cancelled"
        await chat.grown()
        await chat.stop()

    live(scene())


def test_a_question_that_waits_for_a_chat_says_so_and_can_be_stopped(
    room: Room, tab: CodeTab, live: Live, qtbot: QtBot
) -> None:
    async def scene() -> None:
        await load(room, 1)
        chat = Chat(room)
        await chat.grown()
        begun = begin(room, tab)
        for stop in (
            lambda: qtbot.keyClick(tab.editor, Qt.Key.Key_Escape),
            tab.conversation.ask_button.click,
        ):
            count = len(tab.conversation.exchanges)
            tab.conversation.tasks["explain"].click()
            await until(lambda: TITLE in tab.conversation.state.text())
            assert tab.conversation.state.text().startswith("Waiting for the reply in")
            assert tab.conversation.ask_button.isEnabled()
            assert tab.conversation.ask_button.text() == "Stop"
            await until(lambda count=count: len(tab.conversation.exchanges) > count)
            stop()
            exchange = await finished(tab)
            assert exchange.ended == "cancelled"
        await chat.grown()
        await chat.stop()
        # A later question is served, the ended ones never are.
        tab.conversation.tasks["explain"].click()
        await answering(tab)
        tab.conversation.stop()
        await finished(tab)
        assert begun() == 1
        assert "Waiting" not in tab.conversation.state.text()

    live(scene())


def test_a_question_stopped_before_the_engine_has_it_is_ended(room: Room, tab: CodeTab, live: Live) -> None:
    async def scene() -> None:
        await load(room, 1)
        begin(room, tab)

        def stop_once_sent(_running: bool) -> None:
            # The request lies with the thread that writes, or just beyond.
            if len(tab.conversation.exchanges) == asked:
                tab.conversation.stop()

        asked = 0
        tab.conversation.running_changed.connect(stop_once_sent)
        for asked in range(1, 11):
            tab.conversation.tasks["explain"].click()
            exchange = await finished(tab)
            assert len(tab.conversation.exchanges) == asked
            assert exchange.ended == "cancelled"
            assert not exchange.reply.running

    live(scene())


def test_a_question_that_waited_is_answered_when_the_chat_ends(room: Room, tab: CodeTab, live: Live) -> None:
    async def scene() -> None:
        await load(room, 1)
        chat = Chat(room)
        await chat.grown()
        begin(room, tab)
        tab.conversation.tasks["explain"].click()
        await until(lambda: TITLE in tab.conversation.state.text())
        await chat.stop()
        await answering(tab)
        assert "Waiting" not in tab.conversation.state.text()
        tab.conversation.stop()
        await finished(tab)

    live(scene())


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("by_key", [True, False])
def test_a_question_is_stopped_while_the_engine_says_nothing_and_never_starts(
    room: Room, tab: CodeTab, live: Live, qtbot: QtBot, by_key: bool
) -> None:
    async def scene() -> None:
        await load(room, 1)
        begin(room, tab)
        pid = room.client.state.pid
        assert pid is not None
        room.answering = TITLE
        os.kill(pid, signal.SIGSTOP)
        try:
            tab.conversation.field.setPlainText("What is it for?")
            tab.conversation.ask("ask")
            await until(lambda: TITLE in tab.conversation.state.text())
            assert tab.conversation.ask_button.isEnabled()
            if by_key:
                qtbot.keyClick(tab.editor, Qt.Key.Key_Escape)
            else:
                tab.conversation.ask_button.click()
            await until(lambda: not tab.conversation.running)
        finally:
            os.kill(pid, signal.SIGCONT)
        room.answering = ""
        assert tab.conversation.exchanges == []
        assert tab.conversation.field.toPlainText() == "What is it for?"
        # The engine has gone through all that was said to it once it counts again.
        await room.session.count_tokens([Part("x")])
        assert tab.conversation.exchanges == []

    live(scene())


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_words_that_are_typed_while_a_question_is_prepared_stay(room: Room, tab: CodeTab, live: Live) -> None:
    async def scene() -> None:
        await load(room, 1)
        begin(room, tab)
        pid = room.client.state.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            tab.conversation.field.setPlainText("What is it for?")
            tab.conversation.ask("ask")
            await until(lambda: tab.conversation.running)
            tab.conversation.field.setPlainText("And what then?")
        finally:
            os.kill(pid, signal.SIGCONT)
        await answering(tab)
        tab.conversation.stop()
        exchange = await finished(tab)
        assert exchange.asked.title == "What is it for?"
        assert tab.conversation.field.toPlainText() == "And what then?"

    live(scene())
