"""Let a small dialog, or a page that is still made, have what is typed for it before it has the keyboard."""

import shiboken6
from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QGuiApplication, QInputMethodEvent, QKeyEvent, QWindow
from PySide6.QtWidgets import QApplication, QDialog, QWidget


class EarlyInput(QObject):
    """Holds what an input method writes into a window while the page is made that it is meant for. Qt gives
    it to the widget that has the keyboard, past the window, through which keys come. GUI thread.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._handle: QWindow | None = None
        self._watched: list[QObject] = []
        self._held: list[QInputMethodEvent] = []

    def hold(self) -> None:
        """Hold it from now on."""
        handle = self._window.windowHandle()
        if self._handle is None and handle is not None:
            end_composing()
            self._handle = handle
            handle.focusObjectChanged.connect(self._watch)
            self._watch(handle.focusObject())

    def give(self) -> None:
        """Hold nothing more; write what was held where the keyboard is now."""
        handle, self._handle = self._handle, None
        if handle is None:
            return
        handle.focusObjectChanged.disconnect(self._watch)
        for each in self._watched:
            if shiboken6.isValid(each):
                each.removeEventFilter(self)
        held, self._held, self._watched = self._held, [], []
        focused = handle.focusObject()
        for event in held:
            if focused is not None:
                QApplication.sendEvent(focused, event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Take what is written, or is about to be."""
        if self._handle is not None and isinstance(event, QInputMethodEvent) and _writes(event):
            self._held.append(event.clone())
            return True
        return False

    def _watch(self, focused: QObject | None) -> None:
        if focused is not None and focused not in self._watched:
            self._watched.append(focused)
            focused.installEventFilter(self)


def end_composing() -> None:
    """Leave what is being put together with an input method where it was begun."""
    QGuiApplication.inputMethod().commit()


def _writes(event: QInputMethodEvent) -> bool:
    return bool(event.commitString() or event.preeditString())


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
            end_composing()
            self._behind.installEventFilter(self)
            # What an input method writes does not come through the window.
            self._behind.focusObjectChanged.connect(self._watch)
            self._watch(self._behind.focusObject())

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
        if isinstance(event, QInputMethodEvent) and _writes(event):
            QApplication.sendEvent(self._field, event.clone())
            return True
        if event.type() == QEvent.Type.MouseButtonPress:
            self._dialog.reject()
            return True
        return False

    def _watch(self, focused: QObject | None) -> None:
        if focused is not None:
            focused.installEventFilter(self)
