"""A chat of many messages: the last ones at once, others between two events, and nobody sees them come."""

import threading
from collections.abc import Callable
from itertools import pairwise

import pytest
from markdown_it.token import Token
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QPoint
from PySide6.QtGui import QAccessible, QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.chat.markdown.markdown_blocks import LONG_CHARACTERS, Block, parse_blocks, shared_parser
from app.chat.store.records import StoredMessage
from app.ui.base import slices
from app.ui.base.theme import Theme
from app.ui.chat.conversation import conversation_texts
from app.ui.chat.conversation.conversation_view import AT_ONCE, SHOWN_MESSAGES, ConversationView
from app.ui.chat.conversation.message_mark import MessageMark
from app.ui.chat.conversation.question_card import QuestionCard
from app.ui.reply.block_frame import BlockFrame
from app.ui.reply.markdown_view import MarkdownView
from app.ui.reply.reply_view import ReplyView
from tests.support.waiting import wait_until

MESSAGES = 40
LONG = "\n\n".join(f"Paragraph {number} of it." for number in range(80))
CODE = "Here:\n\n```python\nprint(1)\n```\n\nThat is [all](https://example.org)."


Show = Callable[..., ConversationView]


@pytest.fixture(autouse=True)
def one_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """However quick the machine is, a turn of the event loop makes one message."""
    monkeypatch.setattr(slices, "SLICE_S", 0.0)


@pytest.fixture
def show(qtbot: QtBot, theme: Theme) -> Show:
    def show(texts: list[str]) -> ConversationView:
        conversation = ConversationView(theme)
        qtbot.addWidget(conversation)
        conversation.resize(900, 700)
        conversation.show()
        qtbot.waitExposed(conversation)
        conversation.show_branch(branch(texts), None, {})
        return conversation

    return show


def branch(texts: list[str]) -> list[StoredMessage]:
    """Questions and replies in turn."""
    return [
        StoredMessage(
            number,
            1,
            number - 1 or None,
            "user" if number % 2 else "assistant",
            text,
            "",
            "m",
            None,
            "stop",
            "",
            0.0,
        )
        for number, text in enumerate(texts, 1)
    ]


def many() -> list[str]:
    return [f"Message {number}" for number in range(1, MESSAGES + 1)]


def settle(conversation: ConversationView, count: int) -> None:
    wait_until(lambda: len(conversation.messages()) == count)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest.value)
    QCoreApplication.processEvents()


def ids(conversation: ConversationView) -> list[int]:
    return [message.id for message, _ in conversation.shown()]


def top_of(conversation: ConversationView, widget: QWidget) -> int:
    return widget.mapTo(conversation.viewport(), widget.rect().topLeft()).y()


def watch(conversation: ConversationView, seen: list[int], widget: QWidget) -> None:
    """Note after each message where the widget stands."""
    conversation.filled.connect(lambda: seen.append(top_of(conversation, widget)))


class Painted(QObject):
    """Notes how many messages there were each time that some of the conversation was painted."""

    def __init__(self, conversation: ConversationView) -> None:
        super().__init__(conversation)
        self.counts: list[int] = []
        self._conversation = conversation
        page = conversation.widget()
        assert page is not None
        for watched in (conversation.viewport(), page):
            watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.Paint:
            self.counts.append(len(self._conversation.messages()))
        return False


def test_some_are_made_at_once_and_the_rest_one_by_one(show: Show) -> None:
    conversation = show(many())
    grown = [len(conversation.messages())]
    assert ids(conversation) == list(range(MESSAGES - AT_ONCE + 1, MESSAGES + 1))
    while len(conversation.messages()) < SHOWN_MESSAGES:
        QCoreApplication.processEvents()
        grown.append(len(conversation.messages()))
    assert {after - before for before, after in pairwise(grown)} <= {0, 1}
    assert ids(conversation) == list(range(MESSAGES - SHOWN_MESSAGES + 1, MESSAGES + 1))


