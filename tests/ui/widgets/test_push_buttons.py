"""Push buttons outside dialogs: Return presses them, as Space does."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.ui.widgets.card import button
from app.ui.widgets.elided_button import ElidedButton


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
