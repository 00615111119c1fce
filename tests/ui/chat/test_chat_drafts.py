"""Drafts in the Chat tab, with a real store."""

import asyncio
from pathlib import Path

import pytest

from app.chat.library.reply_choices import ReplyChoices
from app.ui.base.engine_session import model_name
from tests.support.chat_desk import ENDLESS, Opened
from tests.support.engines import starter_path
from tests.support.waiting import until


@pytest.fixture(scope="module")
def model_file() -> Path:
    """The whole starter: its replies last until somebody stops them."""
    return Path(starter_path())


def test_drafts_belong_to_their_chats_and_survive(opened: Opened) -> None:
    async def scenario() -> None:
        one = opened.store.create_conversation(title="one")
        two = opened.store.create_conversation(title="two")
        opened.tab.open_chat(one.id)
        opened.tab.composer.set_text("for one")
        opened.tab.open_chat(two.id)
        assert opened.tab.composer.text() == ""
        await until(lambda: opened.store.conversation(one.id).draft == "for one")
        opened.tab.open_chat(one.id)
        assert opened.tab.composer.text() == "for one"
        opened.tab.open_chat(None)
        opened.tab.composer.set_text("not sent anywhere")
        await until(lambda: "not sent anywhere" in [chat.draft for chat in opened.store.conversations()])
        assert opened.tab.chat is not None
        assert len(opened.store.conversations()) == 4

    opened.run(scenario())


def test_what_is_typed_is_kept_when_the_program_ends(opened: Opened) -> None:
    opened.tab.open_chat(None)
    opened.tab.composer.set_text("typed a moment ago")
    opened.tab.close_down()()
    assert "typed a moment ago" in [chat.draft for chat in opened.store.conversations()]


def test_nothing_is_begun_in_the_event_loop_when_the_program_ends(opened: Opened) -> None:
    async def scenario() -> int:
        opened.tab.open_chat(opened.store.create_conversation(title="one").id)
        opened.tab.composer.set_text("typed a moment ago")
        before = len(asyncio.all_tasks())
        keep = opened.tab.close_down()
        begun = len(asyncio.all_tasks()) - before
        keep()
        return begun

    assert opened.desk.loop.run_until_complete(scenario()) == 0
    assert "typed a moment ago" in [chat.draft for chat in opened.store.conversations()]


def test_a_draft_of_a_new_chat_is_kept_while_another_chat_answers(opened: Opened) -> None:
    async def scenario() -> None:
        opened.unlimited()
        opened.tab.send(ENDLESS)
        await opened.first_words()
        answering = opened.tab.chat
        assert answering is not None
        opened.tab.open_chat(None)
        opened.tab.composer.set_text("a thought meanwhile")
        opened.tab.open_chat(answering.id)
        await until(lambda: "a thought meanwhile" in [chat.draft for chat in opened.store.conversations()])
        opened.tab.stop()
        await opened.idle()

    opened.run(scenario())


def test_a_new_chat_is_made_once_however_quickly_it_is_left(opened: Opened) -> None:
    async def scenario() -> None:
        one = opened.store.create_conversation(title="one")
        before = len(opened.store.conversations())
        opened.tab.open_chat(None)
        opened.tab.composer.set_text("half a")
        # The timer's turn, and the click that follows at once.
        opened.tab.drafts.keep()
        opened.tab.composer.set_text("half a thought")
        opened.tab.open_chat(one.id)
        await until(lambda: "half a thought" in [chat.draft for chat in opened.store.conversations()])
        assert len(opened.store.conversations()) == before + 1
        # Back before anything is on the disk.
        opened.tab.composer.set_text("for one")
        opened.tab.open_chat(None)
        opened.tab.open_chat(one.id)
        assert opened.tab.composer.text() == "for one"

    opened.run(scenario())


def test_the_draft_of_a_new_chat_is_kept_with_its_choices_and_its_model(opened: Opened) -> None:
    info = opened.desk.session.info
    assert info is not None
    pirate = ReplyChoices(system_prompt="You are a pirate.")

    async def scenario() -> None:
        other = opened.store.create_conversation(title="other")
        opened.tab.open_chat(None)
        opened.tab.choices.show_choices(pirate, opened.settings.values.sampling)
        opened.tab.composer.set_text("ahoy")
        opened.tab.open_chat(other.id)
        await until(lambda: "ahoy" in [chat.draft for chat in opened.store.conversations()])

    opened.run(scenario())
    [kept] = [chat for chat in opened.store.conversations() if chat.draft == "ahoy"]
    assert kept.choices == pirate
    assert kept.model == model_name(info)


def test_a_new_chat_that_is_left_empty_does_not_stay_in_the_list(opened: Opened) -> None:
    async def scenario() -> None:
        other = opened.store.create_conversation(title="other")
        before = {chat.id for chat in opened.store.conversations()}
        opened.tab.open_chat(None)
        opened.tab.composer.set_text("never mind")
        await until(lambda: opened.tab.chat is not None and opened.tab.chat.draft == "never mind")
        opened.tab.composer.set_text("")
        opened.tab.open_chat(other.id)
        await until(lambda: {chat.id for chat in opened.store.conversations()} == before)

    opened.run(scenario())


def test_a_chat_in_which_something_was_set_or_said_stays(opened: Opened) -> None:
    store = opened.store
    asked, titled, drafted, set_up = (
        store.create_conversation(),
        store.create_conversation(title="Trains"),
        store.create_conversation(),
        store.create_conversation(choices=ReplyChoices(system_prompt="Be brief.")),
    )
    store.add_message(asked.id, None, "user", "Hello")
    store.save_draft(drafted.id, "later")
    assert not any(store.delete_if_empty(chat.id) for chat in (asked, titled, drafted, set_up))
    assert store.delete_if_empty(store.create_conversation().id)
