"""The files that are open in the Code tab, in tabs: opened, closed, ordered, and back at the next start."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QToolButton, QWidget

from app.code.languages import Language
from app.code.open_texts import OpenTexts, TextsFolder
from app.code.text_file import read_text_file
from app.ui.base import shortcuts
from app.ui.base.add_action import with_keys
from app.ui.base.draft_keeper import DraftKeeper
from app.ui.code.changes.change_set_bar import ChangeSetBar
from app.ui.code.files.code_editor_card import CodeEditorCard
from app.ui.code.files.early_typing import EarlyTyping
from app.ui.code.files.file_tabs import FileTabs
from app.ui.code.files.open_file import OpenFile
from app.ui.code.running.code_runner import CodeRunner
from app.ui.widgets.card import Card, button
from app.ui.widgets.ui_context import UiContext

MOST_FILES = 40


class OpenFiles(Card):
    """Holds one text at least, from `make_first` on. GUI thread only.

    It starts with `restore`; until then there is one text, for reading only. `runs` has the runs of the file
    in front, for another place of the tab.
    """

    made = Signal(object)
    """A new `OpenFile`, to be connected."""
    current_changed = Signal()
    """Another file is in front."""
    changed = Signal()
    """The file in front has another name, was saved, or is no longer saved."""
    close_wanted = Signal(object)
    """An `OpenFile` that the user wants to close."""
    noticed = Signal(str)

    def __init__(
        self, ui: UiContext, texts: TextsFolder, runner: CodeRunner, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent, margin_px=0)
        self._ui = ui
        self._texts = texts
        self._runner = runner
        self._parked: dict[str, int] = {}
        self.restored = asyncio.Event()
        """What the last run left is there."""
        self._opening = asyncio.Lock()
        self._early = EarlyTyping(self)
        self.folder: str | None = None
        """The folder that is open beside them, which is kept with them; "" where there is none, and None
        until the last run's is known or another one was opened."""
        self.files: list[OpenFile] = []
        """In the order of their tabs."""
        self.tabs = FileTabs(ui.theme)
        self.runs = QStackedWidget(parent)
        self.open_button = button(kind="quiet", name=with_keys(self.tr("Open files"), shortcuts.OPEN))
        self.save_button = button(kind="quiet", name=with_keys(self.tr("Save the file"), shortcuts.SAVE))
        self.more_button = QToolButton()
        self.folder_button = button(
            kind="quiet", name=with_keys(self.tr("Show or hide the folder"), shortcuts.SHOW_FOLDER)
        )
        self.folder_button.setCheckable(True)
        self.folder_button.hide()
        self.change_set_bar = ChangeSetBar(ui.theme)
        self._cards = QStackedWidget(self)
        self._keeper = DraftKeeper("code-files", self._state, self)
        self.keep_soon = self._keeper.keep_soon
        self._lay_out()
        self.tabs.tabMoved.connect(self._on_tab_moved)
        self.tabs.close_wanted.connect(lambda index: self.close_wanted.emit(self.files[index]))
        ui.theme.changed.connect(self._draw_icons)
        self._draw_icons()

    def make_first(self) -> Iterator[None]:
        """Make the text that is there until `restore`, in steps."""
        card = self._make_card(1)
        yield
        self._add(1, card)
        self.tabs.currentChanged.connect(self._on_tab_chosen)

    @property
    def current(self) -> OpenFile:
        """The file in front."""
        return self.files[self.tabs.currentIndex()]

    def file_of(self, key: str) -> OpenFile | None:
        """Return the file of a key (see `OpenFile`); None where it is not open any more."""
        return next((file for file in self.files if file.is_meant(key)), None)

    def at(self, path: Path) -> OpenFile | None:
        """Return the file with a path, whose links are followed; None where it is not open."""
        return next((file for file in self.files if file.document.path == path), None)

    def show_file(self, file: OpenFile) -> None:
        """Bring a file to the front."""
        self.tabs.setCurrentIndex(self.files.index(file))

    def go_on(self, step: int) -> None:
        """Bring the next file to the front, or the one before with -1; from the last to the first."""
        self.tabs.setCurrentIndex((self.tabs.currentIndex() + step) % len(self.files))

    def move_current(self, step: int) -> None:
        """Move the tab in front to the right, or to the left with -1."""
        index = self.tabs.currentIndex()
        if 0 <= index + step < len(self.files):
            self.tabs.moveTab(index, index + step)

    async def open(self, path: Path) -> OpenFile | None:
        """Show a file, in the tab that has it or in a new one; None where too many are open. Raises
        `TextFileError`."""
        async with self._opening:
            path = await asyncio.to_thread(path.resolve)
            present = self.at(path)
            if present is not None:
                self.show_file(present)
                return present
            content = await asyncio.to_thread(read_text_file, path)
            # Not before: something may have been typed in what was empty.
            before = self.current
            number = self._parked.pop(str(path), 0)
            reuses = before.is_untouched and not number
            file = before if reuses else await self._new(number)
            if file is None:
                if number:
                    self._parked[str(path)] = number
                return None
            file.document.show_file(content)
            self.show_file(file)
            if before is not file and before.is_untouched:
                await self.close_file(before)
            self.keep_soon()
            return file

    async def new(self) -> OpenFile | None:
        """Show an empty text; None where too many are open."""
        async with self._opening:
            file = await self._new()
            if file is not None:
                file.document.new()
                self.show_file(file)
            return file

    async def take(self, code: str, language: Language) -> OpenFile | None:
        """Show a text that is in no file; None where too many are open."""
        async with self._opening:
            file = self.current if self.current.is_untouched else await self._new()
            if file is not None:
                file.document.take(code, language)
                self.show_file(file)
            return file

    async def close_file(self, file: OpenFile) -> None:
        """Close a file, whose unsaved text was asked about. Its tests wait for it to be opened again."""
        path = file.document.path
        keeps_tests = path is not None and bool(file.run_card.tests.text().strip())
        if keeps_tests:
            self._parked[str(path)] = file.number
        if len(self.files) == 1:
            new = await self._new()
            assert new is not None, "there was room for it"
            new.document.new()
        self._drop(file, keeps_tests=keeps_tests)
        self.keep_soon()

    async def restore(self) -> None:
        """Show what the last run left, the text in front first."""
        first = self.files[0]
        try:
            kept = await asyncio.to_thread(self._texts.load)
        except OSError as error:
            kept = OpenTexts()
            self.noticed.emit(
                self.tr("The list of open files could not be read: {reason}.").format(
                    reason=error.strerror or str(error)
                )
            )
        self._parked = dict(kept.parked)
        if self.folder is None:
            self.folder = kept.folder
        numbers = kept.numbers[:MOST_FILES] or (first.number,)
        files = {number: first if number == first.number else self._add(number) for number in numbers}
        if first.number not in numbers:
            # Nothing was kept under its number, and it was never touched.
            self._remove(first)
            first.close()
        for place, number in enumerate(numbers):
            self.tabs.moveTab(self.files.index(files[number]), place)
        front = files.get(kept.current) or files[numbers[0]]
        self.show_file(front)
        try:
            # As soon as it can be written to: the texts may be closed before the tests are there.
            await front.restore(lambda: self._early.type_into(front.editor))
            for file in files.values():
                if file is not front:
                    await file.restore()
        finally:
            self._early.stop()
            self.restored.set()
        self.current_changed.emit()

    async def wait_until_restored(self) -> None:
        """Wait for what the last run left, before another text is shown: what is typed from now on is not
        for the texts that were open then."""
        self._early.stop()
        await self.restored.wait()

    def close_files(self) -> Callable[[], None]:
        """Keep everything before the widgets go. What is given waits for the disk, on another thread."""
        waits = [self._keeper.close(), *(file.close() for file in self.files)]

        def wait() -> None:
            for each in waits:
                each()

        return wait

    async def _new(self, number: int = 0) -> OpenFile | None:
        if len(self.files) >= MOST_FILES:
            self.noticed.emit(
                self.tr("{count} files are open, which is the most. Close one first.").format(
                    count=MOST_FILES
                )
            )
            return None
        taken = {file.number for file in self.files} | set(self._parked.values())
        if not number:
            number = max(await asyncio.to_thread(self._texts.free_number), *taken, 0) + 1
        file = self._add(number)
        await file.restore()
        return file

    def _make_card(self, number: int) -> CodeEditorCard:
        return CodeEditorCard(self._ui.bridge, self._ui.theme, self._texts.draft(number), self._cards)

    def _add(self, number: int, card: CodeEditorCard | None = None) -> OpenFile:
        card = card or self._make_card(number)
        file = OpenFile(number, self._ui, self._texts, self._runner, self, card, self.runs)
        self.files.append(file)
        self._early.watch(file.editor)
        self._cards.addWidget(file.card)
        self.runs.addWidget(file.run_card)
        file.changed.connect(partial(self._on_file_changed, file))
        file.card.proposing_changed.connect(partial(self._show_state, file))
        self.tabs.add_file(file.title)
        self.made.emit(file)
        return file

    def _drop(self, file: OpenFile, *, keeps_tests: bool) -> None:
        self._remove(file)
        wait = file.forget(keeps_tests=keeps_tests)
        self._ui.bridge.start(asyncio.to_thread(wait))

    def _remove(self, file: OpenFile) -> None:
        index = self.files.index(file)
        # Before its tab: the bar then tells which is in front.
        self.files.remove(file)
        self._cards.removeWidget(file.card)
        self.runs.removeWidget(file.run_card)
        self.tabs.removeTab(index)
        self._show_front()
        for widget in (file.card, file.run_card):
            widget.hide()
            widget.deleteLater()
        file.deleteLater()

    def _on_tab_chosen(self, _index: int) -> None:
        # While one is removed, the bar and the list are of different lengths.
        if self.tabs.count() == len(self.files):
            self._show_front()

    def _show_front(self) -> None:
        if not self.files or self.tabs.currentIndex() < 0:
            return
        file = self.current
        focus = self.window().focusWidget()
        leaves = focus is not None and (self._cards.isAncestorOf(focus) or self.runs.isAncestorOf(focus))
        self._cards.setCurrentWidget(file.card)
        self.runs.setCurrentWidget(file.run_card)
        if leaves:
            (file.card.proposal_view if file.card.proposing else file.editor).setFocus()
        self.keep_soon()
        self.current_changed.emit()
        self.changed.emit()

    def _on_tab_moved(self, here: int, there: int) -> None:
        self.files.insert(there, self.files.pop(here))
        self.keep_soon()

    def _on_file_changed(self, file: OpenFile) -> None:
        # Another file of the same name says where it is, too.
        for each in self.files:
            self._show_state(each)
        self.keep_soon()
        if file is self.current:
            self.changed.emit()

    def _show_state(self, file: OpenFile) -> None:
        if file not in self.files:
            return
        path = file.document.path
        same = [other for other in self.files if other.title == file.title]
        title = f"{file.title} — {path.parent.name}" if path and len(same) > 1 else file.title
        self.tabs.show_file(
            self.files.index(file),
            title,
            str(path or ""),
            unsaved=file.is_unsaved,
            waits=file.card.proposing,
        )

    def _state(self) -> Callable[[], None] | None:
        """Return a function that keeps the list; None before the last one was restored."""
        if not self.restored.is_set():
            return None
        texts = OpenTexts(
            numbers=tuple(file.number for file in self.files),
            current=self.current.number,
            parked=dict(self._parked),
            folder=self.folder or "",
        )
        return partial(self._texts.save, texts)

    def _lay_out(self) -> None:
        self.more_button.setProperty("kind", "quiet")
        self.more_button.setAccessibleName(self.tr("More"))
        self.more_button.setToolTip(self.tr("More"))
        self.more_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        head_row = QWidget()
        head = QHBoxLayout(head_row)
        head.setContentsMargins(8, 8, 8, 6)
        head.setSpacing(2)
        head.addWidget(self.folder_button)
        head.addWidget(self.tabs, 1)
        self.folder_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        for made in (self.open_button, self.save_button, self.more_button):
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            head.addWidget(made)
        self.body.setSpacing(0)
        # The frame's own line stays visible around the text.
        self.body.setContentsMargins(1, 1, 1, 1)
        self.body.addWidget(head_row)
        self.body.addWidget(self.change_set_bar)
        self.body.addWidget(self._cards, 1)

    def _draw_icons(self) -> None:
        theme = self._ui.theme
        self.open_button.setIcon(theme.icon("folder-open"))
        self.folder_button.setIcon(theme.icon("tree-structure", active="accent"))
        self.save_button.setIcon(theme.icon("floppy-disk"))
        self.more_button.setIcon(theme.icon("dots-three"))
