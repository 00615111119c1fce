"""A table's widest column in a wide and in a narrow window."""

from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QHeaderView, QTableView
from pytestqt.qtbot import QtBot

from app.ui.widgets.wide_column import WideColumn

MOST_PX = 120


def make_table(qtbot: QtBot, text: str) -> QTableView:
    model = QStandardItemModel(1, 3)
    model.setItem(0, 0, QStandardItem(text))
    model.setItem(0, 1, QStandardItem("1,234.5"))
    model.setItem(0, 2, QStandardItem("1,234.5"))
    table = QTableView()
    table.setModel(model)
    model.setParent(table)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    WideColumn(table, 0, MOST_PX)
    qtbot.addWidget(table)
    table.show()
    return table


def test_takes_the_room_that_is_left(qtbot: QtBot) -> None:
    table = make_table(qtbot, "SmolLM2-135M-Instruct")
    table.resize(900, 200)
    assert table.horizontalHeader().length() == table.viewport().width()
    assert table.columnWidth(0) > MOST_PX


def test_keeps_its_texts_and_scrolls_where_there_is_no_room(qtbot: QtBot) -> None:
    table = make_table(qtbot, "a name that is much longer than there is room for")
    table.resize(160, 200)
    assert table.columnWidth(0) == MOST_PX
    assert table.horizontalScrollBar().maximum() > 0
    table.resize(900, 200)
    assert table.columnWidth(0) > MOST_PX


def test_short_texts_take_no_more_than_they_need(qtbot: QtBot) -> None:
    table = make_table(qtbot, "M")
    table.resize(60, 200)
    assert table.columnWidth(0) < MOST_PX
