"""Changes over several files: one proposal, decided by file and hunk, taken back as one."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject

from app.base.errors import StillroomError
from app.code.changes.file_changes import with_blocks
from app.code.extract import CodeBlock
from app.code.languages import language_of_file
from app.ui.base.resource_words import enumerated
from app.ui.code.changes.change_set_bar import ChangeSetBar
from app.ui.code.files.file_actions import FileActions
from app.ui.code.files.named_files import NamedFiles
from app.ui.code.files.open_file import OpenFile
from app.ui.code.files.open_files import OpenFiles
from app.ui.widgets.ui_context import UiContext
from models.system.shown_text import shown


@dataclass(slots=True, eq=False)
class _Change:
    """A file of the set: `before` is its text as it was, `after` as it was decided; None while it waits."""

    file: OpenFile
    before: str
    is_new: bool
    after: str | None = None

    @property
    def is_changed(self) -> bool:
        """Tell whether something was accepted."""
        return self.after is not None and self.after != self.before


class ChangeSets(QObject):
    """Holds one set at a time, from its proposal until it is closed. GUI thread only."""

    def __init__(
        self,
        ui: UiContext,
        files: OpenFiles,
        named: NamedFiles,
        actions: FileActions,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._ui = ui
        self._files = files
        self._named = named
        self._actions = actions
        self._changes: list[_Change] = []
        self._missing: list[str] = []
        self._kept: list[str] = []
        self._proposing = asyncio.Lock()
        self.bar: ChangeSetBar = files.change_set_bar
        self.bar.accept_all.connect(self.accept_all)
        self.bar.reject_all.connect(self.reject_all)
        self.bar.next_file.connect(self.go_on)
        self.bar.undo.connect(self.undo)
        self.bar.save_all.connect(lambda: ui.bridge.start(self.save_all()))
        self.bar.closed.connect(self.close_set)

    @property
    def waiting(self) -> list[OpenFile]:
        """The files whose changes wait, in their order."""
        return [change.file for change in self._changes if change.after is None and self._is_open(change)]

    def is_elsewhere(self, name: str, file: OpenFile) -> bool:
        """Tell whether code with a file's name is for another open file than `file`."""
        present = self._named.open_one(name) if name else None
        return present is not None and present is not file

    async def propose(self, blocks: Mapping[str, Sequence[CodeBlock]]) -> None:
        """Show the blocks of a reply as changes of the files that they name, each in its tab; a file that is
        not there yet is a new text of that name."""
        # One after the other: files are read and made for each.
        async with self._proposing:
            await self._propose(blocks)

    async def _propose(self, blocks: Mapping[str, Sequence[CodeBlock]]) -> None:
        self.reject_all()
        self.close_set()
        for name, its in blocks.items():
            try:
                file, is_new = await self._opened(name)
            except StillroomError:
                file, is_new = None, False
            if file is None or any(change.file is file for change in self._changes):
                self._missing.append(shown(name))
                continue
            before = file.editor.text()
            after = await asyncio.to_thread(with_blocks, file.excerpt(), its)
            if file.editor.text() == before and file.card.propose(after):
                change = _Change(file, before, is_new)
                self._changes.append(change)
                file.card.decided.connect(self._on_decided)
            elif is_new:
                await self._files.close_file(file)
            elif file.editor.isReadOnly() or file.editor.text() != before:
                self._missing.append(shown(name))
        if not self._changes:
            missing = enumerated(self._missing)
            self._missing.clear()
            self._ui.notices.inform(
                self.tr("Nothing could be shown of: {missing}").format(missing=missing)
                if missing
                else self.tr("The texts read like that already.")
            )
            return
        self._refresh()
        self._show(self._changes[0].file)

    def accept_all(self) -> None:
        """Accept what waits, in every file."""
        for file in self.waiting:
            file.card.proposal_view.accept_all()

    def reject_all(self) -> None:
        """Leave what waits as it was, in every file."""
        for file in self.waiting:
            file.card.proposal_view.left.emit()

    def go_on(self) -> None:
        """Go to the next file that waits."""
        waiting = self.waiting
        if waiting:
            here = self._files.current
            place = waiting.index(here) + 1 if here in waiting else 0
            self._show(waiting[place % len(waiting)])

    def undo(self) -> None:
        """Give every file the text back that it had; one that was changed since stays as it is."""
        self._kept.clear()
        for change in reversed(self._changes):
            if not change.is_changed or not self._is_open(change):
                continue
            if change.file.editor.text() == change.after:
                change.file.editor.change_text(change.before)
                change.after = change.before
            else:
                self._kept.append(change.file.title)
        self._refresh()

    async def save_all(self) -> None:
        """Save the files that were changed, as far as the user agrees."""
        for change in [each for each in self._changes if each.is_changed]:
            if self._is_open(change) and change.file.document.modified:
                self._files.show_file(change.file)
                if not await self._actions.save(change.file):
                    return

    def close_set(self) -> None:
        """Forget the set; what was accepted stays."""
        for change in self._changes:
            if self._is_open(change):
                change.file.card.decided.disconnect(self._on_decided)
        self._changes.clear()
        self._missing.clear()
        self._kept.clear()
        self.bar.hide()

    async def _opened(self, name: str) -> tuple[OpenFile | None, bool]:
        """Return the file of a name, and whether it is a new one. Raises `TextFileError`."""
        present = self._named.open_one(name)
        if present is not None:
            return present, False
        path = await self._named.path_of(name)
        if path is not None and await asyncio.to_thread(path.exists):
            return await self._files.open(path), False
        file = await self._files.new()
        if file is not None:
            file.document.begin(path, language_of_file(name))
        return file, True

    def _on_decided(self, *_: object) -> None:
        decided = False
        for change in self._changes:
            if change.after is None and self._is_open(change) and not change.file.card.proposing:
                change.after = change.file.editor.text()
                decided = True
        if not decided:
            return
        self._refresh()
        if self.waiting:
            self.go_on()
        else:
            for change in [each for each in self._changes if each.is_new and not each.is_changed]:
                self._changes.remove(change)
                self._ui.bridge.start(self._files.close_file(change.file))
            self._refresh()

    def _is_open(self, change: _Change) -> bool:
        return change.file in self._files.files

    def _refresh(self) -> None:
        files, waiting = len(self._changes), len(self.waiting)
        if waiting:
            self.bar.show_waiting(waiting, files, enumerated(self._missing))
            return
        changed = sum(change.is_changed for change in self._changes)
        self.bar.show_decided(changed, files, enumerated(self._kept))

    def _show(self, file: OpenFile) -> None:
        self._files.show_file(file)
        file.card.proposal_view.setFocus()
