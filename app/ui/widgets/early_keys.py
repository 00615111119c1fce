"""Let a small dialog, or a page that is still made, have what is typed for it before it has the keyboard, and
the window behind it what is typed before the keyboard is back."""

import ctypes
from typing import SupportsInt

import shiboken6
from PySide6.QtCore import QAbstractNativeEventFilter, QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QInputMethodEvent, QKeyEvent, QKeySequence, QShortcut, QWindow
from PySide6.QtWidgets import QApplication, QDialog, QWidget

LATE_MS = 1_000
"""So long a key may come to a dialog that is closed: a busy window, or a slow desktop."""
_X_EVENT = b"xcb_generic_event_t"
"""The kind of a native event whose pointer is one to such an event (QXcbNativeInterface)."""
_X_KEYS = (2, 3)
"""XCB_KEY_PRESS and XCB_KEY_RELEASE (xproto.h)."""
_X_WINDOW_AT = 12
"""Bytes in front of `event`, the window of an `xcb_key_press_event_t`, 32 bits (xproto.h)."""


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


class EarlyEscape(QObject):
    """Lets Escape mean to a modal dialog over `window`, and to one over that, what it means in it, also while
    the desktop has not given it the keyboard yet. GUI thread.

    Qt drops the keys of the window behind a modal dialog before any filter sees them, but looks for shortcuts
    of the whole program first.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Look out for a dialog that has come, and is in front of what is watched."""
        if event.type() == QEvent.Type.WindowBlocked:
            dialog = QApplication.activeModalWidget()
            if isinstance(dialog, QDialog):
                # It may have been shown before, and more than one window may be behind it.
                is_active = dialog.isActiveWindow()
                for kind in (ClosingKeys,) if is_active else (ClosingKeys, _Escape, EarlyEscape):
                    if dialog.findChild(kind, options=Qt.FindChildOption.FindDirectChildrenOnly) is None:
                        kind(dialog)
        return False


class _Escape(QShortcut):
    """Gives Escape to `dialog` until that has the keyboard, or is gone."""

    def __init__(self, dialog: QDialog) -> None:
        super().__init__(QKeySequence(Qt.Key.Key_Escape), dialog)
        self._dialog = dialog
        self.setContext(Qt.ShortcutContext.ApplicationShortcut)
        self.activated.connect(self._give)
        # Of a page behind it, one for the same key may be on.
        self.activatedAmbiguously.connect(self._give)
        dialog.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Leave Escape to the dialog's parts once it has the keyboard."""
        if event.type() in (QEvent.Type.WindowActivate, QEvent.Type.Hide):
            watched.removeEventFilter(self)
            self.setParent(None)
            self.deleteLater()
        return False

    def _give(self) -> None:
        key = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier)
        # A key that is sent is looked for among the shortcuts, too.
        self.setEnabled(False)
        QApplication.sendEvent(self._dialog.focusWidget() or self._dialog, key)
        if shiboken6.isValid(self):
            self.setEnabled(True)


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
        ClosingKeys(dialog)
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


