"""Widgets that are made late come to the Tab key and to a screen reader in their places."""

import pytest
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.ui.reply.child_order import keep_order, put_before


class Pane(QWidget):
    """Two buttons, named after it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        for number in (1, 2):
            column.addWidget(QPushButton(f"{name}{number}"))


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    window = QWidget()
    qtbot.addWidget(window)
    QVBoxLayout(window).addWidget(QPushButton("first"))
    return window


def column(window: QWidget) -> QVBoxLayout:
    found = window.layout()
    assert isinstance(found, QVBoxLayout)
    return found


def tab_order(window: QWidget) -> list[str]:
    """List what the Tab key comes to from the window's first button on."""
    found: list[str] = []
    at = window.nextInFocusChain()
    while at is not None and at is not window:
        if isinstance(at, QPushButton):
            found.append(at.text())
        at = at.nextInFocusChain()
    start = found.index("first")
    return found[start:] + found[:start]


def test_one_that_is_put_before_another_comes_before_it(window: QWidget) -> None:
    late, early = Pane("b"), Pane("a")
    column(window).addWidget(late)
    column(window).addWidget(early)
    assert tab_order(window) == ["first", "b1", "b2", "a1", "a2"]
    put_before(early, late)
    assert tab_order(window) == ["first", "a1", "a2", "b1", "b2"]
    children = [child for child in window.children() if isinstance(child, Pane)]
    assert children == [early, late]


def test_what_is_made_inside_of_one_comes_there(window: QWidget) -> None:
    before, behind = Pane("a"), Pane("b")
    column(window).addWidget(before)
    column(window).addWidget(behind)
    new = QPushButton("a3")
    column(before).addWidget(new)
    assert tab_order(window)[-1] == "a3"
    keep_order(new)
    assert tab_order(window) == ["first", "a1", "a2", "a3", "b1", "b2"]
    keep_order(new)
    assert tab_order(window) == ["first", "a1", "a2", "a3", "b1", "b2"]


def test_the_last_one_stays_the_last(window: QWidget) -> None:
    only = Pane("a")
    column(window).addWidget(only)
    keep_order(only)
    assert tab_order(window) == ["first", "a1", "a2"]
