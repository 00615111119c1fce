"""Telling that a long reply has ended while the user was elsewhere."""

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from app.settings import SettingsFile
from app.ui.base.announce import announce
from models.system.shown_text import shown

LONG_S = 15.0
SHOWN_MS = 10_000


class LongReplies(QObject):
    """Asks for attention in the task bar and, where the desktop shows them, by a message. GUI thread."""

    chosen = Signal(int)
    """The message about this chat's reply was clicked."""

    def __init__(self, window: QWidget, settings: SettingsFile) -> None:
        super().__init__(window)
        self._window = window
        self._settings = settings
        self._tray: QSystemTrayIcon | None = None
        self._chat_id = 0

    def reply_ended(self, chat_id: int, title: str, seconds: float) -> None:
        """Announce a complete reply, `seconds` after its question was sent."""
        announce(self._window, self.tr("The reply is complete."))
        away = not self._window.isActiveWindow() or self._window.isMinimized()
        if seconds < LONG_S or not away or not self._settings.values.notify_long_replies:
            return
        QApplication.alert(self._window)
        if not QSystemTrayIcon.isSystemTrayAvailable() or not QSystemTrayIcon.supportsMessages():
            return
        self._chat_id = chat_id
        tray = self._tray = self._tray or self._make_tray()
        tray.show()
        # Some desktops take markup in a notification for markup.
        words = shown(title).replace("<", "‹")
        tray.showMessage(self.tr("The reply is complete."), words, self._window.windowIcon(), SHOWN_MS)

    def _make_tray(self) -> QSystemTrayIcon:
        tray = QSystemTrayIcon(self._window.windowIcon(), self)
        tray.setToolTip("Stillroom")
        tray.messageClicked.connect(self._on_chosen)
        tray.activated.connect(self._on_chosen)
        return tray

    def _on_chosen(self) -> None:
        assert self._tray is not None
        self._tray.hide()
        self.chosen.emit(self._chat_id)
