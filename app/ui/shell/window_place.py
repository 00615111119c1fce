"""The window's first and smallest size, and what it opens with the next time: place, size, tab and chat."""

import base64
import logging
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QByteArray, QEvent, QObject, QSize, QTimer

from app.base.errors import StillroomError
from app.settings import SettingsFile
from app.ui.shell.main_window import MainWindow

log = logging.getLogger(__name__)

SMALLEST = QSize(800, 460)
"""Leaves room for frame and taskbar on 1280x800 at 150% (853x533) and 1920x1080 at 200% (960x540)."""
FIRST = QSize(1420, 880)
FRAME = QSize(16, 48)
"""Room for the title bar and the edges: a window that is higher than the screen with them comes back lower
and smaller."""
KEEP_MS = 1000


class WindowPlace(QObject):
    """Restores place and size, and keeps each change within a second, off the GUI thread: a window that is
    killed opens as it was. GUI thread; `keep_last` is for another one, once the window is closed.
    """

    def __init__(
        self,
        window: MainWindow,
        settings: SettingsFile,
    ) -> None:
        super().__init__(window)
        self._window = window
        self._settings = settings
        self._chat = settings.values.last_chat
        self._last: dict[str, object] | None = None
        self._timer = QTimer(self, singleShot=True, interval=KEEP_MS)
        self._timer.timeout.connect(self._keep)
        window.setMinimumSize(SMALLEST)
        self._restore()
        window.installEventFilter(self)
        window.page_shown.connect(self._timer.start)

    def chat_opened(self, conversation_id: int) -> None:
        """Take note of the open chat; 0 for a new one."""
        self._chat = conversation_id
        self._timer.start()

    def close_down(self) -> Callable[[], None]:
        """Keep no later change; the returned function keeps how the window is now, on another thread."""
        self._timer.stop()
        return partial(self._write, self._now())

    def keep_last(self) -> None:
        """Keep how the window was when it was closed."""
        if self._last is not None:
            self._write(self._last)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """See the window move, change its size and close."""
        if event.type() in (QEvent.Type.Move, QEvent.Type.Resize):
            self._timer.start()
        elif event.type() == QEvent.Type.Close:
            self._timer.stop()
            self._last = self._now()
        return super().eventFilter(watched, event)

    def _keep(self) -> None:
        self._settings.note(**self._now())

    def _write(self, place: dict[str, object]) -> None:
        try:
            self._settings.update(**place)
        except StillroomError as error:
            # Nobody has asked for it.
            log.warning("the place of the window could not be kept: %s", error)

    def _now(self) -> dict[str, object]:
        return {
            "window_geometry": base64.b64encode(self._window.saveGeometry().data()).decode(),
            "last_page": self._window.current_page,
            "last_chat": self._chat,
        }

    def _restore(self) -> None:
        try:
            geometry = base64.b64decode(self._settings.values.window_geometry, validate=True)
        except ValueError:
            geometry = b""  # somebody edited the settings
        if not geometry or not self._window.restoreGeometry(QByteArray(geometry)):
            self._window.resize(FIRST.boundedTo(self._window.screen().availableSize() - FRAME))
