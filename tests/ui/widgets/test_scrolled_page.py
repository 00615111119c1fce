"""Where the keyboard is, in an area without a caret, and what is brought into sight."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QApplication, QFrame, QPushButton, QScrollArea, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.settings import Theme as ThemeChoice
from app.ui.base.theme import Theme
from app.ui.chat.conversation.conversation_view import ConversationView
from app.ui.code.changes.code_proposal_view import CodeProposalView
from app.ui.code.conversation.code_history import CodeHistory
from app.ui.code.running.code_output import CodeOutput
from app.ui.shell.commands.shortcut_sheet import ShortcutSheet
from app.ui.widgets.card import button
from app.ui.widgets.scrolled_page import ScrolledPage, follow_rows, scroll_to
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


@pytest.fixture
def host(qtbot: QtBot) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    return made


def scrolled(qtbot: QtBot, host: QWidget, *parts: QWidget) -> QScrollArea:
    """An area of 300 pixels in `host` that shows these, one below the other."""
    area = QScrollArea(host)
    area.setFrameShape(QFrame.Shape.NoFrame)
    page = ScrolledPage(area.viewport())
    area.setWidget(page)
    column = QVBoxLayout(page)
    for part in parts:
        column.addWidget(part)
    area.setWidgetResizable(True)
    area.resize(400, 300)
    host.resize(area.size())
    with qtbot.waitActive(host):
        host.show()
        host.activateWindow()
    return area


def part(height_px: int) -> QWidget:
    made = QFrame()
    made.setFixedHeight(height_px)
    return made


@pytest.mark.parametrize("height_px", [120, 900])
def test_a_part_that_has_come_is_seen_whole_or_from_its_beginning(
    qtbot: QtBot, host: QWidget, height_px: int
) -> None:
    came = part(height_px)
    came.hide()
    area = scrolled(qtbot, host, part(290), came, part(1000))
    came.show()
    scroll_to(area, came)

    def top() -> int:
        return came.mapTo(area.viewport(), QPoint(0, 0)).y()

    qtbot.waitUntil(lambda: top() >= 0 and top() + min(height_px, 280) <= 300)
    before = area.verticalScrollBar().value()
    scroll_to(area, came)
    qtbot.wait(0)
    assert area.verticalScrollBar().value() == before


def test_what_is_seen_stays_where_it_is_while_parts_above_it_change(qtbot: QtBot, host: QWidget) -> None:
    above, came, read, below = part(200), part(90), part(500), part(400)
    came.hide()
    area = scrolled(qtbot, host, above, came, read, below)
    bar = area.verticalScrollBar()

    def top() -> int:
        return read.mapTo(area.viewport(), QPoint(0, 0)).y()

    # At the top, what comes there is seen.
    came.show()
    qtbot.wait(0)
    assert bar.value() == 0
    came.hide()
    qtbot.waitUntil(lambda: top() < 290)
    bar.setValue(read.y() + 40)
    for change in (
        came.show,
        lambda: above.setFixedHeight(20),
        came.hide,
        lambda: below.setFixedHeight(900),
        lambda: area.resize(350, 280),
        lambda: above.setFixedHeight(700),
    ):
        place, heights = read.y(), bar.maximum()
        change()
        qtbot.waitUntil(lambda place=place, heights=heights: (read.y(), bar.maximum()) != (place, heights))
        qtbot.waitUntil(lambda: top() == -40)
    # Where it ends before that, it is there again once there is room.
    bar.setValue(bar.maximum() - 10)
    before = top()
    below.setFixedHeight(300)
    qtbot.waitUntil(lambda: top() != before)
    below.setFixedHeight(900)
    qtbot.waitUntil(lambda: top() == before)
    # What it was held at has gone: the page goes nowhere.
    read.hide()
    qtbot.waitUntil(lambda: below.mapTo(area.viewport(), QPoint(0, 0)).y() <= 280)
    read.deleteLater()
    above.setFixedHeight(100)
    qtbot.wait(0)


def test_the_second_half_of_a_double_click_presses_nothing_that_has_come_below_the_mouse(
    qtbot: QtBot, qapp: QApplication, host: QWidget
) -> None:
    usual_ms = qapp.doubleClickInterval()
    qapp.setDoubleClickInterval(60_000)
    above, below = [QPushButton("Another") for _ in range(8)], QPushButton("Get")
    area = scrolled(qtbot, host, *above, part(600), below)
    area.verticalScrollBar().setValue(area.verticalScrollBar().maximum())
    pressed: list[str] = []
    for each in above:
        each.clicked.connect(lambda: pressed.append("another"))
    below.clicked.connect(lambda: scroll_to(area, above[0]))
    place = below.mapTo(area.viewport(), below.rect().center())
    try:
        below.click()
        qtbot.waitUntil(lambda: area.verticalScrollBar().value() < 20)
        for y in range(4, 296, 8):
            hit = area.viewport().childAt(place.x(), y)
            assert hit not in above
        assert pressed == []
        area.verticalScrollBar().setValue(area.verticalScrollBar().maximum())
    finally:
        qapp.setDoubleClickInterval(usual_ms)


def test_the_page_follows_the_row_that_the_keyboard_comes_to(qtbot: QtBot, host: QWidget) -> None:
    model = QStandardItemModel(30, 1)
    for row in range(30):
        model.setItem(row, 0, QStandardItem(f"row {row}"))
    view = MeasuredTable()
    view.setModel(model)
    view.setFixedHeight(40 * 31)
    follow_rows(view)
    area = scrolled(qtbot, host, part(200), view)
    view.setFocus()
    for _ in range(20):
        qtbot.keyClick(view, Qt.Key.Key_Down)
    row = view.visualRect(view.currentIndex())
    y = view.viewport().mapTo(area.viewport(), row.center()).y()
    assert y - row.height() // 2 >= 0
    assert y + row.height() // 2 <= area.viewport().height()
    model.deleteLater()
