"""Replies that were cut off and go on, in the Chat tab with the real engine."""

import os
import signal

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.chat.library.reply_choices import ReplyChoices
from app.chat.store.records import Conversation, StoredMessage
from app.chat.turn import chat_key
from app.engine.protocol import GenerationStats
from app.ui.base.offers import offered_in
from app.ui.reply.reply_view import ReplyView
from tests.support.chat_desk import ENDLESS, Opened, until


def named(root: QWidget, words: str) -> QPushButton:
    """The button that says so."""
    return next(made for made in root.findChildren(QPushButton) if words in made.text())


def ways(view: ReplyView) -> dict[str, QPushButton]:
    """The buttons with words that a reply offers now."""
    return {
        button.text(): button
        for button in view.findChildren(QPushButton)
        if button.isVisible() and button.text()
    }


def last(opened: Opened) -> tuple[StoredMessage, ReplyView]:
    """The last message of the open chat, with its widget."""
    assert opened.tab.chat is not None
    view = opened.tab.conversation.messages()[-1]
    assert isinstance(view, ReplyView)
    return opened.store.branch(opened.tab.chat.id)[-1], view


async def cut_after(opened: Opened, tokens: int) -> None:
    """Ask for a reply of so many tokens in a new chat."""
    chat = opened.store.create_conversation(choices=ReplyChoices(max_tokens=tokens))
    opened.tab.open_chat(chat.id)
    await opened.reply_to(ENDLESS)


async def go_on(opened: Opened, view: ReplyView) -> None:
    ways(view)["Continue"].click()
    await until(lambda: view.running)
    await opened.idle()


def test_a_reply_that_was_cut_goes_on_in_its_own_message_and_widget(opened: Opened) -> None:
    async def scenario() -> None:
        await cut_after(opened, 24)
        whole, _ = last(opened)
        await cut_after(opened, 12)
        first, view = last(opened)
        assert first.outcome == "length"
        assert view.notice_text == "The reply reached the most tokens that this chat allows."
        offered = [command.title for command in offered_in(opened.tab)]
        assert [title for title in offered if "continue" in title.lower()] == ["Continue the reply"]
        await go_on(opened, view)
        kept, again = last(opened)
        assert again is view
        assert kept.id == first.id
        assert kept.content == whole.content == view.answer
        assert kept.content.startswith(first.content)
        assert kept.outcome == "length"
        assert first.stats is not None
        assert kept.stats is not None
        assert kept.stats.completion_tokens == 24
        assert kept.stats.ttft_s == first.stats.ttft_s
        assert kept.stats.prompt_tokens == first.stats.prompt_tokens
        assert kept.stats.decode_s > first.stats.decode_s
        assert "24 tokens" in view.stats_text
        assert opened.shown() == [ENDLESS, kept.content]
        assert view.minimumHeight() == 0

    opened.run(scenario())


def test_a_stopped_reply_says_so_and_goes_on(opened: Opened) -> None:
    async def scenario() -> None:
        opened.unlimited()
        opened.tab.send(ENDLESS)
        view = await opened.first_words()
        opened.tab.stop()
        await opened.idle()
        first, _ = last(opened)
        assert view.notice_text == "Stopped."
        ways(view)["Continue"].click()
        await until(lambda: len(view.answer) > len(first.content) + 20)
        assert opened.store.message(first.id).outcome == "running"
        assert view.notice_text == ""
        opened.tab.stop()
        await opened.idle()
        kept, _ = last(opened)
        assert kept.outcome == "cancelled"
        assert kept.content.startswith(first.content)
        assert view.notice_text == "Stopped."

    opened.run(scenario())


def left_by_the_program(opened: Opened) -> Conversation:
    """An open chat of a whole reply and one that the program's end has cut off."""
    chat = opened.store.create_conversation(choices=ReplyChoices(max_tokens=8))
    question = opened.store.add_message(chat.id, None, "user", ENDLESS)
    reply = opened.store.add_message(chat.id, question.id, "assistant", outcome="running")
    stats = GenerationStats(
        prompt_tokens=10,
        completion_tokens=4,
        thinking_tokens=0,
        ttft_s=0.1,
        prompt_s=0.1,
        decode_s=0.2,
        thinking_s=0.0,
        prompt_tok_per_s=100.0,
        decode_tok_per_s=20.0,
        context_tokens_used=14,
        seed=1,
    )
    opened.store.save_reply(reply.id, "Once upon a time", "", outcome="stop", stats=stats)
    again = opened.store.add_message(chat.id, reply.id, "user", "And then?")
    cut = opened.store.add_message(chat.id, again.id, "assistant", outcome="running")
    opened.store.save_reply(cut.id, "The keeper", "", outcome="interrupted")
    opened.tab.open_chat(chat.id)
    return chat


