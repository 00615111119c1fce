"""Deleting measured runs, with a way back."""

import asyncio
from collections.abc import Callable, Sequence

import shiboken6
from PySide6.QtCore import QObject, Signal

from app.ui.widgets.ui_context import UiContext


class RunDeleter(QObject):
    """Hides runs and brings them back on another thread, as another program may be writing to the file. GUI
    thread.

    `changed` says that the runs are others now, and gives the first of those that came back, or "" where the
    user has gone to another one meanwhile.
    """

    changed = Signal(str)

    def __init__(
        self,
        ui: UiContext,
        delete: Callable[[Sequence[str]], None],
        restore: Callable[[Sequence[str]], None],
        words: Callable[[int], str],
        shown: Callable[[], object],
        parent: QObject,
    ) -> None:
        """`delete` and `restore` get the ids of runs; `words` says that so many are deleted, and `shown`
        which run the page shows."""
        super().__init__(parent)
        self._bridge = ui.bridge
        self._notices = ui.notices
        self._hide = delete
        self._bring_back = restore
        self._words = words
        self._shown = shown

    def delete(self, ids: Sequence[str]) -> None:
        """Hide these runs."""
        if ids:
            self._bridge.start(self._delete(ids))

    async def _delete(self, ids: Sequence[str]) -> None:
        await asyncio.to_thread(self._hide, ids)
        if shiboken6.isValid(self):
            self.changed.emit("")
            self._notices.inform_with_undo(lambda: self._words(len(ids)), lambda: self._undo(ids))

    def _undo(self, ids: Sequence[str]) -> None:
        self._bridge.start(self._restore(ids))

    async def _restore(self, ids: Sequence[str]) -> None:
        before = self._shown()
        await asyncio.to_thread(self._bring_back, ids)
        if shiboken6.isValid(self):
            self.changed.emit(ids[0] if self._shown() == before else "")
