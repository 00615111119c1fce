"""The Chat tab as somebody sees it who changes messages and searches."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QListWidget, QPlainTextEdit, QPushButton

from app.ui.chat.chat_tab import ChatTab
from app.ui.chat.conversation.question_card import QuestionCard
from tests.support.widgets import click, seen


class ChatPage:
    """Questions are counted from 0, with the replies between them."""

    def __init__(self, tab: ChatTab) -> None:
        self._tab = tab

    def question(self, number: int) -> QuestionCard:
        card = self._tab.conversation.messages()[number]
        assert isinstance(card, QuestionCard)
        return card

    def words_of(self, number: int) -> QPlainTextEdit:
        """The field of a question that is being changed."""
        return seen(self.question(number), QPlainTextEdit, "Your message")

    def ask_in_other_words(self, number: int, words: str) -> None:
        click(seen(self.question(number), QPushButton, "Edit the message and ask again"))
        field = self.words_of(number)
        QTest.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        QTest.keyClicks(field, words)
        QTest.keyClick(field, Qt.Key.Key_Return)

    def show_earlier_version(self, number: int) -> None:
        click(seen(self.question(number), QPushButton, "Earlier version"))

    def show_later_version(self, number: int) -> None:
        click(seen(self.question(number), QPushButton, "Later version"))

    def hits(self) -> list[str]:
        """Return what was found, as a screen reader says it."""
        found = self._results
        return [str(found.item(row).data(Qt.ItemDataRole.AccessibleTextRole)) for row in range(found.count())]

    def go_to_first_hit(self) -> None:
        """From the search field, by the keyboard."""
        QTest.keyClick(self._tab.chats.search, Qt.Key.Key_Down)
        QTest.keyClick(self._results, Qt.Key.Key_Return)

    def click_hit(self, row: int) -> None:
        found = self._results
        place = found.visualItemRect(found.item(row)).center()
        QTest.mouseClick(found.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)

    @property
    def _results(self) -> QListWidget:
        return seen(self._tab.chats, QListWidget, "Search results")