def sentences(opened: Opened) -> list[str]:
    """The visible texts of the last reply that name the program's end."""
    shown = last(opened)[1].findChildren(QLabel)
    return [text.text() for text in shown if text.isVisible() and "was closed" in text.text()]


def context(opened: Opened) -> tuple[str, int | None]:
    """The key and the tokens of the open chat."""
    return opened.tab.context


def test_the_context_after_a_reply_that_the_end_of_the_program_cut_off_is_not_an_earlier_ones(
    opened: Opened,
) -> None:
    async def scenario() -> None:
        chat = left_by_the_program(opened)
        assert context(opened) == (chat_key(chat.id), None)
        await go_on(opened, last(opened)[1])
        stats = last(opened)[0].stats
        assert stats is not None
        assert context(opened) == (chat_key(chat.id), stats.context_tokens_used)
        opened.tab.open_chat(None)
        assert context(opened) == ("", 0)

    opened.run(scenario())


def test_a_reply_that_goes_on_in_another_window_is_not_said_to_have_been_cut_off(opened: Opened) -> None:
    async def scenario() -> None:
        chat = left_by_the_program(opened)
        assert len(sentences(opened)) == 1
        opened.tab.go_on([chat.id])
        assert sentences(opened) == []
        opened.tab.open_chat(None)
        opened.tab.open_chat(chat.id)
        assert sentences(opened) == [], "it is shown anew"
        await until(lambda: opened.tab.running_view is not None, "its going on")
        await opened.idle()
        assert last(opened)[0].content.startswith("The keeper")
        assert last(opened)[1].notice_text == "The reply reached the most tokens that this chat allows."

    opened.run(scenario())


def test_the_end_of_the_program_is_told_where_the_reply_does_not_go_on(opened: Opened) -> None:
    async def scenario() -> None:
        chat = left_by_the_program(opened)
        opened.tab.go_on([chat.id])
        opened.tab.stop()
        await opened.idle()
        assert len(sentences(opened)) == 1

    opened.run(scenario())


def test_the_action_is_there_while_the_last_reply_can_go_on(opened: Opened) -> None:
    def action() -> QAction:
        return next(one for one in opened.tab.actions() if one.text() == "Continue the reply")

    async def scenario() -> None:
        assert not action().isEnabled()
        await cut_after(opened, 4)
        _, view = last(opened)
        assert action().isEnabled()
        opened.desk.session.reserved_for = "benchmark"
        opened.desk.session.reservation_changed.emit("benchmark")
        assert not action().isEnabled()
        assert not ways(view)["Continue"].isEnabled()
        assert "measured" in ways(view)["Continue"].toolTip()
        opened.desk.session.reserved_for = ""
        opened.desk.session.reservation_changed.emit("")
        action().trigger()
        await until(lambda: view.running)
        assert not action().isEnabled()
        await opened.idle()
        assert action().isEnabled()
        opened.tab.open_chat(None)
        assert not action().isEnabled()

    opened.run(scenario())


def test_only_the_last_reply_goes_on(opened: Opened) -> None:
    async def scenario() -> None:
        await cut_after(opened, 4)
        _, first = last(opened)
        await opened.reply_to("And then?")
        assert "Continue" not in ways(first)
        assert "Continue" in ways(last(opened)[1])

    opened.run(scenario())


def test_a_reply_that_goes_on_ends_in_its_own_chat_when_that_is_left(opened: Opened) -> None:
    async def scenario() -> None:
        await cut_after(opened, 10)
        first, view = last(opened)
        other = opened.store.create_conversation(choices=ReplyChoices(max_tokens=4))
        ways(view)["Continue"].click()
        await until(lambda: view.running)
        opened.tab.open_chat(other.id)
        opened.tab.open_chat(first.conversation_id)
        assert last(opened)[1] is view
        opened.tab.open_chat(other.id)
        await until(lambda: not opened.tab.exchange.busy)
        opened.tab.open_chat(first.conversation_id)
        kept, again = last(opened)
        assert kept.stats is not None
        assert kept.stats.completion_tokens == 20
        assert again.answer == kept.content

    opened.run(scenario())


