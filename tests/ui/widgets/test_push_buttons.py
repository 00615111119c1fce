"""Push buttons outside dialogs: Return presses them, as Space does; the Tab key in rows of them."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.ui.widgets.card import button
from app.ui.widgets.elided_button import ElidedButton
from app.ui.widgets.push_buttons import ButtonRow


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space])
@pytest.mark.parametrize(
    "make", [lambda: button("Run"), lambda: button("Run", "choice"), lambda: ElidedButton("Run")]
)
def test_a_key_presses_the_button_that_has_the_keyboard(
    qtbot: QtBot, make: Callable[[], QPushButton], key: Qt.Key
) -> None:
    page = QWidget()
    qtbot.addWidget(page)
    first, second = button("Other"), make()
    row = QVBoxLayout(page)
    row.addWidget(first)
    row.addWidget(second)
    pressed: list[str] = []
    first.clicked.connect(lambda: pressed.append("Other"))
    second.clicked.connect(lambda: pressed.append("Run"))
    page.show()
    second.setFocus()
    QTest.keyClick(second, key)
    assert pressed == ["Run"]


def test_the_tab_key_comes_to_the_chosen_button_of_a_row(qtbot: QtBot) -> None:
    page = QWidget()
    qtbot.addWidget(page)
    layout, row = QVBoxLayout(page), ButtonRow(page)
    buttons = [button(word, "tab") for word in ("one", "two", "three")]
    for number, each in enumerate(buttons):
        each.setCheckable(True)
        row.addButton(each, number)
        layout.addWidget(each)

    def stops() -> list[str]:
        return [each.text() for each in buttons if each.focusPolicy() & Qt.FocusPolicy.TabFocus]

    assert stops() == ["one", "two", "three"]
    buttons[1].setChecked(True)
    assert stops() == ["two"]
    page.show()
    page.activateWindow()
    buttons[1].setFocus()
    qtbot.waitUntil(buttons[1].hasFocus)
    QTest.keyClick(buttons[1], Qt.Key.Key_Down)
    assert stops() == ["three"]
    assert page.focusWidget() is buttons[2]
