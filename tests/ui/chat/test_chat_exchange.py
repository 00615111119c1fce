"""A chat that outgrows the context is sent in part, or summed up, with the real engine."""

from collections.abc import Sequence
from concurrent.futures import Future

import pytest

from app.chat.library.reply_choices import ReplyChoices
from app.chat.store.store import ChatStore
from app.engine.protocol import Part
from app.ui.chat.composing.composer import ComposerState
from tests.support.chat_desk import SHORT, Opened
from tests.support.waiting import until


def long_chat(store: ChatStore, choices: ReplyChoices = ReplyChoices(max_tokens=SHORT)) -> int:  # noqa: B008
    chat = store.create_conversation(title="long", choices=choices)
    parent = None
    for number in range(6):
        question = f"My boat number {number} is called Swan {number}. " * 8
        parent = store.add_message(chat.id, parent, "user", question).id
        parent = store.add_message(chat.id, parent, "assistant", "That is a fine name. " * 10).id
    return chat.id


def test_nothing_is_dropped_from_the_context_without_the_users_word(opened: Opened) -> None:
    async def scenario() -> None:
        chat = opened.store.create_conversation(title="long")
        parent = None
        for number in range(6):
            parent = opened.store.add_message(chat.id, parent, "user", f"question {number} " * 40).id
            parent = opened.store.add_message(chat.id, parent, "assistant", "answer " * 60).id
        opened.tab.open_chat(chat.id)
        opened.tab.composer.set_text("And now?")
        await until(lambda: opened.tab.notice.isVisible())
        assert "oldest messages" in opened.tab.notice.text
        assert "question 0" in opened.tab.notice.text
        assert opened.tab.notice.offers == ["stop", "drop", "summarise"]
        assert len(opened.tab.conversation.left_out) >= 2
        await until(lambda: opened.tab.composer.meter.text.startswith("To send"))
        assert "Left for the reply" in opened.tab.composer.meter.details
        opened.tab.send("And now?")
        await until(lambda: opened.tab.exchange.here is None)
        assert len(opened.store.messages(chat.id)) == 12
        assert opened.tab.composer.text() == "And now?"
        opened.tab.notice.chosen.emit("drop")
        await until(lambda: opened.tab.running_view is not None)
        opened.tab.stop()
        await opened.idle()
        assert len(opened.store.messages(chat.id)) == 14
        opened.tab.send("word " * 3000)
        await until(lambda: "too long" in opened.tab.notice.text)
        assert len(opened.store.messages(chat.id)) == 14

    opened.run(scenario())


