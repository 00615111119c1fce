"""A question of 200 KB: shown in parts, of which those near to what is seen have widgets."""

from itertools import pairwise

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.chat.markdown.block_text import PART_CHARACTERS, PART_LINES
from app.chat.store.records import StoredMessage
from app.ui.base.theme import Theme
from app.ui.chat.conversation.conversation_view import ConversationView
from app.ui.chat.conversation.question_card import QuestionCard
from app.ui.reply.rich.wrapped_text import WrappedText
from tests.support.selecting import Hand
from tests.support.waiting import wait_until

LINE = "A line that somebody has pasted into the field, with a number to find it by: "
LINES = [f"{LINE}{number}." for number in range(2300)]
QUESTION = "\n".join(LINES)
MOST_SHOWN = 12
"""Parts that have widgets at a time, three heights of the window above and below it."""


@pytest.fixture
def conversation(qtbot: QtBot, theme: Theme) -> ConversationView:
    conversation = ConversationView(theme)
    qtbot.addWidget(conversation)
    conversation.resize(900, 700)
    conversation.show()
    qtbot.waitExposed(conversation)
    return conversation


def question(text: str) -> StoredMessage:
    return StoredMessage(1, 1, None, "user", text, "", "m", None, "stop", "", 0.0)


def show(conversation: ConversationView, text: str) -> QuestionCard:
    conversation.show_branch([question(text)], None, {})
    settle()
    [card] = conversation.messages()
    assert isinstance(card, QuestionCard)
    return card


def settle() -> None:
    for _ in range(20):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest.value)
        QCoreApplication.processEvents()


def parts_of(card: QuestionCard) -> list[WrappedText]:
    """The parts that have widgets, from the top."""
    return sorted(
        (each for each in card.findChildren(WrappedText) if each.isVisible()), key=lambda each: each.y()
    )


def is_seen(conversation: ConversationView, words: str) -> bool:
    hand = Hand(conversation)
    return (
        conversation.viewport()
        .rect()
        .contains(conversation.viewport().mapFrom(conversation.window(), hand.point(0, words)))
    )


def test_only_what_is_near_is_laid_out_a_part_at_a_time(conversation: ConversationView) -> None:
    card = show(conversation, QUESTION)
    bar = conversation.verticalScrollBar()
    for value in (bar.maximum(), 0, bar.maximum() // 2, bar.maximum()):
        bar.setValue(value)
        settle()
        shown = parts_of(card)
        assert 0 < len(shown) <= MOST_SHOWN
        assert all(part.document.characterCount() <= PART_CHARACTERS + PART_LINES for part in shown)
        assert all(above.geometry().bottom() + 1 == below.y() for above, below in pairwise(shown))


def test_its_end_is_seen_and_then_its_start(conversation: ConversationView) -> None:
    show(conversation, QUESTION)
    assert is_seen(conversation, LINES[-1])
    assert not is_seen(conversation, LINES[0])
    conversation.verticalScrollBar().setValue(0)
    settle()
    assert is_seen(conversation, LINES[0])


def test_it_is_as_high_as_its_lines(conversation: ConversationView) -> None:
    """Measured heights take the place of estimates as it is scrolled through."""
    card = show(conversation, QUESTION)
    bar = conversation.verticalScrollBar()
    while bar.value() > 0:
        bar.setValue(bar.value() - conversation.viewport().height())
        settle()
    whole = WrappedText(QUESTION)
    whole.setParent(card)
    [(_, shown)] = card.texts
    assert shown.height() == whole.heightForWidth(shown.width())


def test_all_of_it_is_copied_as_it_was_sent(conversation: ConversationView) -> None:
    show(conversation, QUESTION)
    conversation.select_conversation()
    QGuiApplication.clipboard().clear()
    conversation.copy_selection()
    # Written on another thread.
    wait_until(lambda: QGuiApplication.clipboard().text() == QUESTION)


def test_what_is_selected_goes_over_its_parts(conversation: ConversationView) -> None:
    card = show(conversation, QUESTION)
    above, below = parts_of(card)[-2:]
    last, first = above.document.lastBlock().text(), below.document.firstBlock().text()
    at = below.mapTo(conversation.widget(), below.rect().topLeft()).y()
    conversation.verticalScrollBar().setValue(at - conversation.viewport().height() // 2)
    settle()
    hand = Hand(conversation)
    hand.drag(hand.point(0, last), hand.point(0, first, after=True))
    assert hand.copied() == f"{last}\n{first}"


def test_a_line_without_an_end_is_shown_in_parts_too(conversation: ConversationView) -> None:
    card = show(conversation, "0123456789" * 20_000)
    assert 0 < len(parts_of(card)) <= MOST_SHOWN
    conversation.select_conversation()
    conversation.copy_selection()
    wait_until(lambda: QGuiApplication.clipboard().text() == "0123456789" * 20_000)


def test_it_is_struck_through_in_parts_that_come_later(conversation: ConversationView) -> None:
    card = show(conversation, QUESTION)
    conversation.mark_left_out([1])
    conversation.verticalScrollBar().setValue(0)
    settle()
    wait_until(lambda: all(part.document.defaultFont().strikeOut() for part in parts_of(card)))


def test_an_ordinary_question_is_one_text(conversation: ConversationView) -> None:
    card = show(conversation, "Why?")
    assert [part.document.toPlainText() for part in parts_of(card)] == ["Why?"]
