"""The files that a question can name: those that are open, and those of the open folder."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from app.code.languages import language_of_file
from app.code.mentions import NamedFile
from app.code.text_file import read_text_file
from app.ui.code.files.folder_panel import FolderPanel
from app.ui.code.files.open_file import OpenFile
from app.ui.code.files.open_files import OpenFiles


class NamedFiles:
    """Finds them by the names that are shown of them. GUI thread only; the disk is read on another."""

    def __init__(self, files: OpenFiles, folder: FolderPanel) -> None:
        self._files = files
        self._folder = folder

    def names(self) -> list[str]:
        """List what can be named, the open files first."""
        names = {name: None for file in self._files.files if (name := self._name(file))}
        return list(names | dict.fromkeys(self._folder.index.paths))

    async def read(self, readings: Sequence[str]) -> NamedFile | None:
        """Return the file of a name, which may be read in several ways, with its text as it is in the editor
        or else on the disk; None where there is none. Raises `TextFileError` and `OutsideFolderError`."""
        for name in readings:
            file = next((file for file in self._files.files if self._name(file) == name), None)
            if file is not None:
                return NamedFile(name, file.editor.language, file.editor.text())
        if self._folder.root is None:
            return None
        for name in readings:
            path = await asyncio.to_thread(self._existing, name)
            if path is not None:
                open_one = self._files.at(path)
                if open_one is not None:
                    return NamedFile(name, open_one.editor.language, open_one.editor.text())
                text = (await asyncio.to_thread(read_text_file, path)).text
                return NamedFile(name, language_of_file(path.name), text)
        return None

    def open_one(self, name: str) -> OpenFile | None:
        """Return the open file of a name that a reply gives, also by its last part where that is clear."""
        exact = [file for file in self._files.files if self._name(file) == name]
        loose = [file for file in self._files.files if name and file.document.name == name]
        return exact[0] if exact else loose[0] if len(loose) == 1 else None

    async def path_of(self, name: str) -> Path | None:
        """Return where a file of a name that a reply gives is, or would be; None where there is no folder for
        it. Raises `OutsideFolderError`."""
        if self._folder.root is not None:
            return await asyncio.to_thread(self._folder.real_path, name)
        here = self._files.current.document.path
        return here.parent / Path(name).name if here is not None else None

    def is_current(self, name: str) -> bool:
        """Tell whether a name is that of the file in front, whose text goes along anyway."""
        return self._name(self._files.current) == name

    def _existing(self, name: str) -> Path | None:
        root = self._folder.root
        if root is None or not os.path.lexists(root / name):
            return None
        path = self._folder.real_path(name)
        return path if path.is_file() else None

    def _name(self, file: OpenFile) -> str:
        """Return what an open file is called in questions; empty where it has no file."""
        path, root = file.document.path, self._folder.root
        if path is None:
            return ""
        if root is not None and path.is_relative_to(root):
            return path.relative_to(root).as_posix()
        same = [other for other in self._files.files if other.document.name == path.name]
        return path.name if len(same) == 1 else str(path)
