"""The health of the chats' file: backups while the window is open, and what was done about damage."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import QObject, QTimer

from app.chat.store import ChatStore
from app.ui.widgets.notices import Notices

FIRST_BACKUP_MS = 30 * 1000
BACKUP_MS = 10 * 60 * 1000


class ChatHealth(QObject):
    """Backs the chats up, on a worker thread, whenever that is due. GUI thread."""

    def __init__(
        self,
        store: ChatStore,
        notices: Notices,
        start: Callable[[Coroutine[Any, Any, Any]], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._notices = notices
        self._start = start
        self._timer = QTimer(self, singleShot=True, interval=FIRST_BACKUP_MS)
        self._timer.timeout.connect(self._back_up)
        self._timer.start()
        self._tell_recovery()

    def stop(self) -> None:
        """No more backups."""
        self._timer.stop()

    def _tell_recovery(self) -> None:
        recovery = self._store.recovery
        if recovery is None:
            return
        if recovery.restored_from is None:
            text = self.tr(
                "The file of your chats was damaged and no backup was found. It is kept as {path}."
            ).format(path=str(recovery.damaged))
        else:
            text = self.tr(
                "The file of your chats was damaged. The backup of {time} is in its place; the damaged file"
                " is kept as {path}."
            ).format(time=recovery.restored_from.strftime("%Y-%m-%d %H:%M"), path=str(recovery.damaged))
        self._notices.inform(text)

    def _back_up(self) -> None:
        self._start(asyncio.to_thread(self._store.back_up_if_due))
        self._timer.start(BACKUP_MS)
