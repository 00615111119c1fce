"""Fields that take no line too long to be laid out, where a text is pasted and where one is to be changed."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import QMimeData
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QToolTip
from pytestqt.qtbot import QtBot

from app.code.languages import PLAIN_TEXT
from app.code.text_file import LONGEST_LINE as LONGEST_IN_CODE
from app.ui.base.theme import Theme
from app.ui.chat.conversation.question_card import QuestionCard
from app.ui.code.editor.code_editor import CodeEditor
from app.ui.reply.edit_field import EditField
from app.ui.reply.reply_view import ReplyView
from app.ui.widgets.text_field import LONGEST_LINE, TextField


@pytest.mark.parametrize(
    ("make", "longest"),
    [
        (lambda _theme: TextField(), LONGEST_LINE),
        (lambda _theme: EditField(), LONGEST_LINE),
        (CodeEditor, LONGEST_IN_CODE),
    ],
    ids=["field", "in place", "code"],
)
def test_a_line_that_would_stop_the_window_is_not_pasted(
    qtbot: QtBot, qapp: QApplication, make: Callable[[Theme], TextField], longest: int
) -> None:
    field = make(Theme(qapp, "light"))
    qtbot.addWidget(field)
    field.show()
    if isinstance(field, CodeEditor):
        field.load_text("", PLAIN_TEXT)
    paste(field, "x" * 1_000_000)
    assert field.toPlainText() == ""
    assert f"A line of more than {longest:,} characters" in QToolTip.text()
    paste(field, "x" * longest)
    assert field.toPlainText() == "x" * longest
    paste(field, "y\nend")
    assert field.toPlainText() == "x" * longest
    paste(field, "\nend")
    assert field.toPlainText() == "x" * longest + "\nend"


def test_a_message_with_such_a_line_is_shown_and_not_opened_for_changes(
    qtbot: QtBot, qapp: QApplication
) -> None:
    theme = Theme(qapp, "light")
    text = "An imported one.\n\n" + "x " * LONGEST_LINE
    card = QuestionCard(theme, text, None)
    reply = ReplyView(theme)
    for widget in (card, reply):
        qtbot.addWidget(widget)
        widget.show()
    reply.show_kept(text, "", "stop", None)
    card.start_editing()
    assert not card.is_editing
    reply.start_editing()
    assert not reply.editor.is_open
    assert "too long to be edited here" in QToolTip.text()
    card.start_editing("shorter")
    assert card.is_editing


def paste(field: QPlainTextEdit, text: str) -> None:
    """Put a text in as the clipboard's is."""
    field.insertFromMimeData(mime(text))


def mime(text: str) -> QMimeData:
    data = QMimeData()
    data.setText(text)
    return data


def test_what_is_pasted_takes_the_place_of_what_is_selected_and_is_one_step_back(qapp: QApplication) -> None:
    field = TextField("one two three")
    place = field.textCursor()
    place.setPosition(4)
    place.setPosition(7, QTextCursor.MoveMode.KeepAnchor)
    field.setTextCursor(place)
    field.insertFromMimeData(mime(""))
    assert field.textCursor().selectedText() == "two"
    pasted = "\n".join(f"line {number}" for number in range(1000))
    field.insertFromMimeData(mime(pasted))
    assert field.toPlainText() == f"one {pasted} three"
    assert field.textCursor().position() == 4 + len(pasted)
    field.undo()
    assert field.toPlainText() == "one two three"
    field.redo()
    assert field.toPlainText() == f"one {pasted} three"


def test_nothing_is_pasted_into_what_is_for_reading_only(qapp: QApplication) -> None:
    field = TextField("one")
    field.setReadOnly(True)
    field.insertFromMimeData(mime("two"))
    assert field.toPlainText() == "one"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2029"])
def test_all_ends_of_lines_are_taken(qapp: QApplication, end: str) -> None:
    field = TextField()
    half = "\N{GRINNING FACE}" * (LONGEST_LINE // 4)
    field.insertFromMimeData(mime(end.join([half, half, half])))
    assert field.toPlainText() == f"{half}\n{half}\n{half}"
    field.insertFromMimeData(mime("a" * (LONGEST_LINE // 2 + 1)))
    assert field.toPlainText() == f"{half}\n{half}\n{half}"
