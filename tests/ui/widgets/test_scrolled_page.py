"""Where the keyboard is, in an area without a caret."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from app.settings import Theme as ThemeChoice
from app.ui.base.theme import Theme
from app.ui.chat.conversation.conversation_view import ConversationView
from app.ui.code.changes.code_proposal_view import CodeProposalView
from app.ui.code.conversation.code_history import CodeHistory
from app.ui.code.running.code_output import CodeOutput
from app.ui.shell.shortcut_sheet import ShortcutSheet
from app.ui.widgets.card import button
from app.ui.widgets.wide_column import MeasuredTable
from tests.support.widgets import shown_together

AREAS: dict[str, Callable[[Theme, QWidget], QWidget]] = {
    "conversation": ConversationView,
    "questions about code": lambda theme, page: CodeHistory(page),
    "output of a program": CodeOutput,
    "proposed changes": CodeProposalView,
    "list of shortcuts": lambda theme, page: ShortcutSheet([], page).findChildren(QScrollArea)[0],
    "table without a row": lambda theme, page: MeasuredTable(page),
}


@pytest.mark.parametrize("scheme", ["light", "dark", "dark-contrast"])
@pytest.mark.parametrize("kind", AREAS)
def test_a_ring_shows_that_the_tab_key_has_come_and_none_that_the_mouse_has(
    qtbot: QtBot, qapp: QApplication, kind: str, scheme: ThemeChoice
) -> None:
    theme = Theme(qapp, scheme)
    host = QWidget()
    qtbot.addWidget(host)
    other, area = button("Other"), AREAS[kind](theme, host)
    page = shown_together(qtbot, other, area)
    page.resize(500, 400)

    def is_ringed() -> bool:
        image, middle = area.grab().toImage(), area.height() // 2
        return image.pixelColor(1, middle) == theme.colour("accent")

    other.setFocus()
    assert not is_ringed()
    qtbot.keyClick(other, Qt.Key.Key_Tab)
    assert area.hasFocus()
    assert is_ringed()
    page.resize(520, 440)
    assert is_ringed()
    other.setFocus()
    assert not is_ringed()
    area.setFocus(Qt.FocusReason.MouseFocusReason)
    assert not is_ringed()
    # The window was left, and is there again.
    other.setFocus()
    area.setFocus(Qt.FocusReason.TabFocusReason)
    left_for = QWidget()
    qtbot.addWidget(left_for)
    with qtbot.waitActive(left_for):
        left_for.show()
        left_for.activateWindow()
    assert not is_ringed()
    with qtbot.waitActive(page):
        page.activateWindow()
    assert area.hasFocus()
    assert is_ringed()
    theme.deleteLater()
