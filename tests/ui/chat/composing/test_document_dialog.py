"""A document with the passages that went to the model."""

import pytest
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QPlainTextEdit
from pytestqt.qtbot import QtBot

from app.chat.documents.retrieval import Passage
from app.chat.store.records import Attachment
from app.ui.base.theme import Theme
from app.ui.chat.composing.document_dialog import MOST_LINES, STEP_LINES, DocumentDialog

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
    dialog.show()
    qtbot.waitUntil(lambda: dialog.is_filled)
    assert not any(
        "cannot be seen" in made.text() for made in dialog.findChildren(QLabel) if made.isVisible()
    )


def test_it_says_that_it_holds_hidden_characters(qtbot: QtBot, theme: Theme) -> None:
    dialog = DocumentDialog(theme, Attachment(1, "a.txt", f"{TEXT * 200}\u202e"))
    qtbot.addWidget(dialog)
    dialog.show()
    [said] = [made for made in dialog.findChildren(QLabel) if "cannot be seen" in made.text()]
    qtbot.waitUntil(said.isVisible)


def test_a_document_without_passages_has_no_list_of_them(qtbot: QtBot, theme: Theme) -> None:
    dialog = DocumentDialog(theme, Attachment(1, "a.pdf", TEXT))
    qtbot.addWidget(dialog)
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
    qtbot.waitUntil(lambda: dialog.is_filled)
    assert max(map(len, field.toPlainText().split("\n"))) == 1000
    assert field.toPlainText().replace("\n", "") == text.replace("\n", "").replace("\f", "")
    found = [mark.cursor.selectedText().replace("\u2029", "") for mark in field.extraSelections()]
    assert found == [*marked, text[999:2001]]
    assert dialog.windowTitle() == "a·txt"


def test_a_document_of_many_lines_is_shown_in_part_around_a_place(
    qtbot: QtBot, theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step brings a few lines, and no more come than the window can go through at once."""
    taken: list[int] = []
    insert = QTextCursor.insertText

    def counted(cursor: QTextCursor, text: str) -> None:
        taken.append(text.count("\n"))
        insert(cursor, text)

    monkeypatch.setattr(QTextCursor, "insertText", counted)
    text = "\n" * 1_000_000
    text = f"The first.{text[:600_000]}The place.{text[:400_000]}The last."
    places = [Passage(0, at, at + 9) for at in (text.index("The place"), 0, text.index("The last"))]
    dialog = DocumentDialog(theme, Attachment(1, "a.txt", text), places, places[0])
    qtbot.addWidget(dialog)
    dialog.show()
    [field] = dialog.findChildren(QPlainTextEdit)
    for row, (shown, first) in enumerate(
        [("The place.", 580_001), ("The first.", 1), ("The last.", 980_001)]
    ):
        if row:
            dialog.findChild(QComboBox).activated.emit(row)
        qtbot.waitUntil(lambda: dialog.is_filled, timeout=60_000)
        assert field.textCursor().block().text() == shown
        assert [mark.cursor.selectedText() for mark in field.extraSelections()] == [shown[:9]]
        assert field.blockCount() <= MOST_LINES + 1
        [part] = [made.text() for made in dialog.findChildren(QLabel) if "too long" in made.text()]
        assert f"line {first} to" in part
        assert part.endswith("of 1000001.")
    assert max(taken) <= STEP_LINES
