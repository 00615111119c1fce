"""Buttons of a narrow row drop their words, and say them again when there is room."""

from PySide6.QtCore import QPoint
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.ui.widgets.collapsing_buttons import CollapsingButtons
from tests.support.waiting import wait_until


def test_words_go_with_their_room_and_come_back_with_it(qtbot: QtBot) -> None:
    row = QWidget()
    qtbot.addWidget(row)
    buttons = [QPushButton(QIcon(QPixmap(16, 16)), words) for words in ("Chat", "A very long title of a tab")]
    layout = QHBoxLayout(row)
    for button in buttons:
        layout.addWidget(button)
    CollapsingButtons(row, buttons)
    row.show()
    whole_px = layout.minimumSize().width()
    row.resize(whole_px + 10, 40)
    wait_until(lambda: buttons[1].text() == "A very long title of a tab")

    row.setMinimumWidth(1)
    row.resize(whole_px // 2, 40)
    wait_until(lambda: [button.text() for button in buttons] == ["", ""])
    assert [button.accessibleName() for button in buttons] == ["Chat", "A very long title of a tab"]
    assert buttons[1].toolTip() == "A very long title of a tab"
    last = buttons[1].mapTo(row, QPoint(buttons[1].width(), 0))
    assert last.x() <= row.width()

    row.resize(whole_px + 10, 40)
    wait_until(lambda: buttons[1].text() == "A very long title of a tab")