class LateKeys(QObject):
    """Gives the window behind `dialog` the keys that still come to that once it is hidden. GUI thread.

    Whoever has done something there goes on before the desktop has given the keyboard back. As long as
    the dialog is hidden and not closed, its window of the system gets these keys.
    """

    def __init__(self, dialog: QDialog) -> None:
        """Made once the dialog is hidden; it is not shown again."""
        super().__init__(dialog)
        # While a tool of a window has the keyboard, Qt knows the window's shortcuts.
        dialog.overrideWindowFlags(Qt.WindowType.Tool)
        parent = dialog.parentWidget()
        self._behind = parent.window().windowHandle() if parent is not None else None
        handle = dialog.windowHandle()
        if self._behind is not None and handle is not None:
            handle.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Look at what comes to the dialog."""
        behind = self._behind
        if not isinstance(event, QKeyEvent) or behind is None or not shiboken6.isValid(behind):
            return False
        key = event.clone()
        QApplication.sendEvent(behind, key)
        # Unless somebody there wants it, it is looked for among the shortcuts.
        event.setAccepted(key.isAccepted())
        return True


class ClosingKeys(QObject):
    """Gives the window behind `dialog`, once that closes, the keys that come before the desktop has given it
    the keyboard back. GUI thread.

    X delivers them to the dialog's window of the system, which Qt ends with the dialog, and drops them then.
    On Windows a key has no window before it is asked for, and Wayland tells nobody of such a key.
    """

    def __init__(self, dialog: QDialog) -> None:
        super().__init__(dialog)
        dialog.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Notice that the dialog closes."""
        if (
            event.type() == QEvent.Type.Hide
            and not event.spontaneous()
            and isinstance(watched, QDialog)
            and QGuiApplication.platformName() == "xcb"
        ):
            # One of the desktop's own has none.
            closed, closed_id = watched.windowHandle(), watched.internalWinId()
            parent = watched.parentWidget()
            window = parent.window() if parent is not None else None
            behind = window.windowHandle() if window is not None and window.isVisible() else None
            if closed is not None and closed_id and behind is not None:
                _HeldKeys(closed, closed_id, behind)
        return False


class _HeldKeys(QObject):
    """Holds the keys that come to `closed`, the window of a dialog, which was `closed_id` for X, and to the
    one `behind` it, until a window has the keyboard, for `LATE_MS` at most. Before, Qt knows no shortcuts."""

    def __init__(self, closed: QWindow, closed_id: int, behind: QWindow) -> None:
        application = QGuiApplication.instance()
        assert isinstance(application, QGuiApplication)
        # Not of the window behind, which may go, too.
        super().__init__(application)
        self._application = application
        self._closed = closed
        self._behind = behind
        self._held: list[QKeyEvent] = []
        for each in (closed, behind):
            each.installEventFilter(self)
        application.focusWindowChanged.connect(self._on_focus)
        self._of_system = _SystemKeys(closed, closed_id, behind)
        application.installNativeEventFilter(self._of_system)
        QTimer.singleShot(LATE_MS, self, self._end)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Hold a key that comes too early."""
        if not isinstance(event, QKeyEvent) or not event.spontaneous():
            return False
        focused = QGuiApplication.focusWindow()
        if focused is not None and not (focused is self._closed and not focused.isVisible()):
            return False
        event.accept()
        # A shortcut would come first. Repeated is what was pressed in the dialog, and is still held.
        if event.type() != QEvent.Type.ShortcutOverride and not event.isAutoRepeat():
            self._held.append(event.clone())
        return True

    def _on_focus(self, focused: QWindow | None) -> None:
        if focused is not None:
            self._give(focused)

    def _give(self, window: QWindow) -> None:
        held, self._held = self._held, []
        for key in held:
            # What has it now may be another dialog, which was asked for in the one that is closed.
            if shiboken6.isValid(window):
                QApplication.sendEvent(window, key)

    def _end(self) -> None:
        self._give(self._behind)
        self._application.removeNativeEventFilter(self._of_system)
        self.deleteLater()


class _SystemKeys(QAbstractNativeEventFilter):
    """Writes the window `behind` into X's key events for a window of the system that is gone."""

    def __init__(self, closed: QWindow, closed_id: int, behind: QWindow) -> None:
        super().__init__()
        self._closed = closed
        self._closed_id = closed_id
        self._behind = behind

    def nativeEventFilter(  # noqa: N802 - Qt's name
        self, kind: object, message: SupportsInt
    ) -> tuple[bool, int]:
        """Look at an event as XCB has it, before Qt does."""
        at = int(message)
        if kind == _X_EVENT and ctypes.c_uint8.from_address(at).value & 0x7F in _X_KEYS:
            window = ctypes.c_uint32.from_address(at + _X_WINDOW_AT)
            if window.value == self._closed_id and not _is_seen(self._closed) and _is_seen(self._behind):
                window.value = self._behind.winId()
        return False, 0


def _is_seen(window: QWindow) -> bool:
    return shiboken6.isValid(window) and window.isVisible()