def test_what_was_counted_while_it_was_typed_is_sent_without_another_count(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        client, counted = opened.desk.client, list[str]()
        count_tokens = client.count_tokens

        def noted(parts: Sequence[Part], model: str = "") -> "Future[int]":
            counted.append("".join(part.text for part in parts))
            return count_tokens(parts, model)

        monkeypatch.setattr(client, "count_tokens", noted)
        opened.tab.composer.set_text("And now?")
        await until(lambda: len(counted) == 2)
        assert "And now?" in counted[0]
        assert counted[1] == "And now?"
        await until(lambda: opened.tab.composer.meter.text.startswith("To send"))
        opened.tab.send("And now?")
        await until(lambda: opened.tab.running_view is not None)
        assert len(counted) == 2
        await opened.idle()

    opened.run(scenario())


def test_the_model_sums_up_the_oldest_messages_and_goes_on_from_there(opened: Opened) -> None:
    async def scenario() -> None:
        tab, store = opened.tab, opened.store
        chat = long_chat(store)
        tab.open_chat(chat)
        tab.composer.set_text("What is boat 5 called?")
        await until(lambda: tab.notice.isVisible())
        tab.notice.chosen.emit("summarise")
        await until(lambda: tab.exchange.summaries.writing)
        assert tab.composer.state is ComposerState.RUNNING
        await until(lambda: tab.running_view is not None)
        await opened.idle()
        [summary] = store.summaries(chat)
        assert summary.text.strip()
        assert summary.model
        assert len(store.branch(chat)) == 14
        place = [message.id for message in store.branch(chat)].index(summary.last_id)
        assert store.branch(chat)[place].role == "assistant"
        card = tab.conversation.summary
        assert card is not None
        assert card.text == summary.text
        assert not card.is_open
        assert f"{place + 1} messages" in card.title
        assert tab.conversation.left_out == frozenset()
        assert store.conversation(chat).when_full == "summarise"

        card.changed.emit(summary, "The boats are swans.")
        await until(lambda: tab.conversation.summary.text == "The boats are swans.")  # type: ignore[union-attr]
        assert "changed by you" in card.title
        tab.open_chat(None)
        assert tab.conversation.summary is None
        tab.open_chat(chat)
        assert tab.conversation.summary is not None
        tab.conversation.summary_removed.emit(store.summaries(chat)[0])
        await until(lambda: tab.conversation.summary is None)
        assert store.summaries(chat) == []
        opened.undo()
        await until(lambda: tab.conversation.summary is not None)
        assert store.summaries(chat)[0].text == "The boats are swans."

    opened.run(scenario())


def test_a_summary_can_be_stopped_and_nothing_is_sent_then(opened: Opened) -> None:
    async def scenario() -> None:
        tab, store = opened.tab, opened.store
        chat = long_chat(store, ReplyChoices(max_tokens=SHORT, when_full="summarise"))
        tab.open_chat(chat)
        tab.send("And now?")
        await until(lambda: tab.exchange.summaries.writing)
        tab.conversation.summary_cancelled.emit()
        await opened.idle()
        assert store.summaries(chat) == []
        assert len(store.branch(chat)) == 12
        assert tab.composer.text() == "And now?"
        assert tab.conversation.summary is None

    opened.run(scenario())


def test_a_chat_that_stops_when_it_is_full_sends_nothing_until_the_user_chooses(opened: Opened) -> None:
    async def scenario() -> None:
        tab, store = opened.tab, opened.store
        chat = long_chat(store)
        tab.open_chat(chat)
        tab.composer.set_text("And now?")
        await until(lambda: tab.notice.isVisible())
        tab.notice.chosen.emit("stop")
        await until(lambda: store.conversation(chat).when_full == "stop")
        tab.send("And now?")
        await until(lambda: "Nothing is sent" in tab.notice.text)
        await opened.idle()
        assert len(store.branch(chat)) == 12
        assert tab.notice.offers == ["ask"]
        tab.notice.chosen.emit("ask")
        await until(lambda: "summarise" in tab.notice.offers)

    opened.run(scenario())


def test_a_choice_goes_on_with_what_waits_for_it_and_nothing_else(opened: Opened) -> None:
    async def scenario() -> None:
        tab, store = opened.tab, opened.store
        chat = long_chat(store)
        tab.open_chat(chat)
        # Another reply to the last question does not fit: the notice stays until a choice is made.
        last = tab.conversation.branch[-1]
        tab.conversation.another_requested.emit(last)
        await until(lambda: tab.notice.isVisible())
        await tab.exchange.update_budget()
        assert tab.notice.isVisible()
        tab.notice.chosen.emit("drop")
        await until(lambda: tab.running_view is not None)
        await opened.idle()
        assert len(store.messages(chat)) == 13
        assert store.branch(chat)[-1].parent_id == last.parent_id
        # What was typed later is what is sent, not what waited before.
        tab.notice.chosen.emit("ask")
        tab.conversation.edit_requested.emit(store.branch(chat)[-2], "Changed words. " * 20)
        await until(lambda: "summarise" in tab.notice.offers and tab.exchange.here is None)
        tab.composer.set_text("Typed later")
        tab.notice.chosen.emit("drop")
        await until(lambda: tab.running_view is not None)
        await opened.idle()
        assert "Typed later" in [message.content for message in store.branch(chat)]
        assert "Changed words." not in store.branch(chat)[-2].content

    opened.run(scenario())
