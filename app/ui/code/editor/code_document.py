"""The file in the editor: opened, saved, and kept as a draft while it is not saved."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.code.draft import Draft, DraftFile
from app.code.languages import PLAIN_TEXT, Language, language_named, language_of_file
from app.code.text_file import TextFile, TextFileError, read_text_file, write_text_file
from app.ui.base.draft_keeper import DraftKeeper
from app.ui.code.editor.code_view import CodeView


class CodeDocument(QObject):
    """Keeps one editor and one file together. GUI thread only; the disk is touched in other threads.

    It starts with `restore`; until then the editor is for reading only. From then on the draft on disk
    follows the editor: the unsaved text, or only which file is open. What goes wrong with a file is raised
    as `TextFileError`; what the user should know besides comes as `noticed`.
    """

    changed = Signal()
    """Another file, another name, saved, or no longer saved."""
    noticed = Signal(str)
    """Something that holds for as long as the file is open."""
    told = Signal(str)
    """Something that has just happened."""

    def __init__(self, editor: CodeView, draft_file: DraftFile, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._editor = editor
        self._draft_file = draft_file
        self._file: TextFile | None = None
        self._restored = self._forgotten = False
        editor.setReadOnly(True)
        self._edits = 0
        self._at_disk = asyncio.Lock()
        self._keeper = DraftKeeper("code-draft", self._draft, self)
        self._keeper.failed.connect(self._on_draft_refused)
        editor.edited.connect(self._on_edited)
        editor.cursorPositionChanged.connect(self._keeper.keep_soon)
        editor.language_changed.connect(self._keeper.keep_soon)
        editor.document().modificationChanged.connect(lambda _modified: self.changed.emit())

    @property
    def path(self) -> Path | None:
        """The open file; None for text that has no file yet."""
        return self._file.path if self._file else None

    @property
    def name(self) -> str:
        """The file's name, empty for text that has no file yet."""
        return self._file.path.name if self._file else ""

    @property
    def modified(self) -> bool:
        """Tell whether there is text that is in no file."""
        return self._editor.document().isModified()

    @property
    def file(self) -> TextFile | None:
        """The file as last read or written."""
        return self._file

    def new(self) -> None:
        """Start an empty text without a file; the caller has asked about unsaved text."""
        self._show(None, "", PLAIN_TEXT)
        self._keeper.keep()

    def begin(self, path: Path | None, language: Language) -> None:
        """Start an empty text that is to become the file `path`, which is not there yet."""
        self._show(TextFile(path, "") if path is not None else None, "", language)
        self._keeper.keep()

    def take(self, text: str, language: Language) -> None:
        """Start a text that is in no file, such as code from a chat; unsaved text was asked about before."""
        self._show(None, text, language)
        self._editor.document().setModified(True)
        self._keeper.keep()

    async def open(self, path: Path) -> None:
        """Show a file; the caller has asked about unsaved text, and what is typed while it is read stays.
        Raises `TextFileError`."""
        async with self._at_disk:
            edits = self._edits
            file = await asyncio.to_thread(read_text_file, path)
        if edits != self._edits:
            self.noticed.emit(
                self.tr(
                    "{name} was not read again: the text was edited meanwhile. Save it, or read it once more."
                ).format(name=file.path.name)
            )
            return
        self.show_file(file)

    def show_file(self, file: TextFile) -> None:
        """Show what was read of a file, in the place of a text that nobody wants to keep."""
        self._show(file, file.text, language_of_file(file.path.name))
        self._keeper.keep()
        if self._editor.text() != file.text:
            # Saving would change what the user does not see.
            self._editor.setReadOnly(True)
            self.noticed.emit(
                self.tr(
                    "{name} holds characters that this editor would change, so it is open for reading only."
                ).format(name=file.path.name)
            )
        elif file.mixed_newlines:
            self.noticed.emit(
                self.tr("{name} mixes line ends; saving it here makes them all {kind}.").format(
                    name=file.path.name, kind=newline_name(file.newline)
                )
            )

    async def save(self, path: Path | None = None, *, overwrite: bool = False) -> None:
        """Write the text to its file, or to `path` from now on.

        Raises `ChangedOnDiskError` when that would undo another program's work, `TextFileError` otherwise.
        """
        assert path is not None or self._file is not None, "text without a file needs a name"
        # One after the other: the file holds what was saved last.
        async with self._at_disk:
            await self._write(path, overwrite=overwrite)
        self._keeper.keep()
        self.changed.emit()

    async def _write(self, path: Path | None, *, overwrite: bool) -> None:
        text, edits = self._editor.text(), self._edits
        if self._file is None or (path is not None and path != self._file.path):
            assert path is not None
            like = self._file or TextFile(path, text)
            to_write = TextFile(path, text, encoding=like.encoding, newline=like.newline)
        else:
            to_write = replace(self._file, text=text)
        self._file = await asyncio.to_thread(write_text_file, to_write, overwrite=overwrite)
        if path is not None:
            self._editor.setReadOnly(False)
            if language_of_file(path.name) is not PLAIN_TEXT:
                self._editor.set_language(language_of_file(path.name))
        if edits == self._edits:
            self._editor.document().setModified(False)

    async def restore(self) -> None:
        """Show what the last run left: unsaved text, or the file that was open."""
        try:
            draft = await asyncio.to_thread(self._draft_file.load)
            if draft is not None:
                await self._show_draft(draft)
        except OSError as error:
            self.noticed.emit(
                self.tr("The text of the last time could not be read: {reason}.").format(
                    reason=error.strerror or str(error)
                )
            )
        finally:
            if self._file is None:
                self._editor.setReadOnly(False)
            # Not before: what is kept must not give way to an editor that is still empty.
            self._restored = True
            self.changed.emit()

    async def _show_draft(self, draft: Draft) -> None:
        path = Path(draft.path) if draft.path else None
        language = language_named(draft.language) or PLAIN_TEXT
        if draft.text is not None:
            file = TextFile(path, "", draft.encoding, draft.newline, draft.digest) if path else None
            self._show(file, draft.text, language)
            self._editor.document().setModified(True)
            self.told.emit(self.tr("The unsaved text of the Code tab is back."))
        elif path is not None and await asyncio.to_thread(path.exists):
            try:
                await self.open(path)
            except TextFileError as error:
                self.noticed.emit(str(error))
            else:
                self._editor.set_language(language)
        elif path is None:
            self._editor.set_language(language)
        self._editor.go_to_position(draft.cursor)

    def close(self) -> Callable[[], None]:
        """Begin to write the draft to disk; the returned function waits for that, on another thread. The
        editor must still exist. Calling it once is enough."""
        return self._keeper.close()

    def forget(self) -> Callable[[], None]:
        """Delete the draft of a text that was closed; the returned function waits for that, on another
        thread."""
        self._forgotten = True
        return self._keeper.close()

    def _show(self, file: TextFile | None, text: str, language: Language) -> None:
        self._file = file
        self._editor.setReadOnly(False)
        self._editor.load_text(text, language)
        self._editor.document().setModified(False)
        self.changed.emit()

    def _on_edited(self) -> None:
        self._edits += 1
        self._keeper.keep_soon()

    def _draft(self) -> Callable[[], None] | None:
        """Return a function that saves the present draft; None before the last one was restored."""
        if self._forgotten:
            return self._draft_file.delete
        if not self._restored:
            return None
        file = self._file
        draft = Draft(
            path=str(file.path) if file else "",
            text=self._editor.text() if self.modified else None,
            language=self._editor.language.key,
            cursor=self._editor.textCursor().position(),
            digest=file.digest if file else "",
            encoding=file.encoding if file else "utf-8",
            newline=file.newline if file else "\n",
        )
        return partial(self._draft_file.save, draft)

    def _on_draft_refused(self, reason: str) -> None:
        self.noticed.emit(
            self.tr("Unsaved text cannot be kept over a restart now: {reason}. Save it to a file.").format(
                reason=reason
            )
        )


def newline_name(newline: str) -> str:
    """Return the common name of a line end."""
    return {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}[newline]
