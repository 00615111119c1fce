"""Keys that decide changes, pressed once more than there are changes."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.code.languages import language_of_file
from app.ui.base.bridge import Bridge
from app.ui.base.theme import Theme
from app.ui.code.changes.code_proposal_view import AGAIN_MS
from app.ui.code.files.code_editor_card import CodeEditorCard

BEFORE, AFTER = "a = 1\nb = 2\n\n\n\n\nc = 3\n", "a = 2\nb = 2\n\n\n\n\nc = 4\n"


@pytest.fixture
def card(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> Iterator[CodeEditorCard]:
    """A text with two changes that wait."""
    errors: list[BaseException] = []
    card = CodeEditorCard(Bridge(errors.append), Theme(qapp, "light"), tmp_path / "draft")
    qtbot.addWidget(card)
    card.show()
    # As once the last text is back, which is none here.
    card.editor.setReadOnly(False)
    card.editor.load_text(BEFORE, language_of_file("a.py"))
    assert card.propose(AFTER)
    yield card
    card.close_card()
    assert not errors


def press(widget: QWidget, at_ms: int) -> None:
    """Press A at a time of the desktop."""
    key = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_A, Qt.KeyboardModifier.NoModifier, "a")
    key.setTimestamp(at_ms)
    QApplication.sendEvent(widget, key)


def test_a_decision_more_than_there_are_changes_writes_nothing(card: CodeEditorCard, qtbot: QtBot) -> None:
    for _ in range(2):
        assert card.proposing
        qtbot.keyClick(card.proposal_view, Qt.Key.Key_A)
    assert not card.proposing
    card.editor.selectAll()
    for key in (Qt.Key.Key_A, Qt.Key.Key_R, Qt.Key.Key_N, Qt.Key.Key_Return, Qt.Key.Key_Delete):
        qtbot.keyClick(card.editor, key)
    qtbot.keyClick(card.editor, Qt.Key.Key_A, Qt.KeyboardModifier.ShiftModifier)
    assert card.editor.text() == AFTER
    # Whoever writes something else is at the text.
    for letter in "band":
        qtbot.keyClick(card.editor, letter)
    assert card.editor.text() == "band"


@pytest.mark.parametrize("by_key", [True, False])
def test_a_key_that_comes_later_is_written(card: CodeEditorCard, by_key: bool) -> None:
    decide = partial(press, card.proposal_view, 500) if by_key else card.proposal_view.accept
    for _ in range(2):
        decide()
    assert card.editor.text() == AFTER
    card.editor.selectAll()
    press(card.editor, 500 + AGAIN_MS if by_key else 500)
    assert card.editor.text() == "a"
