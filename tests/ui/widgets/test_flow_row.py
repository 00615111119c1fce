import pytest
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.ui.widgets.flow_row import SPACING_PX, FlowRow


@pytest.fixture
def row(qtbot: QtBot) -> QWidget:
    row = QWidget()
    qtbot.addWidget(row)
    layout = FlowRow(row)
    for number in range(4):
        made = QPushButton(str(number))
        made.setFixedSize(100, 20)
        layout.add(made)
    row.show()
    return row


def places(row: QWidget) -> list[QRect]:
    return [made.geometry() for made in row.findChildren(QPushButton) if made.isVisible()]


def test_what_has_no_room_goes_into_the_next_line(row: QWidget) -> None:
    row.resize(2 * 100 + SPACING_PX, 100)

    assert [(place.left(), place.top()) for place in places(row)] == [
        (0, 0),
        (108, 0),
        (0, 28),
        (108, 28),
    ]
    layout = row.layout()
    assert layout is not None
    assert layout.heightForWidth(208) == 48
    assert layout.heightForWidth(1000) == 20
    assert layout.minimumSize().width() == 100


def test_what_is_hidden_takes_no_room(row: QWidget) -> None:
    row.resize(208, 100)
    row.findChildren(QPushButton)[0].hide()
    layout = row.layout()
    assert layout is not None
    layout.activate()

    assert [(place.left(), place.top()) for place in places(row)] == [(0, 0), (108, 0), (0, 28)]


def test_one_with_a_stretch_takes_what_is_left_of_its_line(qtbot: QtBot) -> None:
    row = QWidget()
    qtbot.addWidget(row)
    layout = FlowRow(row)
    field, made = QPushButton("field"), QPushButton("button")
    made.setFixedWidth(100)
    layout.add(field, stretch=True)
    layout.add(made)
    row.resize(400, 60)
    row.show()

    assert field.geometry().right() + 1 + SPACING_PX == made.geometry().left()
    assert made.geometry().right() == 399
