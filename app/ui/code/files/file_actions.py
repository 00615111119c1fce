"""Opening, saving and closing the files of the Code tab, with the questions that this takes."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.code.languages import PLAIN_TEXT, Language
from app.code.text_file import ChangedOnDiskError
from app.ui.code.files.code_dialogs import CodeDialogs
from app.ui.code.files.folder_panel import FolderPanel
from app.ui.code.files.open_file import OpenFile
from app.ui.code.files.open_files import OpenFiles


class FileActions(QObject):
    """Does what a user wants with the open files, once those of the last run are there. GUI thread only."""

    saved_as = Signal(object)
    """A text is in this file (`Path`) now, which was named by the user."""

    def __init__(self, files: OpenFiles, folder: FolderPanel, dialogs: CodeDialogs, parent: QObject) -> None:
        super().__init__(parent)
        self._files = files
        self._folder_panel = folder
        self._dialogs = dialogs

    async def new(self) -> None:
        """Begin a text."""
        await self._files.wait_until_restored()
        self._go_to(await self._files.new())

    async def open(self, path: Path) -> OpenFile | None:
        """Open a file, or bring it to the front; None where too many are open. Raises `TextFileError`."""
        await self._files.wait_until_restored()
        return self._go_to(await self._files.open(path))

    async def open_dropped(self, path: Path) -> None:
        """Open what was dropped or pasted: a file, or a folder beside the files. Raises `TextFileError`."""
        if await asyncio.to_thread(path.is_dir):
            await self._folder_panel.open_folder(path)
        else:
            await self.open(path)

    async def ask_what_to_open(self) -> list[Path]:
        """Ask which files to open."""
        return await self._dialogs.pick_files_to_open(self._folder())

    async def ask_and_open_folder(self) -> None:
        """Ask which folder to show beside the files."""
        path = await self._dialogs.pick_folder(self._folder())
        if path is not None:
            await self._folder_panel.open_folder(path)
            self._folder_panel.setFocus()

    async def restore_folder(self) -> None:
        """Show the folder of the last run, unless it is gone, or another one was opened meanwhile."""
        await self._files.wait_until_restored()
        if not self._files.folder:
            return
        path = Path(self._files.folder)
        if await asyncio.to_thread(path.is_dir) and not self._folder_panel.was_opened:
            await self._folder_panel.open_folder(path)

    async def take(self, code: str, language: Language = PLAIN_TEXT) -> None:
        """Show code from elsewhere, such as a chat's reply, as a new text."""
        await self._files.wait_until_restored()
        self._go_to(await self._files.take(code, language))

    async def save(self, file: OpenFile) -> bool:
        """Save, asking for a name or about a conflict where needed; False when the user cancels."""
        document, path = file.document, file.document.path
        if path is None:
            return await self.save_as(file)
        try:
            await document.save()
        except ChangedOnDiskError:
            is_there = await asyncio.to_thread(path.exists)
            match await self._dialogs.ask_about_conflict(path.name, can_reload=is_there):
                case "save_as":
                    return await self.save_as(file)
                case "overwrite":
                    await document.save(overwrite=True)
                case "reload":
                    await document.open(path)
                case "cancel":
                    return False
        return True

    async def save_as(self, file: OpenFile) -> bool:
        """Save under a name that the user gives; False when the user cancels."""
        suffix = file.editor.language.suffixes[0]
        name = file.document.name or (f"untitled{suffix}" if suffix.startswith(".") else suffix)
        path = await self._dialogs.pick_file_to_save(self._folder(), name)
        if path is None:
            return False
        # The dialog has asked before it gave the name of a file that exists.
        await file.document.save(path, overwrite=True)
        for other in [each for each in self._files.files if each.document.path == file.document.path]:
            # It shows what has just been replaced; what is not saved in it stays.
            if other is not file and not other.is_unsaved:
                await self._files.close_file(other)
        await self._folder_panel.read_again()
        self.saved_as.emit(path)
        return True

    async def reload(self, file: OpenFile) -> None:
        """Show what is on the disk; asks where that costs changes."""
        path = file.document.path
        if path is None:
            return
        if not file.document.modified or await self._dialogs.ask_about_reload(path.name):
            await file.document.open(path)

    async def close(self, file: OpenFile) -> bool:
        """Close a file, after asking about what is not saved; False when the user cancels."""
        await self._files.wait_until_restored()
        if file.is_unsaved:
            self._files.show_file(file)
            match await self._dialogs.ask_about_unsaved(file.document.name):
                case "save":
                    if not await self.save(file):
                        return False
                case "discard":
                    pass
                case "cancel":
                    file.editor.setFocus()
                    return False
        if file in self._files.files:
            await self._files.close_file(file)
        self._files.current.editor.setFocus()
        return True

    async def close_all(self, files: Sequence[OpenFile]) -> None:
        """Close several, until the user cancels one."""
        for file in files:
            if not await self.close(file):
                return

    async def go_to_line(self, file: OpenFile) -> None:
        """Ask for a line, and put the cursor there."""
        editor = file.editor
        line = await self._dialogs.ask_for_line(editor.textCursor().blockNumber() + 1, editor.blockCount())
        if line is not None:
            editor.go_to(line)

    def _go_to(self, file: OpenFile | None) -> OpenFile | None:
        if file is not None:
            file.editor.setFocus()
        return file

    def _folder(self) -> Path | None:
        """Return where a dialog begins."""
        path = self._files.current.document.path
        return path.parent if path is not None else self._folder_panel.root
