"""Do what the list of chats asks for: rename, pin, folders, delete with undo, search, export, import."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import shiboken6
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.ui.base.file_dialogs import FileDialog
from app.ui.base.resource_words import enumerated
from app.ui.chat.conversation.chat_writer import ChatKeeper
from app.ui.chat.list.chat_files import ChatFiles, ChatReading, file_ending, file_name
from app.ui.chat.list.chat_list import ChatList
from app.ui.widgets.notices import BroughtBack, Notices


class ChatListActions(QObject):
    """Does what the list asks for and tells what the tab has to show then. GUI thread."""

    deleting = Signal(int)
    """This chat is about to be taken off the list."""
    restored = Signal(int)
    """This chat is on the list again."""
    changed = Signal()
    """The list has to be read again."""
    open_requested = Signal(object)
    """Open this chat; None for a new one."""

    def __init__(
        self,
        chats: ChatList,
        keeper: ChatKeeper,
        notices: Notices,
        start: Callable[[Coroutine[Any, Any, Any]], None],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._window = parent
        self._chats = chats
        self._keeper = keeper
        self._files = ChatFiles(keeper.store)
        self._readings: list[ChatReading] = []
        self._notices = notices
        self._start = start
        chats.rename_requested.connect(lambda *what: start(self._rename(*what)))
        chats.pin_requested.connect(lambda *what: start(self._pin(*what)))
        chats.move_requested.connect(lambda *what: start(self._move(*what)))
        chats.folder_rename_requested.connect(lambda *what: start(self._rename_folder(*what)))
        chats.folder_delete_requested.connect(lambda which: start(self._delete_folder(which)))
        chats.delete_requested.connect(lambda which: start(self._delete(which)))
        chats.search_requested.connect(lambda query: start(self._search(query)))
        chats.export_requested.connect(self._ask_where_to_export)
        chats.import_requested.connect(self._ask_what_to_import)

    def title(self, conversation_id: int) -> str:
        """A chat's title, or what stands for it."""
        return self._keeper.store.conversation(conversation_id).title or self.tr("New chat")

    def show(self) -> None:
        """Fill the list from the store."""
        store, chat = self._keeper.store, self._keeper.chat
        self._chats.show_chats(store.conversations(), store.folders(), chat.id if chat else None)

    async def export(self, conversation_id: int, kind: str, with_thinking: bool, path: Path) -> None:
        """Write a chat, or all of them (0), to a file and say where it is: `kind` as in `ChatFiles`."""
        store = self._keeper.store
        if conversation_id:
            chats = [store.conversation(conversation_id)]
        else:
            chats = [chat for chat in store.conversations() if chat.head_id is not None]
        await self._files.export(chats, kind, with_thinking, path, several=not conversation_id)
        self._notices.tell_of_file(
            self.tr("The chat is in {path}.").format(path=str(path))
            if conversation_id
            else self.tr("All chats ({count}) are in {path}.").format(count=len(chats), path=str(path)),
            path,
        )

    async def import_from(self, path: Path) -> None:
        """Add the chats of another program's file, open the first one, and offer to take them out again.

        Raises `Cancelled` where the user ends the reading, for which the list has a row meanwhile."""
        await self.follow(self._files.read(path))

    def give_readings(self) -> tuple[ChatReading, ...]:
        """Give what is being read, for another window to `follow`: it does not end with this one."""
        readings = tuple(self._readings)
        self._readings.clear()
        return readings

    async def follow(self, reading: ChatReading) -> None:
        """Show that it is read, and then as `import_from`."""
        opened = self._keeper.opened
        self._readings.append(reading)
        row = self._chats.show_reading(reading.path.name)
        row.given_up.connect(reading.cancel.set)
        row.given_up.connect(row.end)
        try:
            ids, left_out = await asyncio.shield(reading.kept)
        finally:
            if reading in self._readings:
                self._readings.remove(reading)
                reading.cancel.set()
            # Else the window went meanwhile.
            if shiboken6.isValid(row):
                row.end()
        folders = self._keeper.store.folders()
        made = [folder.id for folder in folders if folder not in reading.folders_before]
        await self._read_list()
        if opened == self._keeper.opened:
            # Else the user has gone to another chat meanwhile.
            self.open_requested.emit(ids[0])
        self.changed.emit()

        def words() -> str:
            text = self.tr("Chats added: {count}.").format(count=len(ids))
            if left_out:
                text += " " + self.tr("Left out, as a chat here cannot hold it: {kinds}.").format(
                    kinds=enumerated(left_out)
                )
            return text

        self._notices.inform_with_undo(words, lambda: self._start(self._take_out(ids, made)))

    async def _take_out(self, ids: list[int], folders: list[int]) -> None:
        """Take imported chats out again, and the folders that were made for them."""
        store = self._keeper.store
        for conversation_id in ids:
            # The window may have been made anew since: the next one has list actions of its own.
            if shiboken6.isValid(self):
                self.deleting.emit(conversation_id)
            await self._keeper.write(store.delete, conversation_id)
        used = {chat.folder_id for chat in store.conversations()}
        for folder_id in folders:
            if folder_id not in used:
                await self._keeper.write(store.delete_folder, folder_id)
        await self._read_list()
        if self._keeper.chat is not None and self._keeper.chat.id in ids:
            self.open_requested.emit(None)
        self.changed.emit()

    async def _rename(self, conversation_id: int, title: str) -> None:
        await self._keeper.write(self._keeper.store.rename, conversation_id, title)
        self._keeper.refresh(conversation_id)
        await self._show_changed()

    async def _pin(self, conversation_id: int, pinned: bool) -> None:
        await self._keeper.write(self._keeper.store.pin, conversation_id, pinned)
        self._keeper.refresh(conversation_id)
        await self._show_changed()

    async def _move(self, conversation_id: int, target: int | str | None) -> None:
        """Into a folder, out of all, or ("") into a new one whose name is then typed."""
        store = self._keeper.store
        is_new = target == ""
        folder_id = (
            (await self._keeper.write(store.create_folder, self.tr("New folder"))).id if is_new else target
        )
        assert not isinstance(folder_id, str)
        await self._keeper.write(store.move, conversation_id, folder_id)
        self._keeper.refresh(conversation_id)
        await self._show_changed()
        if folder_id is not None:
            self._chats.model.open_folder(folder_id)
            if is_new:
                self._chats.edit_folder(folder_id)

    async def _rename_folder(self, folder_id: int, name: str) -> None:
        await self._keeper.write(self._keeper.store.rename_folder, folder_id, name)
        await self._show_changed()

    async def _delete_folder(self, folder_id: int) -> None:
        store = self._keeper.store
        [folder] = [folder for folder in store.folders() if folder.id == folder_id]
        held = [chat.id for chat in store.conversations() if chat.folder_id == folder_id]
        await self._keeper.write(store.delete_folder, folder_id)
        await self._show_changed()
        self._notices.inform_with_undo(
            lambda: self.tr("The folder “{name}” is removed; its chats are kept.").format(name=folder.name),
            lambda: self._start(self._restore_folder(folder.name, held)),
        )

    async def _restore_folder(self, name: str, held: list[int]) -> None:
        folder = await self._keeper.write(self._keeper.store.create_folder, name)
        for conversation_id in held:
            await self._keeper.write(self._keeper.store.move, conversation_id, folder.id)
        await self._show_changed()

    async def _delete(self, conversation_id: int) -> None:
        self.deleting.emit(conversation_id)
        title = self.title(conversation_id)
        await self._keeper.write(self._keeper.store.delete, conversation_id)
        await self._read_list()
        if self._keeper.is_open(conversation_id):
            self.open_requested.emit(None)
        self.changed.emit()
        self._notices.inform_with_undo(
            lambda: self.tr("“{title}” is deleted.").format(title=title),
            lambda: self._start(self._restore(conversation_id)),
            BroughtBack("chat", conversation_id),
        )

    async def _show_changed(self) -> None:
        """Fill the list anew: thousands of chats are read on another thread."""
        await self._read_list()
        self.changed.emit()

    async def _read_list(self) -> None:
        """Read the list on another thread; on this one it is there at once then."""
        await self._keeper.read(self._keeper.store.conversations)

    async def _restore(self, conversation_id: int) -> None:
        opened = self._keeper.opened
        await self._keeper.write(self._keeper.store.restore, conversation_id)
        if shiboken6.isValid(self):
            self.restored.emit(conversation_id)
        await self._read_list()
        if opened == self._keeper.opened:
            self.open_requested.emit(conversation_id)
        else:
            # The user has gone to another chat meanwhile.
            self.changed.emit()

    async def _search(self, query: str) -> None:
        hits = await self._keeper.read(self._keeper.store.search, query)
        # What was typed meanwhile asks for itself.
        if query == self._chats.search.text():
            self._chats.results.show_hits(hits)

    def _ask_where_to_export(self, conversation_id: int, kind: str, with_thinking: bool) -> None:
        ending = file_ending(kind, several=not conversation_id)
        name = file_name(self.title(conversation_id)) if conversation_id else "chats"
        dialog = FileDialog(
            self._window, self.tr("Export chats") if not conversation_id else self.tr("Export chat")
        )
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(ending)
        dialog.selectFile(f"{name}.{ending}")
        dialog.fileSelected.connect(
            lambda path: self._start(self.export(conversation_id, kind, with_thinking, Path(path)))
        )
        dialog.open()

    def _ask_what_to_import(self) -> None:
        dialog = FileDialog(self._window, self.tr("Import chats"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters([self.tr("Chats of Stillroom, ChatGPT, Open WebUI, LM Studio (*.json *.zip)")])
        dialog.fileSelected.connect(lambda path: self._start(self.import_from(Path(path))))
        dialog.open()
