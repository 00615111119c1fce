"""Buttons that take each other's place at a click: a double click presses one of them, once."""

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QAbstractButton


class SingleClicks(QObject):
    """Keeps the second half of a double click from the buttons, one of which has just come below the mouse.
    GUI thread."""

    def __init__(self, *buttons: QAbstractButton) -> None:
        """It belongs to the first one."""
        super().__init__(buttons[0])
        for each in buttons:
            each.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Swallow a second press that comes as quickly as that of a double click."""
        return event.type() == QEvent.Type.MouseButtonDblClick