def test_what_is_seen_comes_as_a_whole(show: Show, qtbot: QtBot) -> None:
    conversation = show(["Only this?", "Only this."])
    QCoreApplication.processEvents()
    painted = Painted(conversation)
    conversation.show_branch(branch(many()), None, {})
    assert conversation.is_filling
    shown: list[int] = []
    conversation.filled.connect(lambda: shown.append(len(conversation.messages())))
    settle(conversation, SHOWN_MESSAGES)
    assert not conversation.is_filling
    assert conversation.is_full
    wait_until(lambda: painted.counts)
    assert min(painted.counts) >= shown[0] > AT_ONCE


def test_a_short_chat_comes_as_a_whole(show: Show) -> None:
    conversation = show(["One?", "One.", "Two?", "Two."])
    painted = Painted(conversation)
    settle(conversation, 4)
    wait_until(lambda: painted.counts)
    assert ids(conversation) == [1, 2, 3, 4]
    assert set(painted.counts) == {4}
    assert not conversation.is_filling


def test_a_reply_that_fills_the_screen_is_made_alone(show: Show) -> None:
    conversation = show(["One?", "One.", "Two?", LONG])
    assert ids(conversation) == [4]
    assert not conversation.is_filling
    settle(conversation, 4)


def test_the_end_stays_in_sight_while_the_rest_is_made(show: Show) -> None:
    conversation = show(many())
    wait_until(lambda: not conversation.is_filling)
    conversation.earlier_requested.emit()
    last, seen = conversation.messages()[-1], list[int]()
    watch(conversation, seen, last)
    bar = conversation.verticalScrollBar()
    assert bar.value() == bar.maximum() > 0
    before = top_of(conversation, last)
    settle(conversation, 2 * SHOWN_MESSAGES)
    assert seen
    assert set(seen) == {before} == {top_of(conversation, last)}
    assert bar.value() == bar.maximum()
    assert conversation.follows


def test_earlier_messages_leave_what_is_seen_in_its_place(show: Show) -> None:
    conversation = show(many())
    settle(conversation, SHOWN_MESSAGES)
    conversation.verticalScrollBar().setValue(0)
    first, seen = conversation.messages()[0], list[int]()
    before = top_of(conversation, first)
    watch(conversation, seen, first)
    conversation.earlier_requested.emit()
    assert len(conversation.messages()) == SHOWN_MESSAGES
    settle(conversation, 2 * SHOWN_MESSAGES)
    assert seen
    assert set(seen) == {before} == {top_of(conversation, first)}


def test_a_message_far_up_is_gone_to(show: Show) -> None:
    conversation = show(many())
    assert conversation.show_message(3)
    assert len(conversation.messages()) == AT_ONCE
    wait_until(lambda: conversation.findChildren(MessageMark))
    [target] = [widget for message, widget in conversation.shown() if message.id == 3]
    assert 0 <= top_of(conversation, target) < conversation.viewport().height() // 2
    [mark] = conversation.findChildren(MessageMark)
    assert mark.message is target
    assert not conversation.show_message(MESSAGES + 1)


def test_the_mark_of_a_message_stands_beside_its_text_and_goes_with_it(show: Show) -> None:
    conversation = show(many())
    assert conversation.show_message(MESSAGES)
    wait_until(lambda: conversation.findChildren(MessageMark))
    [mark] = conversation.findChildren(MessageMark)
    for width in (900, 620, 1200):
        conversation.resize(width, 700)
        wait_until(lambda: mark.height() == mark.message.height())
        left = mark.mapTo(conversation, QPoint()).x()
        assert 0 <= left < left + mark.width() < mark.message.mapTo(conversation, QPoint()).x()
        assert top_of(conversation, mark) == top_of(conversation, mark.message)
    conversation.show_branch(branch(["Another chat"]), None, {})
    wait_until(lambda: not conversation.findChildren(MessageMark))


