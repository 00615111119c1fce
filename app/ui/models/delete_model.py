"""Deleting a model's file from the Models tab, with a way back."""

import asyncio
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from app.base.errors import StillroomError
from app.settings import LoadChoice
from app.ui.models.list.model_rows import row_key
from app.ui.models.list.models_list import ModelsList
from app.ui.models.models_on_disk import ModelsOnDisk
from app.ui.widgets.notices import BroughtBack
from app.ui.widgets.ui_context import UiContext
from models.store.store import InstalledModel, ModelStore, TrashedModel


class ModelDeleter(QObject):
    """Takes a file out of memory, off the disk and off the list, with how it is loaded; GUI thread."""

    def __init__(
        self, ui: UiContext, store: ModelStore, on_disk: ModelsOnDisk, listed: ModelsList, page: QWidget
    ) -> None:
        super().__init__(page)
        self._bridge = ui.bridge
        self._session = ui.session
        self._load_choices = ui.load_choices
        self._notices = ui.notices
        self._store = store
        self._on_disk = on_disk
        self._list = listed
        self._page = page
        self._leaving: set[Path] = set()
        """The files that are being deleted."""

    def delete(self, model: InstalledModel) -> None:
        """Delete a file, unless it is gone already, or about to be, and its row only shows it still."""
        if model.path in self._leaving or all(model.path != here.path for here in self._on_disk.models):
            return
        if self._session.reserved_for:
            # It may be the one that is measured, which that takes out of memory at times.
            self._notices.inform(self.tr("A model is being measured. Delete this one when that is done."))
            return
        self._leaving.add(model.path)
        self._bridge.start(self._leave(model))

    async def _leave(self, model: InstalledModel) -> None:
        try:
            await self._delete(model)
        finally:
            self._leaving.discard(model.path)

    async def _delete(self, model: InstalledModel) -> None:
        await self._session.let_go(str(model.path))
        focused = self._page.window().focusWidget()
        had_keyboard = focused is not None and self._page.isAncestorOf(focused)
        others = [other.path for other in self._on_disk.models if other.path != model.path]
        chosen = await asyncio.to_thread(self._load_choices.forget, model.path, others)
        try:
            trashed = await asyncio.to_thread(self._store.delete, model)
        except StillroomError:
            await self._keep_choice(model, chosen)
            raise
        await self._on_disk.read_again()
        if had_keyboard and self._page.isVisible():
            # The button that was pressed has gone with its row.
            self._list.take_keyboard()

        def words() -> str:
            text = self.tr("{model} was deleted.")
            if model.imported:
                text = self.tr("{model} is off the list. Its file stays where it lies.")
            return text.format(model=f"{model.name} {model.type}")

        back = BroughtBack("models", row_key(model))
        self._notices.inform_with_undo(words, lambda: self._on_undo(trashed, chosen), back)

    def _on_undo(self, trashed: TrashedModel, chosen: LoadChoice | None) -> None:
        self._bridge.start(self._restore(trashed, chosen))

    async def _restore(self, trashed: TrashedModel, chosen: LoadChoice | None) -> None:
        is_wanted = self._list.stay()
        model = await asyncio.to_thread(self._store.restore, trashed)
        await self._keep_choice(model, chosen)
        await self._on_disk.read_again(row_key(model), is_wanted)

    async def _keep_choice(self, model: InstalledModel, chosen: LoadChoice | None) -> None:
        """Put back how a model is loaded."""
        if chosen is not None:
            await asyncio.to_thread(self._load_choices.choose, model.path, chosen)
