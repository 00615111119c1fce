"""The field in the place of a text: many lines come into it some in each turn."""

from itertools import pairwise

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.ui.reply.edit_field import FILLED_LINES, EditField
from app.ui.reply.reply_editor import ReplyEditor
from tests.support.waiting import wait_until

TEXT = "a line\n" * 9000 + "the end"


@pytest.fixture
def field(qtbot: QtBot) -> EditField:
    field = EditField(enter_submits=False)
    qtbot.addWidget(field)
    field.show()
    return field


def test_many_lines_come_some_in_each_turn(field: EditField) -> None:
    counts = [0]
    field.document().blockCountChanged.connect(counts.append)
    field.fill(TEXT)
    field.selectAll()
    wait_until(lambda: not field.is_filling)
    assert len(counts) > 5
    assert max(after - before for before, after in pairwise(counts)) <= FILLED_LINES
    assert len(field.textCursor().selectedText()) == len(TEXT)
    assert field.toPlainText() == TEXT


def test_what_is_typed_meanwhile_comes_into_the_whole_text(qtbot: QtBot, field: EditField) -> None:
    field.fill(TEXT)
    qtbot.keyClick(field, Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClicks(field, " of it")
    assert field.toPlainText() == f"{TEXT} of it"
    field.undo()
    assert field.toPlainText() == TEXT


def test_a_text_that_is_replaced_as_it_comes_leaves_nothing(field: EditField) -> None:
    field.fill(TEXT)
    field.fill("Short.")
    assert not field.is_filling
    assert field.toPlainText() == "Short."
    assert field.isUndoRedoEnabled()


def test_lines_that_come_are_not_taken_for_typed_ones(qtbot: QtBot) -> None:
    editor = ReplyEditor()
    qtbot.addWidget(editor)
    typed: list[str] = []
    editor.typed.connect(typed.append)
    editor.open(TEXT)
    field = editor.findChildren(EditField)[0]
    wait_until(lambda: not field.is_filling)
    assert set(typed) <= {""}
    editor.open(TEXT)
    assert field.toPlainText() == TEXT
    assert set(typed) <= {""}
