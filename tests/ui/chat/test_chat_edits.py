"""Messages and summaries that are being changed: their words outlive the open chat and the window."""

import asyncio
from contextlib import closing

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPlainTextEdit, QPushButton

from app.chat.library.reply_choices import ReplyChoices
from app.chat.store.full_disk_drafts import FullDiskDrafts
from app.chat.store.records import Conversation
from app.chat.store.store import ChatStore
from app.ui.chat.conversation.question_card import QuestionCard
from app.ui.chat.conversation.summary_card import SummaryCard
from app.ui.reply.reply_view import ReplyView
from models.system.disk_space import DiskFullError
from tests.support.chat_desk import ENDLESS, Opened
from tests.support.pages.chat_page import ChatPage
from tests.support.waiting import until
from tests.support.widgets import click, seen

QUESTION, REPLY = "What does a lamp do?", "It shines."
SUMMARY = "They talk of a lamp."


def answered(opened: Opened) -> Conversation:
    """A chat of one question and its reply, which is open."""
    store = opened.store
    chat = store.create_conversation(title="one")
    question = store.add_message(chat.id, None, "user", QUESTION)
    reply = store.add_message(chat.id, question.id, "assistant", outcome="running")
    store.save_reply(reply.id, REPLY, "", outcome="stop")
    opened.tab.open_chat(chat.id)
    return chat


async def changed_question(opened: Opened, words: str) -> QuestionCard:
    await until(lambda: len(opened.shown()) == 2, "the messages")
    card = ChatPage(opened.tab).question(0)
    click(seen(card, QPushButton, "Edit the message and ask again"))
    words_of(opened).setPlainText(words)
    return card


def words_of(opened: Opened) -> QPlainTextEdit:
    return ChatPage(opened.tab).words_of(0)


def reply_of(opened: Opened) -> ReplyView:
    view = opened.tab.conversation.messages()[1]
    assert isinstance(view, ReplyView)
    return view


async def reopened(opened: Opened, chat: Conversation) -> None:
    """Open another chat, and this one again."""
    opened.tab.open_chat(None)
    opened.tab.open_chat(chat.id)
    await until(lambda: len(opened.shown()) == 2, "the messages")


def edits(opened: Opened, chat: Conversation) -> list[str]:
    return list(opened.store.edits(chat.id).values())


def test_a_changed_question_is_there_when_its_chat_is_opened_again(opened: Opened) -> None:
    async def scenario() -> None:
        chat = answered(opened)
        await changed_question(opened, "And a candle?")
        await reopened(opened, chat)
        assert ChatPage(opened.tab).question(0).is_editing
        assert words_of(opened).toPlainText() == "And a candle?"
        assert opened.tab.window().focusWidget() is opened.tab.composer.focusProxy()
        await until(lambda: edits(opened, chat) == ["And a candle?"], "the disk")
        QTest.keyClick(words_of(opened), Qt.Key.Key_Escape)
        await until(lambda: edits(opened, chat) == [], "the disk again")
        await reopened(opened, chat)
        assert not ChatPage(opened.tab).question(0).is_editing

    opened.run(scenario())


