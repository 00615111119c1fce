"""Chats get their names from their first messages."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from app.chat.library.reply_choices import ReplyChoices
from app.chat.store.records import Outcome
from app.chat.store.store import ChatStore
from app.ui.chat.conversation.chat_writer import ChatKeeper, Once

QUESTION = "whats a monad"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    with closing(ChatStore(tmp_path / "chats.sqlite3")) as store:
        yield store


def titles(store: ChatStore, *answers: tuple[str, Outcome], renamed: str | None = None) -> list[str]:
    """The title after the question and after each answer to it."""

    async def scenario() -> list[str]:
        keeper = ChatKeeper(store)
        chat = await keeper.kept_chat(keeper.chosen(ReplyChoices(), ""))
        question = await keeper.keep_question(
            Once(partial(store.add_message, chat.id, None, "user", QUESTION))
        )
        found = [store.conversation(chat.id).title]
        for answer, outcome in answers:
            reply = await keeper.add_reply(chat, question.id, "m")
            if renamed is not None:
                store.rename(chat.id, renamed)
            store.save_reply(reply.id, answer, "Thoughts about other things.", outcome=outcome)
            await keeper.name_after(store.message(reply.id))
            assert keeper.chat == store.conversation(chat.id)
            found.append(keeper.chat.title)
        return found

    return asyncio.run(scenario())


def test_the_question_names_a_chat_until_the_answer_is_there(store: ChatStore) -> None:
    title = "A monad wraps values and chains functions"
    assert titles(store, (f"Sure! {title}.", "stop")) == [QUESTION, title]


def test_an_answer_that_says_little_leaves_the_question(store: ChatStore) -> None:
    assert titles(store, ("A burrito.", "stop")) == [QUESTION, QUESTION]


@pytest.mark.parametrize("outcome", ["length", "cancelled", "failed", "context"])
def test_an_answer_that_was_cut_off_names_nothing_and_the_next_one_does(
    store: ChatStore, outcome: Outcome
) -> None:
    assert titles(store, ("A monad is not a", outcome), ("Monads chain functions.", "stop")) == [
        QUESTION,
        QUESTION,
        "Monads chain functions",
    ]


def test_a_second_answer_changes_no_name(store: ChatStore) -> None:
    assert titles(store, ("Monads chain functions.", "stop"), ("Functors map over values.", "stop")) == [
        QUESTION,
        "Monads chain functions",
        "Monads chain functions",
    ]


@pytest.mark.parametrize("name", ["Mine", ""])
def test_a_name_that_the_user_gave_stays(store: ChatStore, name: str) -> None:
    assert titles(store, ("Monads chain functions.", "stop"), renamed=name) == [QUESTION, name]


def test_a_title_outlives_the_program(store: ChatStore, tmp_path: Path) -> None:
    titles(store, ("Monads chain functions.", "stop"))
    store.close()
    with closing(ChatStore(tmp_path / "chats.sqlite3")) as again:
        assert [chat.title for chat in again.conversations()] == ["Monads chain functions"]
