"""Several chats that answer at once in one tab, on the real engine with the starter model."""

from functools import partial
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.chat.library.reply_choices import ReplyChoices
from app.chat.store.records import Conversation
from app.ui.chat.composing.composer import ComposerState
from tests.support.chat_desk import ENDLESS, Opened
from tests.support.engines import starter_path
from tests.support.waiting import until, wait_until
from tests.support.widgets import seen_button


@pytest.fixture(scope="module")
def model_file() -> Path:
    """The whole starter: its replies last until somebody stops them."""
    return Path(starter_path())


def new_chats(opened: Opened, count: int, max_tokens: int = 0) -> list[Conversation]:
    """Make chats whose replies have at most so many tokens."""
    return [
        opened.store.create_conversation(choices=ReplyChoices(max_tokens=max_tokens)) for _ in range(count)
    ]


async def ask_in(opened: Opened, chat: Conversation, text: str = ENDLESS) -> None:
    """Open a chat and send a message in it, without waiting for its reply."""
    opened.tab.open_chat(chat.id)
    opened.tab.send(text)
    await until(lambda: opened.tab.running_view_in(chat.id) is not None)


async def all_idle(opened: Opened) -> None:
    await until(lambda: not opened.tab.exchange.busy)


def shows(opened: Opened, texts: list[str]) -> bool:
    """Tell whether these messages are shown."""
    return opened.shown() == texts


def test_four_chats_answer_at_once_and_each_is_complete(opened: Opened) -> None:
    chats = new_chats(opened, 4, max_tokens=24)

    async def scenario() -> None:
        for chat in chats:
            await ask_in(opened, chat)
        assert opened.tab.exchange.busy == {chat.id for chat in chats}
        await all_idle(opened)

    opened.run(scenario())
    for chat in chats:
        question, reply = opened.store.branch(chat.id)
        assert question.content == ENDLESS
        assert reply.outcome == "length"
        assert reply.stats is not None
        assert reply.stats.completion_tokens == 24
        opened.tab.open_chat(chat.id)
        wait_until(partial(shows, opened, [ENDLESS, reply.content]))


def test_stop_ends_the_reply_of_the_open_chat_only(opened: Opened) -> None:
    first, second = new_chats(opened, 2)

    async def scenario() -> None:
        await ask_in(opened, first)
        await ask_in(opened, second)
        await opened.first_words()
        opened.tab.open_chat(first.id)
        await opened.first_words()
        opened.tab.stop()
        await until(lambda: first.id not in opened.tab.exchange.busy)
        assert opened.store.branch(first.id)[-1].outcome == "cancelled"
        assert opened.store.branch(second.id)[-1].outcome == "running"
        assert opened.tab.composer.state is ComposerState.READY
        opened.tab.open_chat(second.id)
        assert opened.tab.composer.state is ComposerState.RUNNING
        opened.tab.stop()
        await all_idle(opened)

    opened.run(scenario())
    assert opened.store.branch(second.id)[-1].outcome == "cancelled"


def test_a_reply_is_asked_for_anew_while_another_chat_answers(opened: Opened) -> None:
    asked, answering = (new_chats(opened, 1, max_tokens)[0] for max_tokens in (8, 0))

    async def scenario() -> None:
        await ask_in(opened, asked)
        await all_idle(opened)
        await ask_in(opened, answering)
        opened.tab.open_chat(asked.id)
        reply = opened.tab.conversation.messages()[-1]
        seen_button(reply, "Regenerate the reply").click()
        await until(lambda: opened.tab.exchange.busy == {asked.id, answering.id})
        await until(lambda: opened.tab.exchange.busy == {answering.id})
        opened.tab.open_chat(answering.id)
        opened.tab.stop()
        await all_idle(opened)

    opened.run(scenario())
    assert len([kept for kept in opened.store.messages(asked.id) if kept.role == "assistant"]) == 2


