"""A document with the passages that went to the model."""

import pytest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QPlainTextEdit
from pytestqt.qtbot import QtBot

from app.chat.documents.retrieval import Passage
from app.chat.store.records import Attachment
from app.ui.base.theme import Theme
from app.ui.chat.composing.document_dialog import DocumentDialog

PAGE = "Nothing happens on this page.\n" * 60
TEXT = f"# One\n{PAGE}\f# Two\n{PAGE}\f# Three\n{PAGE}"


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    return Theme(qapp, "light", 100)


def passage(heading: str) -> Passage:
    start = TEXT.index(f"# {heading}")
    return Passage(0, start, start + 40)


def test_the_passages_are_listed_by_where_they_stand_and_can_be_gone_to(qtbot: QtBot, theme: Theme) -> None:
    passages = [passage("Three"), passage("One"), passage("Two")]
    dialog = DocumentDialog(theme, Attachment(1, "a.pdf", TEXT), passages, passages[2])
    qtbot.addWidget(dialog)
    dialog.show()
    listed = dialog.findChild(QComboBox)
    assert [listed.itemText(row) for row in range(3)] == [
        "1. page 3 · Three",
        "2. page 1 · One",
        "3. page 2 · Two",
    ]
    assert listed.currentIndex() == 2
    qtbot.waitUntil(lambda: dialog.first_shown == "# Two")
    listed.setCurrentIndex(0)
    listed.activated.emit(0)
    assert dialog.first_shown == "# Three"


def test_the_end_of_a_page_is_no_hidden_character(qtbot: QtBot, theme: Theme) -> None:
    dialog = DocumentDialog(theme, Attachment(1, "a.pdf", TEXT))
    qtbot.addWidget(dialog)
    assert not any("cannot be seen" in made.text() for made in dialog.findChildren(QLabel))
    assert dialog.findChild(QComboBox) is None


def test_a_document_of_one_line_has_lines_that_can_be_laid_out(qtbot: QtBot, theme: Theme) -> None:
    marked = ["The first passage.", "A passage \U0001f600 of emoji.", "The last one."]
    text = (
        f"{'word ' * 100_000}{marked[0]}{'x' * 99_999}{marked[1]}\f{'y' * 1000}\n{' ' * 200_000}{marked[2]}"
    )
    passages = [Passage(0, text.index(words), text.index(words) + len(words)) for words in marked]
    passages.append(Passage(0, 999, 2001))
    dialog = DocumentDialog(theme, Attachment(1, "a\u202etxt", text), passages, passages[1])
    qtbot.addWidget(dialog)
    dialog.show()
    [field] = dialog.findChildren(QPlainTextEdit)
    assert max(map(len, field.toPlainText().split("\n"))) == 1000
    assert field.toPlainText().replace("\n", "") == text.replace("\n", "").replace("\f", "")
    found = [mark.cursor.selectedText().replace("\u2029", "") for mark in field.extraSelections()]
    assert found == [*marked, text[999:2001]]
    assert dialog.windowTitle() == "a·txt"