def test_a_full_context_asks_for_a_larger_one(opened: Opened) -> None:
    asked: list[bool] = []
    opened.tab.load_settings_requested.connect(lambda: asked.append(True))

    async def scenario() -> None:
        opened.unlimited()
        await opened.reply_to(ENDLESS)
        kept, view = last(opened)
        if kept.outcome != "context":
            opened.store.save_reply(kept.id, "word " * 1200, "", outcome="context", stats=kept.stats)
            opened.tab.open_chat(kept.conversation_id)
            kept, view = last(opened)
        assert set(ways(view)) >= {"Continue", "Larger context"}
        ways(view)["Larger context"].click()
        assert asked == [True]
        ways(view)["Continue"].click()
        await until(lambda: opened.tab.notice.isVisible())
        assert "cannot go on" in opened.tab.notice.text
        await opened.idle()
        assert last(opened)[0].content == kept.content

    opened.run(scenario())


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_reply_whose_engine_died_goes_on_from_its_text(opened: Opened) -> None:
    async def scenario() -> None:
        opened.unlimited()
        opened.tab.send(ENDLESS)
        view = await opened.first_words()
        pid = opened.desk.client.state.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await opened.idle()
        first, _ = last(opened)
        assert first.outcome == "failed"
        assert first.stats is None
        assert set(ways(view)) == {"Retry", "Continue"}
        opened.tab.choices.show_choices(ReplyChoices(max_tokens=6), opened.settings.values.sampling)
        opened.tab.choices.edited.emit()
        ways(view)["Continue"].click()
        await until(lambda: view.running)
        await opened.idle()
        kept, _ = last(opened)
        assert kept.content.startswith(first.content)
        assert len(kept.content) > len(first.content)
        assert kept.stats is not None
        assert kept.stats.is_partly
        assert kept.stats.completion_tokens > 6
        assert "first token" not in view.stats_text

    opened.run(scenario())


def test_an_edited_reply_is_another_version_that_the_next_prompt_holds(opened: Opened, qtbot: QtBot) -> None:
    async def scenario() -> None:
        await cut_after(opened, 8)
        first, view = last(opened)
        view.foot.edit_requested.emit()
        assert view.editor.is_open
        view.editor.findChild(QPlainTextEdit).setPlainText("The keeper was called **Zebulon**.")
        named(view.editor, "Save").click()
        await until(lambda: opened.shown()[-1] == "The keeper was called **Zebulon**.")
        edited, shown = last(opened)
        assert (edited.outcome, edited.parent_id, edited.model) == ("edited", first.parent_id, first.model)
        assert shown.stats_text == "Edited by you"
        assert shown.versions.text == "2 of 2"
        assert shown.notice_text == ""
        assert opened.store.message(first.id) == first
        await opened.reply_to("What was he called?")
        reply, _ = last(opened)
        assert reply.stats is not None
        shown = opened.tab.conversation.messages()[1]
        assert isinstance(shown, ReplyView)
        shown.versions.findChildren(QPushButton)[0].click()
        await until(lambda: opened.shown()[-1] == first.content)

    opened.run(scenario())


def test_words_that_were_not_changed_make_no_version(opened: Opened) -> None:
    async def scenario() -> None:
        await cut_after(opened, 8)
        first, view = last(opened)
        view.start_editing()
        named(view.editor, "Save").click()
        assert not view.editor.is_open
        view.start_editing()
        view.editor.close_field()
        await opened.idle()
        assert opened.store.messages(first.conversation_id)[-1].id == first.id

    opened.run(scenario())


def test_an_earlier_reply_is_asked_for_anew_and_what_followed_is_kept(opened: Opened) -> None:
    async def scenario() -> None:
        await cut_after(opened, 6)
        await opened.reply_to("And then?")
        before = opened.shown()
        first = opened.tab.conversation.messages()[1]
        assert isinstance(first, ReplyView)
        first.regenerate_requested.emit()
        await until(lambda: opened.tab.running_view is not None)
        await opened.idle()
        assert len(opened.shown()) == 2
        again = opened.tab.conversation.messages()[1]
        assert isinstance(again, ReplyView)
        again.versions.findChildren(QPushButton)[0].click()
        await until(lambda: opened.shown() == before)

    opened.run(scenario())


def test_a_chat_is_forked_at_a_reply_with_its_choices(opened: Opened) -> None:
    async def scenario() -> None:
        await cut_after(opened, 6)
        chat = opened.tab.chat
        assert chat is not None
        opened.store.rename(chat.id, "Ships")
        before = opened.shown()
        await opened.reply_to("And then?")
        first = opened.tab.conversation.messages()[1]
        assert isinstance(first, ReplyView)
        [fork] = [entry for entry in first.foot.menu().actions() if "new chat" in entry.text()]
        fork.trigger()
        await until(lambda: opened.tab.chat is not None and opened.tab.chat.id != chat.id)
        made = opened.tab.chat
        assert made is not None
        assert made.title == "Ships (2)"
        assert made.choices == chat.choices
        await until(lambda: opened.shown() == before)
        view = last(opened)[1]
        await go_on(opened, view)
        kept, _ = last(opened)
        assert kept.conversation_id == made.id
        assert kept.content.startswith(before[1])

    opened.run(scenario())


def test_a_model_elsewhere_does_not_go_on(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        await cut_after(opened, 4)
        _, view = last(opened)
        monkeypatch.setattr(type(opened.desk.session), "answers_elsewhere", True)
        opened.tab.exchange.state_changed.emit()
        assert not ways(view)["Continue"].isEnabled()
        assert "elsewhere" in ways(view)["Continue"].toolTip()

    opened.run(scenario())
