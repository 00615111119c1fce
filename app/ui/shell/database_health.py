"""The health of the databases while the window is open: checks, backups, and what was done about damage."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Protocol

from PySide6.QtCore import QObject, QTimer

from app.base.errors import StillroomError
from app.database.damage_notices import Recovery

FIRST_CHECK_MS = 3 * 1000
FIRST_BACKUP_MS = 30 * 1000
BACKUP_MS = 10 * 60 * 1000


class KeptStore(Protocol):
    """A database as its health sees it; `check` and `back_up_if_due` take as long as reading the file."""

    @property
    def recovery(self) -> Recovery | None:
        """Give what was found damaged and put right last."""

    def check(self) -> Recovery | None:
        """Look at the whole file, and put right what is damaged."""

    def back_up_if_due(self) -> Path | None:
        """Make a backup if it is time for one."""


class DatabaseHealth(QObject):
    """Checks each database once after the start, and backs it up, on worker threads, whenever that is due.

    `say` gets what the user is to know; `on_put_right` is called when what is shown may be another now. GUI
    thread.
    """

    def __init__(
        self,
        stores: Sequence[KeptStore],
        say: Callable[[StillroomError], None],
        start: Callable[[Coroutine[Any, Any, Any]], Any],
        on_put_right: Callable[[], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._stores = stores
        self._say = say
        self._start = start
        self._on_put_right = on_put_right
        self._told: list[Recovery] = []
        self._checks = QTimer(self, singleShot=True, interval=FIRST_CHECK_MS)
        self._checks.timeout.connect(self._check)
        self._checks.start()
        self._backups = QTimer(self, singleShot=True, interval=FIRST_BACKUP_MS)
        self._backups.timeout.connect(self._back_up)
        self._backups.start()
        for store in stores:
            self._tell(store)

    def stop(self) -> None:
        """Stop the checks and backups."""
        self._checks.stop()
        self._backups.stop()

    def _check(self) -> None:
        for store in self._stores:
            self._start(self._look_after(store, store.check))

    def _back_up(self) -> None:
        for store in self._stores:
            self._start(self._look_after(store, store.back_up_if_due))
        self._backups.start(BACKUP_MS)

    async def _look_after(self, store: KeptStore, work: Callable[[], object]) -> None:
        await asyncio.to_thread(work)
        if self._tell(store):
            self._on_put_right()

    def _tell(self, store: KeptStore) -> bool:
        recovery = store.recovery
        if recovery is None or recovery in self._told:
            return False
        self._told.append(recovery)
        for notice in recovery.notices:
            self._say(StillroomError(notice.message, "", **notice.values))
        return True
