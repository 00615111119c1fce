"""The window ends, or another language takes its place, between Enter and the beginning of the reply."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from app.chat.store.records import Conversation
from tests.support.chat_desk import Opened
from tests.support.waiting import WAIT_S, until

QUESTION = "What does a lamp do?"


@contextmanager
def held(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, name: str, when: Callable[..., bool] = lambda *_: True
) -> Iterator[threading.Event]:
    """Hold the first such write of the store until the end; the event is set when it is there."""
    write, there, go_on = getattr(opened.store, name), threading.Event(), threading.Event()

    def slow(*arguments: Any, **named: Any) -> Any:
        if when(*arguments) and not there.is_set():
            there.set()
            assert go_on.wait(WAIT_S)
        return write(*arguments, **named)

    monkeypatch.setattr(opened.store, name, slow)
    try:
        yield there
    finally:
        go_on.set()


def said(opened: Opened, chat: Conversation) -> list[tuple[str, str, str]]:
    messages = opened.store.messages(chat.id)
    return [(message.role, message.content, message.outcome) for message in messages]


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_a_question_that_is_being_kept_has_the_place_of_its_reply(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    chat = opened.store.create_conversation(title="one")
    tab = opened.tab

    async def scenario() -> None:
        tab.open_chat(chat.id)
        tab.composer.set_text(QUESTION)
        with held(opened, monkeypatch, "add_message", lambda *given: given[2] == role) as there:
            tab.exchange.send(QUESTION)
            await until(there.is_set)
            assert tab.answered_chats == (chat.id,), "another window lets the reply go on"
            keep = tab.close_down()
        await asyncio.to_thread(keep)

    opened.run(scenario())
    assert said(opened, chat) == [("user", QUESTION, "stop"), ("assistant", "", "interrupted")]
    assert opened.store.conversation(chat.id).draft == ""


def test_a_question_whose_writing_has_not_begun_is_kept_at_the_end(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, other = (opened.store.create_conversation(title=title) for title in ("one", "other"))
    tab = opened.tab

    async def scenario() -> None:
        tab.open_chat(other.id)
        with held(opened, monkeypatch, "save_draft", lambda number, _: number == other.id) as there:
            tab.composer.set_text("a draft that is slow")
            tab.open_chat(chat.id)
            await until(there.is_set)
            tab.composer.set_text(QUESTION)
            tab.exchange.send(QUESTION)
            await until(lambda: tab.answered_chats == (chat.id,))
            keep = tab.close_down()
            await asyncio.to_thread(keep)

    opened.run(scenario())
    assert said(opened, chat) == [("user", QUESTION, "stop"), ("assistant", "", "interrupted")]


def test_the_words_for_a_chat_that_is_being_made_are_a_draft(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = opened.tab

    async def scenario() -> None:
        tab.open_chat(None)
        tab.composer.set_text(QUESTION)
        with held(opened, monkeypatch, "create_conversation") as there:
            tab.exchange.send(QUESTION)
            await until(there.is_set)
            keep = tab.close_down()
        await asyncio.to_thread(keep)

    opened.run(scenario())
    assert QUESTION in [chat.draft for chat in opened.store.conversations()]