def test_a_message_among_the_last_is_gone_to_once_all_that_is_seen_is_there(show: Show) -> None:
    conversation = show(many())
    assert conversation.is_filling
    assert conversation.show_message(MESSAGES)
    assert conversation.is_filling, "it is laid out in a later turn"
    made: list[int] = []
    conversation.filled.connect(lambda: made.append(len(conversation.messages())))
    wait_until(lambda: conversation.findChildren(MessageMark))
    assert not conversation.is_filling
    assert made[0] < SHOWN_MESSAGES, "nobody waits for those that are not seen"
    [target] = [widget for message, widget in conversation.shown() if message.id == MESSAGES]
    [mark] = conversation.findChildren(MessageMark)
    assert mark.message is target


def test_who_sends_a_message_meanwhile_is_not_led_away(show: Show) -> None:
    conversation = show(many())
    assert conversation.show_message(3)
    conversation.add_question(branch([*many(), "And now?"])[-1])
    settle(conversation, MESSAGES - 2)
    assert not conversation.findChildren(MessageMark)
    assert conversation.follows


def test_another_chat_ends_the_making(show: Show) -> None:
    conversation = show(many())
    conversation.show_branch(branch(["Only this?", "Only this."]), None, {})
    QCoreApplication.processEvents()
    QCoreApplication.processEvents()
    assert ids(conversation) == [1, 2]
    conversation.show_branch([], None, {})
    QCoreApplication.processEvents()
    assert [type(widget).__name__ for widget in conversation.messages()] == ["EmptyChat"]


def test_the_last_question_can_be_changed_before_it_is_seen(show: Show) -> None:
    conversation = show(["One?", "One.", "Two?", LONG])
    assert ids(conversation) == [4]
    conversation.offer_editing(True)
    conversation.edit_last()
    [(_, card)] = [(message, widget) for message, widget in conversation.shown() if message.id == 3]
    assert isinstance(card, QuestionCard)
    assert card.is_editing
    assert card.findChildren(QPlainTextEdit)[0].isVisible()


def tab_order(conversation: ConversationView) -> list[QWidget]:
    """List what the Tab key comes to in the conversation, from the first on."""
    found: list[QWidget] = []
    at = conversation.nextInFocusChain()
    while at is not None and at is not conversation:
        if conversation.isAncestorOf(at) and isinstance(at, QPushButton) and at.isVisible():
            found.append(at)
        at = at.nextInFocusChain()
    return found


