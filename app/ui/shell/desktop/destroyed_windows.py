"""Notice windows of Stillroom's that another program has destroyed, without asking it to close them."""

import ctypes

from PySide6.QtCore import QAbstractNativeEventFilter, QByteArray, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QWidget

_DESTROY_NOTIFY = 17


class _DestroyNotify(ctypes.Structure):
    """`xcb_destroy_notify_event_t` of <xcb/xproto.h>."""

    _fields_ = (
        ("kind", ctypes.c_uint8),
        ("unused", ctypes.c_uint8),
        ("sequence", ctypes.c_uint16),
        ("event", ctypes.c_uint32),
        ("window", ctypes.c_uint32),
    )


class DestroyedWindows(QAbstractNativeEventFilter):
    """Closes what is still a window for Qt and is none for X: nobody could see it or close it any more, and a
    dialog would keep the window behind it from being used. Installs itself; GUI thread."""

    def __init__(self, qt: QGuiApplication) -> None:
        super().__init__()
        self._qt = qt
        if QGuiApplication.platformName() == "xcb":
            qt.installNativeEventFilter(self)

    def stop(self) -> None:
        """Look no more."""
        self._qt.removeNativeEventFilter(self)

    def nativeEventFilter(  # noqa: N802 - Qt's name
        self, kind: QByteArray | bytes | bytearray | memoryview, message: int
    ) -> object:
        """Look at an event of X, and let Qt have it."""
        told = _DestroyNotify.from_address(int(message))
        if told.kind == _DESTROY_NOTIFY:
            lost = QWidget.find(told.window)
            if lost is not None and _has_another(lost, told.window):
                # Qt destroyed it itself, as it does when it shows a tip, which it finds by both windows.
                lost = None
            if isinstance(lost, QDialog):
                # Before Qt looks at the next event, by which X may give the keyboard to the window behind: Qt
                # would send it back to the dialog, and nobody had it.
                lost.close()
            elif lost is not None and lost.isWindow():
                QTimer.singleShot(0, lost, lost.close)
        return False, 0


def _has_another(widget: QWidget, window: int) -> bool:
    """Tell whether a widget's window is not this one of X any more."""
    handle = widget.windowHandle()
    return handle is not None and handle.winId() != window
