"""Finding what a user could see and click."""

from typing import TypeVar

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

Kind = TypeVar("Kind", bound=QWidget)


def all_seen(parent: QWidget, kind: type[Kind], name: str = "") -> list[Kind]:
    """The widgets of this class that are not hidden, with this text, accessible or object name if one is
    given."""
    return [
        each for each in parent.findChildren(kind) if each.isVisibleTo(parent) and name in ("", *_names(each))
    ]


def seen(parent: QWidget, kind: type[Kind], name: str = "") -> Kind:
    """The one of `all_seen`."""
    found = all_seen(parent, kind, name)
    assert len(found) == 1, [_names(each) for each in parent.findChildren(kind)]
    return found[0]


def seen_button(parent: QWidget, text: str) -> QPushButton:
    """The one button with this text or accessible name that is not hidden, or about to be deleted."""
    return seen(parent, QPushButton, text)


def click(widget: QWidget) -> None:
    """Click it with the mouse."""
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def double_click(widget: QWidget) -> None:
    """Click twice, as a quick hand does: the second half goes to what is below the mouse by then."""
    window = widget.window()
    place = QPointF(widget.mapTo(window, widget.rect().center()))
    click(widget)
    # What comes in its place has that then.
    QApplication.processEvents()
    below = window.childAt(place.toPoint())
    assert below is not None
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    inside = QPointF(below.mapFrom(window, place.toPoint()))
    press = QEvent.Type.MouseButtonDblClick
    QApplication.sendEvent(below, QMouseEvent(press, inside, window.mapToGlobal(place), left, left, none))
    QTest.mouseRelease(below, left, none, inside.toPoint())


def seen_words(parent: QWidget) -> str:
    """Return what the labels say, one a line."""
    return "\n".join(label.text() for label in all_seen(parent, QLabel))


def _names(widget: QWidget) -> tuple[str, ...]:
    text = widget.text() if isinstance(widget, QAbstractButton) else ""
    return tuple(name for name in (text, widget.accessibleName(), widget.objectName()) if name)


def shown_together(qtbot: QtBot, *widgets: QWidget) -> QWidget:
    """Show widgets below each other in an active window; give that."""
    page = QWidget()
    qtbot.addWidget(page)
    column = QVBoxLayout(page)
    for widget in widgets:
        column.addWidget(widget)
    with qtbot.waitActive(page):
        page.show()
        page.activateWindow()
    return page