def test_the_list_marks_the_chats_that_answer(opened: Opened) -> None:
    first, second = new_chats(opened, 2)
    model = opened.tab.chats.model

    async def scenario() -> None:
        await ask_in(opened, first)
        opened.tab.open_chat(second.id)
        assert model.is_busy(first.id)
        assert not model.is_busy(second.id)
        opened.tab.open_chat(first.id)
        opened.tab.stop()
        await all_idle(opened)
        assert not model.is_busy(first.id)

    opened.run(scenario())


def test_a_chat_without_room_beside_the_others_says_that_it_waits(opened: Opened) -> None:
    info = opened.desk.session.info
    assert info is not None
    chats = new_chats(opened, info.plan.sequences + 1)

    async def scenario() -> None:
        for chat in chats:
            await ask_in(opened, chat)
        view = opened.tab.running_view_in(chats[-1].id)
        assert view is not None
        assert view.waits_for_others
        opened.tab.open_chat(chats[0].id)
        opened.tab.stop()
        opened.tab.open_chat(chats[-1].id)
        await opened.first_words()
        for chat in chats[1:]:
            opened.tab.open_chat(chat.id)
            opened.tab.stop()
        await all_idle(opened)

    opened.run(scenario())


def test_a_message_is_answered_in_its_own_chat_when_that_is_left_at_once(opened: Opened) -> None:
    first, second = new_chats(opened, 2, max_tokens=8)

    async def scenario() -> None:
        opened.tab.open_chat(first.id)
        opened.tab.send("Name a colour.")
        opened.tab.open_chat(second.id)
        await until(lambda: len(opened.store.branch(first.id)) == 2)
        await all_idle(opened)

    opened.run(scenario())
    question, reply = opened.store.branch(first.id)
    assert question.content == "Name a colour."
    assert reply.outcome in ("stop", "length")
    assert opened.store.branch(second.id) == []
    assert opened.store.conversation(first.id).draft == ""


def test_a_new_chat_that_is_left_while_it_sends_is_kept_with_its_reply(opened: Opened) -> None:
    [other] = new_chats(opened, 1)
    before = {chat.id for chat in opened.store.conversations()}

    async def scenario() -> None:
        opened.tab.open_chat(None)
        opened.tab.choices.show_choices(ReplyChoices(max_tokens=8), opened.settings.values.sampling)
        opened.tab.send("Name a colour.")
        opened.tab.open_chat(other.id)
        await until(lambda: len(opened.store.conversations()) > len(before))
        [made] = [chat for chat in opened.store.conversations() if chat.id not in before]
        await until(lambda: len(opened.store.branch(made.id)) == 2)
        await all_idle(opened)

    opened.run(scenario())
    [made] = [chat for chat in opened.store.conversations() if chat.id not in before]
    question, reply = opened.store.branch(made.id)
    assert question.content == "Name a colour."
    assert reply.outcome in ("stop", "length")
    assert made.draft == ""


def test_words_that_cannot_be_sent_are_the_draft_of_a_chat_that_was_left(opened: Opened) -> None:
    first, second = new_chats(opened, 2)
    too_long = "word " * 3000

    async def scenario() -> None:
        opened.tab.open_chat(first.id)
        opened.tab.send(too_long)
        opened.tab.open_chat(second.id)
        await until(lambda: not opened.tab.exchange.busy)
        await until(lambda: opened.store.conversation(first.id).draft == too_long)
        opened.tab.open_chat(first.id)
        assert opened.tab.composer.text() == too_long

    opened.run(scenario())
    assert opened.store.branch(first.id) == []


def test_what_is_typed_while_a_message_is_sent_stays(opened: Opened, qtbot: QtBot) -> None:
    [chat] = new_chats(opened, 1, max_tokens=8)

    async def scenario() -> None:
        opened.tab.open_chat(chat.id)
        opened.tab.send("Name a colour.")
        opened.tab.composer.set_text("Name a colour. And then")
        await until(lambda: len(opened.store.branch(chat.id)) == 2)
        assert opened.tab.composer.text() == " And then"
        await all_idle(opened)

    opened.run(scenario())
