"""The models on disk as the Models tab knows them: read again whenever they may be others."""

import asyncio
from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Signal

from app.ui.models.machine_advice import MachineAdvice
from app.ui.widgets.inline_notices import InlineNotices
from app.ui.widgets.ui_context import UiContext
from models.store.store import InstalledModel, ModelStore


class ModelsOnDisk(QObject):
    """Reads the store on another thread, and lets the advice read how each file would be loaded. GUI thread.

    `read` comes with each reading, and gives the key of the row to select or ""; `changed` says that other
    models are there than before.
    """

    read = Signal(str)
    changed = Signal()

    def __init__(
        self,
        ui: UiContext,
        store: ModelStore,
        advice: MachineAdvice,
        refused: Callable[[], InlineNotices],
        parent: QObject,
    ) -> None:
        """`refused` has the lines about files that cannot be used."""
        super().__init__(parent)
        self._bridge = ui.bridge
        self._notices = ui.notices
        self._store = store
        self._advice = advice
        self._refused = refused
        self._listing = store.present
        self._readings = self._shown = 0
        """The number of the last reading that was begun, and of that which is known here."""
        self._told: set[str] = set()

    @property
    def models(self) -> Sequence[InstalledModel]:
        """The files of the newest reading; before the first one, those that the store has last listed."""
        return self._listing.models

    @property
    def was_read(self) -> bool:
        """The disk was read once."""
        return self._shown > 0

    async def read_again(self, select: str = "", is_wanted: Callable[[], bool] = lambda: True) -> None:
        """Look at the disk, and have the row of a key selected that is there then, if it `is_wanted`
        still."""
        self._readings += 1
        number = self._readings
        listing = await asyncio.to_thread(self._store.listing)
        if not is_wanted():
            select = ""
        if number < self._shown:
            # A reading that was begun after this one has ended before it.
            self.read.emit(select)
            return
        before, self._listing, self._shown = self._listing, listing, number
        for notice in listing.notices:
            if str(notice) not in self._told:
                self._told.add(str(notice))
                self._notices.error(notice, self._notices.at(self._refused()))
        self.read.emit(select)
        self._bridge.start(self._advice.learn_files(listing.models))
        if listing.models != before.models:
            self.changed.emit()
