"""Whatever shows what is chosen of a list: one look."""

from collections.abc import Callable

import pytest
from PySide6.QtWidgets import QApplication, QComboBox, QMenu, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.ui.base.theme import Theme
from app.ui.widgets.elided_button import ElidedButton
from app.ui.widgets.push_buttons import MenuButton

WORD = "HHH"


def combo_box() -> QWidget:
    made = QComboBox()
    made.addItem(WORD)
    return made


def button(made: QPushButton) -> QWidget:
    made.setProperty("kind", "choice")
    made.setMenu(QMenu(made))
    if not made.text():
        made.setText(WORD)
    return made


def first_drawn(qtbot: QtBot, made: QWidget) -> int:
    """The column where the words begin, inside the frame."""
    qtbot.addWidget(made)
    made.setFixedSize(200, 34)
    made.show()
    drawn = made.grab().toImage()
    ground = drawn.pixelColor(3, 17)
    return next(x for x in range(3, 160) if any(drawn.pixelColor(x, y) != ground for y in range(10, 24)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: button(MenuButton()),
        lambda: button(ElidedButton(WORD, kind="choice")),
    ],
    ids=["menu button", "elided button"],
)
def test_words_begin_where_those_of_a_combo_box_begin(
    qtbot: QtBot, qapp: QApplication, make: Callable[[], QWidget]
) -> None:
    theme = Theme(qapp, "light")
    places = [first_drawn(qtbot, each()) for each in (combo_box, make)]
    assert theme.choice == "light"
    assert abs(places[0] - places[1]) <= 2, places
