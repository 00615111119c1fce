"""The prompt library of the Chat tab: from the composer's `/`, its dialog and the command palette."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QWidget

from app.chat.library.library_file import Change
from app.chat.library.prompt_library import PromptBook, SavedPrompt, variables_of
from app.ui.base.add_action import add_action
from app.ui.base.bridge import Bridge
from app.ui.base.file_dialogs import FileDialog
from app.ui.chat.composing.composer import Composer
from app.ui.chat.composing.prompt_dialog import PromptDialog
from app.ui.chat.composing.prompt_form import PromptForm
from app.ui.widgets.notices import Notices, Words


class ChatPrompts(QObject):
    """GUI thread."""

    def __init__(
        self, book: PromptBook, composer: Composer, notices: Notices, bridge: Bridge, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._book = book
        self._composer = composer
        self._notices = notices
        self._bridge = bridge
        self._exporting = asyncio.Lock()
        self._window = parent
        self._actions: list[QAction] = []
        self._dialog: PromptDialog | None = None
        composer.suggestions.prompts = book.prompts
        composer.suggestions.chosen.connect(self._replace_typed)
        for text, slot in (
            (self.tr("Prompt library: Import prompts"), self._ask_what_to_import),
            (self.tr("Prompt library: Export my prompts"), self._ask_where_to_export),
        ):
            add_action(parent, text, "", slot)
        self._offer()

    def open_library(self) -> PromptDialog:
        """Show the library."""
        dialog = self._dialog = PromptDialog(self._book.prompts, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.chosen.connect(self.use)
        dialog.saved.connect(self._save)
        dialog.deleted.connect(self._delete)
        dialog.import_requested.connect(self._ask_what_to_import)
        dialog.export_requested.connect(self._ask_where_to_export)
        dialog.finished.connect(self._forget_dialog)
        dialog.open()
        return dialog

    def use(self, prompt: SavedPrompt) -> PromptForm | None:
        """Put a prompt into the message, after its gaps were filled; gives the form where there are some."""
        if not variables_of(prompt.text):
            self._composer.insert_text(prompt.text)
            return None
        form = PromptForm(prompt, self._window)
        form.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        form.filled_in.connect(self._composer.insert_text)
        form.open()
        return form

    def import_from(self, path: Path) -> None:
        """Take in the prompts of a file, once the disk has given it."""
        self._bridge.start(self._import(path))

    def export(self, path: Path) -> None:
        """Write the user's prompts to a file, behind the window."""
        self._bridge.start(self._export(path))

    async def _import(self, path: Path) -> None:
        found = await asyncio.to_thread(self._book.read, path)
        change = self._book.add(found)
        self._told(lambda: self.tr("Prompts added: {count}.").format(count=len(found)), change)

    async def _export(self, path: Path) -> None:
        # One after the other: of two into one file the later holds.
        async with self._exporting:
            await asyncio.to_thread(self._book.export, path)
        self._notices.tell_of_file(self.tr("Your prompts are in {path}.").format(path=str(path)), path)

    def _replace_typed(self, prompt: SavedPrompt) -> None:
        self._composer.set_text("")
        self.use(prompt)

    def _save(self, title: str, text: str, in_place_of: SavedPrompt | None) -> None:
        change = self._book.save(title, text, in_place_of)
        self._told(lambda: self.tr("“{title}” is in the library.").format(title=title), change)

    def _delete(self, prompt: SavedPrompt) -> None:
        change = self._book.delete(prompt)
        self._told(lambda: self.tr("The prompt “{title}” is deleted.").format(title=prompt.title), change)

    def _told(self, words: Words, change: Change[SavedPrompt]) -> None:
        self.refresh()

        def undo() -> None:
            self._book.undo(change)
            self.refresh()

        self._notices.inform_with_undo(words, undo)

    def refresh(self) -> None:
        """Offer the prompts that there are now."""
        self._offer()
        if self._dialog is not None:
            self._dialog.refresh()

    def _forget_dialog(self) -> None:
        self._dialog = None

    def _offer(self) -> None:
        """Offer each prompt in the command palette."""
        for action in self._actions:
            self._window.removeAction(action)
            action.deleteLater()
        self._actions = [
            add_action(
                self._window,
                self.tr("Prompt: {title}").format(title=prompt.title.replace("&", "&&")),
                "",
                partial(self.use, prompt),
            )
            for prompt in self._book.prompts()
        ]

    def _ask_what_to_import(self) -> None:
        dialog = self._file_dialog(self.tr("Import prompts"), self.import_from)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.open()

    def _ask_where_to_export(self) -> None:
        dialog = self._file_dialog(self.tr("Export my prompts"), self.export)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("json")
        dialog.selectFile("stillroom-prompts.json")
        dialog.open()

    def _file_dialog(self, title: str, use: Callable[[Path], None]) -> FileDialog:
        dialog = FileDialog(self._dialog or self._window, title)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setNameFilters([self.tr("Prompts of Stillroom (*.json)")])
        dialog.fileSelected.connect(lambda path: use(Path(path)))
        return dialog
