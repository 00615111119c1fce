"""Branches of a chat in the column, with the real engine and a real store."""

from app.ui.reply.code_card import CodeCard
from app.ui.reply.reply_view import ReplyView
from tests.support.chat_desk import Opened
from tests.support.pages.chat_page import ChatPage
from tests.support.waiting import until


def test_regenerating_keeps_the_first_reply_as_a_sibling(opened: Opened) -> None:
    async def scenario() -> None:
        view = await opened.reply_to("What is the capital of France?")
        view.regenerate_requested.emit()
        await until(lambda: opened.tab.running_view is not None)
        await opened.idle()

    opened.run(scenario())
    assert opened.tab.chat is not None
    question, first, second = opened.store.messages(opened.tab.chat.id)
    assert first.parent_id == second.parent_id == question.id
    assert [m.id for m in opened.store.branch(opened.tab.chat.id)] == [question.id, second.id]
    assert opened.shown() == [question.content, second.content]


def test_an_edited_question_begins_a_branch_and_arrows_lead_back(opened: Opened) -> None:
    async def scene() -> None:
        await opened.reply_to("Say one.")
        await opened.reply_to("Say two.")
        first = opened.shown()
        page = ChatPage(opened.tab)
        assert page.question(2).versions.isHidden()
        opened.tab.composer.set_text("typed meanwhile")
        page.ask_in_other_words(2, "Say three.")
        await until(lambda: opened.tab.running_view is not None)
        await opened.idle()
        edited = opened.shown()
        assert edited[:3] == [*first[:2], "Say three."]
        assert opened.tab.composer.text() == "typed meanwhile"
        assert page.question(2).versions.text == "2 of 2"
        page.show_earlier_version(2)
        await until(lambda: opened.shown() == first)
        assert opened.tab.chat is not None
        assert [m.content for m in opened.store.branch(opened.tab.chat.id)] == first
        page.show_later_version(2)
        await until(lambda: opened.shown() == edited)

    opened.run(scene())


def test_a_question_that_is_changed_during_a_reply_stays_open_with_its_words(opened: Opened) -> None:
    async def scene() -> None:
        opened.tab.send("Tell a long story about the sea.")
        await until(lambda: opened.tab.running_view is not None)
        page = ChatPage(opened.tab)
        card = page.question(0)
        card.edited.emit("Tell a short one.")
        await until(lambda: card.is_editing)
        assert page.words_of(0).toPlainText() == "Tell a short one."
        opened.tab.stop()
        await opened.idle()
        assert [message.content for message in opened.tab.conversation.branch][:1] == [
            "Tell a long story about the sea."
        ]

    opened.run(scene())


def test_a_second_reply_gets_arrows(opened: Opened) -> None:
    async def scene() -> None:
        view = await opened.reply_to("Say one.")
        view.regenerate_requested.emit()
        await until(lambda: opened.tab.running_view is not None)
        await opened.idle()
        second = opened.tab.conversation.messages()[1]
        assert isinstance(second, ReplyView)
        assert second.versions.text == "2 of 2"

    opened.run(scene())


def test_a_search_hit_is_shown_in_its_place_also_in_another_branch(opened: Opened) -> None:
    store = opened.store
    chat = store.create_conversation(title="Long")
    parent = None
    for number in range(40):
        parent = store.add_message(
            chat.id, parent, "user" if number % 2 == 0 else "assistant", f"line {number}"
        ).id
    hidden = store.add_message(chat.id, None, "user", "the xylophone question")
    store.show_branch(chat.id, parent)

    page = ChatPage(opened.tab)

    async def scene() -> None:
        opened.tab.open_chat(None)
        opened.tab.chats.begin_search()
        opened.tab.chats.search.setText("xylo")
        await until(lambda: opened.tab.chats.results.summary == "Hits: 1")
        page.go_to_first_hit()
        await until(lambda: opened.shown() == [hidden.content])
        opened.tab.chats.search.setText('"line 3"')
        await until(lambda: "line 3" in page.hits()[0])
        page.click_hit(0)
        await until(lambda: "line 3" in opened.shown())
        bar = opened.tab.conversation.verticalScrollBar()
        await until(lambda: bar.value() < bar.maximum())

    opened.run(scene())


def test_the_code_of_replies_is_checked_at_once(opened: Opened) -> None:
    chat = opened.store.create_conversation()
    asked = opened.store.add_message(chat.id, None, "user", "Code?")
    reply = opened.store.add_message(chat.id, asked.id, "assistant")
    answer = "```python\nreturn 1\n```\n\n```python\ndef f(:\n    pass\n```\n\n```brainfuck\n+\n```\n"
    opened.store.save_reply(reply.id, answer, "", outcome="stop")

    async def scene() -> None:
        opened.tab.open_chat(chat.id)
        good, bad, unknown = opened.tab.conversation.findChildren(CodeCard)
        await until(lambda: bool(good.verdict) and bool(bad.verdict))
        assert good.verdict.startswith("✓ valid Python")
        assert bad.verdict.startswith("✗ line 1, column 7")
        assert unknown.verdict == ""

    opened.run(scene())