def test_a_changed_reply_is_there_when_its_chat_is_opened_again(opened: Opened) -> None:
    async def scenario() -> None:
        chat = answered(opened)
        await until(lambda: len(opened.shown()) == 2, "the messages")
        reply_of(opened).start_editing()
        seen(reply_of(opened), QPlainTextEdit, "The reply").setPlainText("It shines at night.")
        await reopened(opened, chat)
        words = seen(reply_of(opened), QPlainTextEdit, "The reply")
        assert words.toPlainText() == "It shines at night."
        QTest.keyClick(words, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        await until(lambda: opened.shown() == [QUESTION, "It shines at night."], "the other version")
        await until(lambda: edits(opened, chat) == [], "the disk")

    opened.run(scenario())


def test_a_changed_question_is_kept_when_the_program_ends(opened: Opened) -> None:
    async def scenario() -> None:
        chat = answered(opened)
        await changed_question(opened, "And a candle?")
        keep = opened.tab.close_down()
        await asyncio.to_thread(keep)
        assert edits(opened, chat) == ["And a candle?"]

    opened.desk.run(scenario())


def test_a_changed_question_that_waits_for_the_model_is_kept_when_the_program_ends(opened: Opened) -> None:
    async def scenario() -> None:
        chat = answered(opened)
        await changed_question(opened, "And a candle?")
        session = opened.desk.session
        session.reserve("benchmark")
        try:
            QTest.keyClick(words_of(opened), Qt.Key.Key_Return)
            await until(lambda: opened.tab.exchange.waits, "the wait")
            await asyncio.to_thread(opened.tab.close_down())
        finally:
            session.reserve("")
        assert edits(opened, chat) == ["And a candle?"]

    opened.desk.run(scenario())


async def changed_reply(opened: Opened, words: str) -> ReplyView:
    """A reply of the model that was cut off, and is being changed."""
    opened.tab.open_chat(opened.store.create_conversation(choices=ReplyChoices(max_tokens=8)).id)
    await opened.reply_to(ENDLESS)
    view = reply_of(opened)
    view.start_editing()
    seen(view, QPlainTextEdit, "The reply").setPlainText(words)
    return view


def test_the_words_of_a_changed_reply_outlive_that_it_goes_on(opened: Opened) -> None:
    async def scenario() -> None:
        view = await changed_reply(opened, "It shines at night.")
        chat, short = opened.tab.chat, view.answer
        assert chat is not None
        click(seen(view, QPushButton, "Continue the reply"))
        await until(lambda: view.running, "the reply")
        assert not view.editor.is_open
        await until(lambda: edits(opened, chat) == ["It shines at night."], "the disk")
        await opened.idle()
        assert len(view.answer) > len(short)
        words = seen(view, QPlainTextEdit, "The reply")
        assert words.toPlainText() == "It shines at night."
        assert opened.tab.window().focusWidget() is opened.tab.composer.focusProxy()
        QTest.keyClick(words, Qt.Key.Key_Escape)
        assert not view.editor.is_open
        await until(lambda: edits(opened, chat) == [], "the disk again")

    opened.run(scenario())


def test_the_words_of_a_changed_reply_stay_with_it_when_another_is_asked_for(opened: Opened) -> None:
    async def scenario() -> None:
        view = await changed_reply(opened, "It shines at night.")
        chat = opened.tab.chat
        assert chat is not None
        click(seen(view, QPushButton, "Regenerate the reply"))
        await until(lambda: opened.tab.running_view is not None, "the other reply")
        await opened.idle()
        other = reply_of(opened)
        assert other is not view
        assert not other.editor.is_open
        await until(lambda: edits(opened, chat) == ["It shines at night."], "the disk")
        click(seen(other, QPushButton, "Earlier version"))
        await until(lambda: reply_of(opened).editor.is_open, "the version before")
        assert seen(reply_of(opened), QPlainTextEdit, "The reply").toPlainText() == "It shines at night."
        click(seen(reply_of(opened), QPushButton, "Later version"))
        await until(lambda: not reply_of(opened).editor.is_open, "the version behind")
        await until(lambda: edits(opened, chat) == ["It shines at night."], "the disk")

    opened.run(scenario())


def test_a_question_that_was_asked_in_other_words_is_not_changed_any_more(opened: Opened) -> None:
    async def scenario() -> None:
        chat = answered(opened)
        await changed_question(opened, "And a candle?")
        await until(lambda: edits(opened, chat) == ["And a candle?"], "the disk")
        QTest.keyClick(words_of(opened), Qt.Key.Key_Return)
        await until(lambda: opened.tab.running_view is not None, "the reply")
        await opened.idle()
        assert edits(opened, chat) == []
        page = ChatPage(opened.tab)
        page.show_earlier_version(0)
        await until(lambda: opened.shown() == [QUESTION, REPLY], "the version before")
        assert not page.question(0).is_editing

    opened.run(scenario())


async def changed_summary(opened: Opened, words: str) -> tuple[Conversation, QPlainTextEdit]:
    """A chat whose messages have a summary, which is being changed."""
    chat = answered(opened)
    opened.store.add_summary(chat.id, opened.store.branch(chat.id)[-1].id, SUMMARY, "a model")
    opened.tab.open_chat(chat.id)
    await until(lambda: len(opened.shown()) == 2, "the messages")
    card = summary_card(opened)
    card.set_open(True)
    click(seen(card, QPushButton, "Edit"))
    field = summary_field(opened)
    field.setPlainText(words)
    return chat, field


def summary_card(opened: Opened) -> SummaryCard:
    card = opened.tab.conversation.summary
    assert card is not None
    return card


def summary_field(opened: Opened) -> QPlainTextEdit:
    return seen(summary_card(opened), QPlainTextEdit, "Summary")


def summary_edits(opened: Opened, chat: Conversation) -> list[str]:
    return list(opened.store.summary_edits(chat.id).values())


def test_a_changed_summary_is_there_when_its_chat_is_opened_again(opened: Opened) -> None:
    async def scenario() -> None:
        chat, _ = await changed_summary(opened, "Of lamps.")
        await reopened(opened, chat)
        assert summary_field(opened).toPlainText() == "Of lamps."
        assert opened.tab.window().focusWidget() is opened.tab.composer.focusProxy()
        await until(lambda: summary_edits(opened, chat) == ["Of lamps."], "the disk")
        assert [kept.text for kept in opened.store.summaries(chat.id)] == [SUMMARY]
        QTest.keyClick(summary_field(opened), Qt.Key.Key_Escape)
        await until(lambda: summary_edits(opened, chat) == [], "the disk again")
        await reopened(opened, chat)
        assert not summary_card(opened).is_open

    opened.run(scenario())


def test_a_summary_that_was_saved_in_other_words_is_not_changed_any_more(opened: Opened) -> None:
    async def scenario() -> None:
        chat, _ = await changed_summary(opened, "Of lamps.")
        await reopened(opened, chat)
        click(seen(summary_card(opened), QPushButton, "Save"))
        await until(lambda: summary_card(opened).text == "Of lamps.", "the new words")
        await until(lambda: summary_edits(opened, chat) == [], "the disk")
        await reopened(opened, chat)
        assert not summary_card(opened).is_open

    opened.run(scenario())


def test_a_changed_summary_is_kept_when_the_program_ends(opened: Opened) -> None:
    async def scenario() -> None:
        chat, _ = await changed_summary(opened, "Of lamps.")
        await asyncio.to_thread(opened.tab.close_down())
        assert summary_edits(opened, chat) == ["Of lamps."]

    opened.desk.run(scenario())


def test_the_full_disk_keeps_the_words_of_a_summary(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        chat, _ = await changed_summary(opened, "Of lamps.")

        def refuse(summary_id: int, text: str) -> None:
            raise DiskFullError("The disk is full.")

        monkeypatch.setattr(opened.store, "save_summary_edit", refuse)
        FullDiskDrafts(opened.store.path).set_aside()
        await asyncio.to_thread(opened.tab.close_down())
        monkeypatch.undo()
        with closing(ChatStore(opened.store.path)) as later:
            assert list(later.summary_edits(chat.id).values()) == ["Of lamps."]

    opened.desk.run(scenario())


def test_the_full_disk_keeps_the_words_of_the_end(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        chat = answered(opened)
        await changed_question(opened, "And a candle?")

        def refuse(message_id: int, text: str) -> None:
            raise DiskFullError("The disk is full.")

        monkeypatch.setattr(opened.store, "save_edit", refuse)
        FullDiskDrafts(opened.store.path).set_aside()
        await asyncio.to_thread(opened.tab.close_down())
        monkeypatch.undo()
        assert edits(opened, chat) == []
        with closing(ChatStore(opened.store.path)) as later:
            assert list(later.edits(chat.id).values()) == ["And a candle?"]

    opened.desk.run(scenario())
