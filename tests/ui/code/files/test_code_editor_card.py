"""One open file in the Code tab, and the line below it."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.code.languages import language_of_file
from app.ui.base.bridge import Bridge
from app.ui.base.theme import Theme
from app.ui.code.files.code_editor_card import CodeEditorCard
from tests.support.widgets import seen_words


def test_no_place_of_the_text_is_told_while_changes_are_seen_instead(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path
) -> None:
    errors: list[BaseException] = []
    card = CodeEditorCard(Bridge(errors.append), Theme(qapp, "light"), tmp_path / "draft")
    qtbot.addWidget(card)
    card.resize(900, 500)
    card.show()
    card.editor.setReadOnly(False)
    card.editor.load_text("a = 1\nb = 2\nc = 3\n", language_of_file("a.py"))
    card.editor.go_to(2)
    assert "Line 2, column 1" in seen_words(card)
    assert card.propose("a = 1\nb = 2\nc = 4\n")
    assert "Line" not in seen_words(card)
    # The text's own cursor may move meanwhile; it is back with the text.
    card.editor.go_to(3)
    assert "Line" not in seen_words(card)
    qtbot.keyClick(card.proposal_view, Qt.Key.Key_R)
    assert not card.proposing
    assert "Line 3, column 1" in seen_words(card)
    card.close_card()
    assert not errors
