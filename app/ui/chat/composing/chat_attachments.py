"""The documents of the message that is being written."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import shiboken6
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.chat.documents.documents import Document, DocumentError, read_document
from app.chat.library.reply_choices import ReplyChoices
from app.chat.prompting.attached import with_documents
from app.chat.store.records import Attachment, Conversation, FileToRead
from app.engine.protocol import Part
from app.ui.base.file_dialogs import FileDialog, documents_folder
from app.ui.chat.composing.document_dialog import DocumentDialog
from app.ui.chat.conversation.attachment_chips import AttachmentChips, ComingFile
from app.ui.chat.conversation.chat_writer import ChatKeeper, ChosenChat
from app.ui.widgets.dropped import hold_folder
from app.ui.widgets.inline_notices import InlineNotices
from app.ui.widgets.notices import NoticePlace
from app.ui.widgets.ui_context import UiContext
from models.system.errors import Cancelled
from models.system.progress import raise_if_cancelled
from models.system.shown_text import shown


@dataclass(eq=False, slots=True)
class Reading:
    """Files that were given for the next message of a chat."""

    opened: int
    """The number of the chat as `ChatKeeper.opened` counted; 0 where another window opened it."""
    chat_id: int
    """0 until a new chat is in the store."""
    is_done: bool = False
    has_failed: bool = False
    """One of them cannot be read."""
    files: Sequence[ComingFile] = ()
    left: list[ComingFile] = field(default_factory=list)
    """Those that are not read yet and not taken away."""
    is_put_off: bool = False
    """The rest is read only once the chat is there again."""

    def give(self, paths: Sequence[Path]) -> None:
        """Let it be of these files."""
        self.files = [ComingFile(path) for path in paths]
        self.left = list(self.files)

    def done_with(self, file: ComingFile) -> None:
        """Take a file off those that are left."""
        if file in self.left:
            self.left.remove(file)


class ChatAttachments(QObject):
    """Attaches and takes away; what is attached is kept like a draft. GUI thread."""

    changed = Signal()
    """Other documents go along with the message now."""
    reading_changed = Signal()
    """Files are being read, or have been."""
    chat_made = Signal()
    """A document has come back, and the chat that it was in was no longer there."""
    folders_given = Signal(list)
    """Not attached, as a folder is among them: their paths."""
    files_chosen = Signal()
    """Files were chosen in the dialog: the message that they are for is what comes next."""

    def __init__(
        self,
        ui: UiContext,
        chips: AttachmentChips,
        keeper: ChatKeeper,
        start: Callable[[Coroutine[Any, Any, Any]], None],
        chosen: Callable[[], ChosenChat],
        failures: InlineNotices,
        parent: QWidget,
    ) -> None:
        """`chosen` is the chat that is open when it is called; `failures` are its lines."""
        super().__init__(parent)
        self._window = parent
        self._chips = chips
        self._keeper = keeper
        self._session = ui.session
        self._theme = ui.theme
        self._notices = ui.notices
        self._start = start
        self._chosen = chosen
        self._failures = failures
        self._tokens: dict[int, int] = {}
        """Of the documents, as the present model counts them; another one when the model is."""
        self._readings: list[Reading] = []
        self._noted: set[int] = set()
        """The files of these, by their numbers in the store."""
        self._keeping = asyncio.Lock()
        self._folder = ""
        self.waiting: tuple[Attachment, ...] = ()
        """The documents for the next message."""
        chips.opened.connect(self.show_document)
        chips.removed.connect(lambda which: start(self._remove(which)))
        chips.given_up.connect(self._give_up)

    def show(self, conversation_id: int | None) -> None:
        """Show what waits in a chat."""
        waiting = [] if conversation_id is None else self._keeper.store.waiting_attachments(conversation_id)
        self.waiting = tuple(waiting)
        self._chips.show_attachments(self.waiting, self._tokens)
        self._show_coming()
        self.changed.emit()
        if any(attachment.id not in self._tokens for attachment in waiting):
            self._start(self.count())

    @property
    def reading(self) -> list[int]:
        """The chats for which files are being read, once for each time that some were given."""
        return [reading.chat_id for reading in self._readings]

    def coming(self, opened: int, chat: Conversation | None) -> tuple[Reading, ...]:
        """Give what is being read for a chat, which was opened as this number."""
        return tuple(
            reading
            for reading in self._readings
            if reading.opened == opened or (chat is not None and reading.chat_id == chat.id)
        )

    def attach(self, paths: Sequence[Path]) -> Coroutine[Any, Any, None]:
        """Read files and keep their texts for the next message; each that cannot be read is told, and so is
        what was attached before. A folder is for the models, and so is what came with it. They are `coming`
        from now on."""
        chat = self._keeper.chat
        reading = Reading(self._keeper.opened, chat.id if chat is not None else 0)
        reading.give(paths)
        if paths:
            self._readings.append(reading)
            self._on_reading()
        return self._attach(paths, reading, self._chosen())

    def go_on(self) -> None:
        """Read the files that were being read when the program or the window before this one ended, or when
        their chat was deleted."""
        self._start(self._go_on())

    def put_off(self, chat_id: int) -> None:
        """Stop reading for a chat that is about to be deleted; `go_on` reads the files if it is restored."""
        for reading in self._readings:
            if reading.chat_id == chat_id:
                reading.is_put_off = True
                for file in reading.left:
                    file.cancel.set()

    def _give_up(self, file: ComingFile) -> None:
        """Take away a file that is being read; a question that waits goes along without it."""
        file.cancel.set()
        for reading in self._readings:
            reading.done_with(file)
        self._show_coming()

    async def _go_on(self) -> None:
        # In the order of the writes: what is given meanwhile is not read twice.
        files = await self._keeper.write(self._keeper.store.files_to_read)
        left = [file for file in files if file.id not in self._noted]
        readings = {file.conversation_id: Reading(0, file.conversation_id) for file in left}
        for chat_id, reading in readings.items():
            self._readings.append(reading)
            own = [file for file in left if file.conversation_id == chat_id]
            reading.give([file.path for file in own])
            self._start(self._read_all(own, reading, self._notices.at(self._failures)))
        if readings:
            self._on_reading()

    async def _attach(self, paths: Sequence[Path], reading: Reading, chosen: ChosenChat) -> None:
        if not paths:
            return
        place = self._notices.at(self._failures)
        files: list[FileToRead] = []
        try:
            if await asyncio.to_thread(hold_folder, paths):
                self.folders_given.emit(list(paths))
                return
            if not reading.chat_id:
                reading.chat_id = (await self._keeper.kept_chat(chosen)).id
            files = await self._keeper.write(self._keeper.store.note_files, reading.chat_id, paths)
        finally:
            if not files:
                self._end(reading)
        twice = await self._read_all(files, reading, place) if files else []
        if len(twice) == 1:
            self._notices.inform(self.tr("{name} is attached already.").format(name=shown(twice[0])))
        elif twice:
            self._notices.inform(
                self.tr("{count} of these files are attached already.").format(count=len(twice))
            )

    async def _read_all(self, files: Sequence[FileToRead], reading: Reading, place: NoticePlace) -> list[str]:
        """Read and keep the documents of a reading; give the names of those that were attached already."""
        store = self._keeper.store
        twice: list[str] = []
        self._noted |= {file.id for file in files}
        try:
            for file, coming in zip(files, reading.files, strict=True):
                document = failure = None
                try:
                    document = await self._text_of(coming)
                except DocumentError as error:
                    failure = error
                except Cancelled:
                    if reading.is_put_off and coming in reading.left:
                        continue
                if document is None:
                    await self._keeper.write(store.forget_file, file.id)
                    reading.done_with(coming)
                    self._show_coming()
                    if failure is not None:
                        reading.has_failed = True
                        place.fail(f"attach {file.path}", failure)
                    continue
                place.mend(f"attach {file.path}")
                kept = await self._keep(reading.chat_id, document, file.id)
                if kept is not None and coming not in reading.left:
                    await self._keeper.write(store.detach, kept.id)
                reading.done_with(coming)
                if kept is None:
                    twice.append(document.name)
                    self._show_coming()
                elif self._keeper.is_open(reading.chat_id):
                    self.show(reading.chat_id)
        finally:
            self._noted -= {file.id for file in files}
            self._end(reading)
        if reading.is_put_off:
            # It may have been restored meanwhile.
            self.go_on()
        return twice

    @staticmethod
    async def _text_of(coming: ComingFile) -> Document:
        try:
            return await asyncio.to_thread(_read_unless_cancelled, coming)
        finally:
            # The task may be what ends, with the window: the child ends, too.
            coming.cancel.set()

    def _end(self, reading: Reading) -> None:
        reading.is_done = True
        self._readings.remove(reading)
        self._on_reading()

    def _on_reading(self) -> None:
        self._show_coming()
        self.reading_changed.emit()

    def _show_coming(self) -> None:
        """Show which files are being read for the open chat; nothing in a window that is being closed."""
        if shiboken6.isValid(self._chips):
            coming = self.coming(self._keeper.opened, self._keeper.chat)
            self._chips.show_coming([file for reading in coming for file in reading.left])

    async def _keep(self, conversation_id: int, document: Document, file_id: int = 0) -> Attachment | None:
        """Keep a document for the next message; None where the same one waits for it already."""
        store = self._keeper.store
        # One at a time: two drops of a file may be read at once.
        async with self._keeping:
            waiting = await self._keeper.read(store.waiting_attachments, conversation_id)
            if any((each.name, each.text) == (document.name, document.text) for each in waiting):
                await self._keeper.write(store.forget_file, file_id)
                return None
            return await self._keeper.write(
                store.attach, conversation_id, document.name, document.text, file_id=file_id
            )

    async def count(self) -> None:
        """Count the tokens of what waits, where a model is loaded."""
        if self._session.info is None:
            return
        tokens = self._tokens
        for attachment in self.waiting:
            if attachment.id not in tokens:
                text = with_documents("", [attachment])
                tokens[attachment.id] = await self._session.count_tokens([Part(text)])
        if tokens is self._tokens:
            self._chips.show_attachments(self.waiting, tokens)

    def forget_counts(self) -> None:
        """Count the tokens again, as another model has another tokeniser."""
        self._tokens = {}
        if self.waiting:
            self._start(self.count())

    def ask_for_files(self) -> None:
        """Let the user choose files, among the documents at first and then where they were last."""
        dialog = FileDialog(self._window, self.tr("Attach files"), self._folder or documents_folder())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(lambda names: self._on_chosen([Path(name) for name in names]))
        dialog.open()

    def _on_chosen(self, paths: Sequence[Path]) -> None:
        self._folder = str(paths[0].parent) if paths else ""
        self.files_chosen.emit()
        self._start(self.attach(paths))

    def show_document(
        self, attachment: Attachment, passages: Sequence[Any] = (), place: Any = None
    ) -> DocumentDialog:
        """Open a document, at a passage of it if one is given."""
        dialog = DocumentDialog(self._theme, attachment, passages, place, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()
        return dialog

    async def _remove(self, attachment: Attachment) -> None:
        owner = self._keeper.chat
        await self._keeper.write(self._keeper.store.detach, attachment.id)
        chat = self._keeper.chat
        self.show(chat.id if chat is not None else None)
        self._notices.inform_with_undo(
            lambda: self.tr("{name} is not attached any more.").format(name=attachment.name),
            lambda: self._start(self._put_back(attachment, owner)),
        )

    async def _put_back(self, attachment: Attachment, owner: Conversation | None) -> None:
        """Attach it again in its chat, or in one like that where it was left with nothing in it."""
        store = self._keeper.store
        chat = next(
            (chat for chat in store.conversations() if owner is not None and chat.id == owner.id), None
        )
        if chat is None:
            choices = owner.choices if owner is not None else ReplyChoices()
            chat = await self._keeper.write(store.create_conversation, choices=choices)
        await self._keep(chat.id, Document(attachment.name, attachment.text))
        if chat != owner:
            self.chat_made.emit()
        if self._keeper.is_open(chat.id):
            self.show(chat.id)


def _read_unless_cancelled(coming: ComingFile) -> Document:
    """Read a document; neither its text nor a failure counts once it is taken away."""
    try:
        raise_if_cancelled(coming.cancel)
        return read_document(coming.path, coming.cancel)
    finally:
        raise_if_cancelled(coming.cancel)
