"""Files that are dragged onto a widget."""

from collections.abc import Callable

from PySide6.QtCore import QMimeData, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QWidget


def drag_onto(widget: QWidget, what: QMimeData, meanwhile: Callable[[], bool] = lambda: True) -> bool:
    """Drag something onto the middle of a widget and, where it is taken, let it go; whether it was taken.
    `meanwhile` must hold while it lies over it."""
    middle = QPointF(widget.rect().center())
    buttons, keys, copy = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.DropAction.CopyAction
    entered = QDragEnterEvent(middle.toPoint(), copy, what, buttons, keys)
    entered.ignore()
    QApplication.sendEvent(widget, entered)
    if entered.isAccepted():
        assert meanwhile()
        QApplication.sendEvent(widget, QDropEvent(middle, copy, what, buttons, keys))
    return entered.isAccepted()
