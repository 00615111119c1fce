"""The list of what was found: drawn, not made of widgets, and laid out in parts."""

from itertools import pairwise

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextDocument
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QListWidget, QWidget
from pytestqt.qtbot import QtBot

from app.chat.store.search import MOST_HITS, SearchHit
from app.ui.base.theme import Theme
from app.ui.chat.list import chat_search_results
from app.ui.chat.list.chat_list import ChatList
from app.ui.chat.list.chat_search_results import AT_ONCE, ChatSearchResults
from tests.support.waiting import wait_until

WORDS = (("What is said of the ", False), ("river", True), (" and of the boats on it. " * 4, False))


def hits(count: int) -> list[SearchHit]:
    return [
        SearchHit(1, number, f"Chat {number}", "user", in_thinking=False, excerpt=WORDS, created_at=0.0)
        for number in range(count)
    ]


@pytest.fixture
def results(qapp: QApplication) -> ChatSearchResults:
    made = ChatSearchResults(Theme(qapp, "light"), 204)
    made.resize(204, 600)
    made.show()
    return made


def test_many_hits_take_no_widgets(results: ChatSearchResults) -> None:
    before = len(results.findChildren(QWidget))
    results.show_hits(hits(MOST_HITS))
    assert len(results.findChildren(QWidget)) == before


def test_many_hits_are_laid_out_in_parts(
    results: ChatSearchResults, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[QTextDocument] = []

    class Counted(QTextDocument):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    monkeypatch.setattr(chat_search_results, "QTextDocument", Counted)
    results.show_hits(hits(MOST_HITS))
    results.repaint()
    assert 0 < len(made) <= AT_ONCE
    while len(made) < MOST_HITS:
        before = len(made)
        qapp.processEvents()
        assert len(made) - before <= 2 * AT_ONCE
    found = results.findChild(QListWidget)
    assert found is not None
    # Each below the one before, as high as its lines.
    rects = [found.visualItemRect(found.item(row)) for row in range(MOST_HITS)]
    assert all(rect.height() > 40 for rect in rects)
    assert all(first.bottom() + 1 == second.top() for first, second in pairwise(rects))


def test_a_hit_is_chosen_by_keys(results: ChatSearchResults) -> None:
    chosen: list[SearchHit] = []
    results.hit_chosen.connect(chosen.append)
    shown = hits(30)
    results.show_hits(shown)
    results.focus_first()
    found = results.findChild(QListWidget)
    assert found is not None
    QTest.keyClick(found, Qt.Key.Key_Down)
    QTest.keyClick(found, Qt.Key.Key_Return)
    assert chosen == [shown[1]]


def test_keys_lead_out_of_the_hits_to_the_words_that_are_searched_for(qtbot: QtBot, theme: Theme) -> None:
    chats = ChatList(theme)
    qtbot.addWidget(chats)
    chats.show()
    chats.activateWindow()
    wait_until(chats.isActiveWindow)
    chats.begin_search()
    chats.search.setText("lamp")
    chats.results.show_hits(hits(3))
    found = chats.results.findChild(QListWidget)
    assert found is not None
    for key in (Qt.Key.Key_Escape, Qt.Key.Key_Up):
        QTest.keyClick(chats.search, Qt.Key.Key_Down)
        assert found.hasFocus()
        QTest.keyClick(found, key)
        assert chats.search.hasFocus()
        assert chats.search.selectedText() == "lamp"
