"""Let a small dialog have what is typed for it before it has the keyboard."""

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QDialog, QWidget


class EarlyKeys(QObject):
    """Types into `field` what comes to the window behind `dialog` while that is shown, and closes it when
    somebody clicks there. GUI thread.

    Whoever knows a dialog types before the window manager has given it the keyboard, and in some desktops
    the mouse decides who has it. Qt drops the keys of a window behind a modal dialog: this one is not modal.
    """

    def __init__(self, dialog: QDialog, field: QWidget) -> None:
        """Made before the dialog is shown, which is to be done by `show`."""
        super().__init__(dialog)
        self._dialog = dialog
        self._field = field
        parent = dialog.parentWidget()
        self._behind = parent.window().windowHandle() if parent is not None else None
        if self._behind is not None:
            self._behind.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Look at what comes to the window behind."""
        if not self._dialog.isVisible():
            return False
        if isinstance(event, QKeyEvent):
            event.accept()
            # A shortcut of the window would come first.
            if event.type() != QEvent.Type.ShortcutOverride:
                QApplication.sendEvent(self._field, event.clone())
            return True
        if event.type() == QEvent.Type.MouseButtonPress:
            self._dialog.reject()
            return True
        return False