def test_the_tab_key_and_a_screen_reader_go_from_the_first_message_to_the_last(show: Show) -> None:
    conversation = show(["Code?", CODE] * 20)
    settle(conversation, SHOWN_MESSAGES)
    conversation.earlier_requested.emit()
    settle(conversation, 2 * SHOWN_MESSAGES)
    for value in range(0, conversation.verticalScrollBar().maximum(), 200):
        # Blocks get their widgets as they come near.
        conversation.verticalScrollBar().setValue(value)
        QCoreApplication.processEvents()
    messages = conversation.messages()
    places = [
        (at, button.mapTo(conversation, button.rect().topLeft()).y())
        for button in tab_order(conversation)
        for at, widget in enumerate(messages)
        if widget.isAncestorOf(button)
    ]
    assert {at for at, _ in places} == set(range(len(messages)))
    numbers = [at for at, _ in places]
    assert numbers == sorted(numbers)
    assert [y // 20 for _, y in places] == sorted(y // 20 for _, y in places)
    column = QAccessible.queryAccessibleInterface(messages[0].parentWidget())
    told = [column.child(at).object() for at in range(column.childCount())]
    assert [widget for widget in told if isinstance(widget, QuestionCard | ReplyView)] == messages


def parsed_at_once(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of the texts that are parsed as a whole from now on."""
    lengths: list[int] = []
    parser = shared_parser()
    parse = parser.parse

    def counted(source: str, environment: dict[str, object]) -> list[Token]:
        lengths.append(len(source))
        return parse(source, environment)

    monkeypatch.setattr(parser, "parse", counted)
    return lengths


def test_a_long_reply_is_parsed_in_steps_and_shown_as_a_whole(
    show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = parsed_at_once(monkeypatch)
    reply = "\n\n".join(f"Paragraph {number} of a **long** reply." for number in range(1000))
    assert len(reply) > LONG_CHARACTERS
    conversation = show(["Question", "Answer", "Another question", reply])
    assert not conversation.messages()
    painted = Painted(conversation)
    settle(conversation, 4)
    assert not [length for length in lengths if length > LONG_CHARACTERS]
    assert 0 not in painted.counts
    last = conversation.messages()[-1]
    assert isinstance(last, ReplyView)
    [(_, text)] = last.texts
    assert len(text.blocks) == 1000
    bar = conversation.verticalScrollBar()
    assert bar.value() == bar.maximum() > 0


def test_a_question_is_added_while_a_long_reply_is_parsed(show: Show) -> None:
    reply = "\n\n".join(f"Paragraph {number} of another long reply." for number in range(1000))
    conversation = show(["Question", reply])
    assert not conversation.messages()
    conversation.add_question(branch(["Question", reply, "One more"])[-1])
    settle(conversation, 3)
    assert ids(conversation) == [1, 2, 3]


def test_a_long_reply_that_came_in_is_parsed_in_steps_at_its_end(
    qtbot: QtBot, theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = MarkdownView(theme)
    qtbot.addWidget(view)
    paragraphs = [f"Paragraph {number} refers [forwards][later].\n\n" for number in range(1000)]
    for start in range(0, 1000, 50):
        view.append("".join(paragraphs[start : start + 50]))
    view.append("[later]: https://example.org\n")
    lengths = parsed_at_once(monkeypatch)
    before = len(view.blocks)
    view.finish()
    assert len(view.blocks) == before
    wait_until(lambda: "https://example.org" in getattr(view.blocks[0], "html", ""))
    assert not [length for length in lengths if length > LONG_CHARACTERS]
    assert len(view.blocks) == 1000


def test_another_text_ends_what_was_still_to_be_parsed(qtbot: QtBot, theme: Theme) -> None:
    view = MarkdownView(theme)
    qtbot.addWidget(view)
    view.append("\n\n".join(f"Paragraph {number} of what goes." for number in range(1000)))
    view.finish()
    view.set_text("Another text.")
    for _ in range(20):
        QCoreApplication.processEvents()
    assert len(view.blocks) == 1


def test_no_block_is_made_for_a_reply_that_is_changed(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = show(["Question", LONG])
    settle(conversation, 2)
    built: list[int] = []
    build = BlockFrame.build

    def counted(frame: BlockFrame) -> None:
        built.append(frame.index)
        build(frame)

    monkeypatch.setattr(BlockFrame, "build", counted)
    conversation.edit_last_reply()
    assert not [index for index in built if index > 1]
    reply = conversation.messages()[-1]
    assert 0 <= top_of(conversation, reply) < conversation.viewport().height() // 2


def test_a_long_conversation_is_copied_by_another_thread(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []

    def counted(source: str) -> list[Block]:
        threads.append(threading.get_ident())
        return parse_blocks(source)

    monkeypatch.setattr(conversation_texts, "parse_blocks", counted)
    conversation = show(many())
    settle(conversation, SHOWN_MESSAGES)
    clipboard = QGuiApplication.clipboard()
    clipboard.setText("before")
    conversation.select_conversation()
    conversation.copy_selection()
    # What is selected then does not matter any more.
    conversation.clear_selection()
    wait_until(lambda: clipboard.text() != "before")
    assert clipboard.text() == "\n\n".join(many())
    assert "<p>Message 1</p>" in clipboard.mimeData().html()
    assert threads
    assert threading.get_ident() not in threads
