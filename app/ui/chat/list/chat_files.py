"""Chats to files and from files: writing exports, reading other programs' chats."""

import asyncio
import threading
import zipfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from app.base.children import child_command
from app.base.errors import StillroomError
from app.chat.markdown.formula_process import DrawFormula, FormulaProcess
from app.chat.store.records import Conversation
from app.chat.store.store import ChatStore
from app.chat.transfer.export import to_json, to_markdown, whole_chat
from app.ui.chat.list.pdf_export import pdf_of
from models.system.disk_space import told_when_full
from models.system.durable import write_durably

MOST_BREACHES = 20
"""Formulas of an export that may pass a limit; the others are left as their source then."""

ENDINGS = {"markdown": "md", "html": "html", "pdf": "pdf", "json": "json"}


def file_name(title: str) -> str:
    """A name for a chat's file that every file system takes."""
    name = "".join(c if c.isalnum() or c in " -_" else "" for c in title).strip()
    return " ".join(name.split())[:80] or "chat"


def file_ending(kind: str, *, several: bool) -> str:
    """Several chats go into one JSON file, or into a zip archive of files of the other kinds."""
    return "zip" if several and kind != "json" else ENDINGS[kind]


class ChatReading:
    """A file of chats that is being read on a worker thread; GUI thread. It goes on in another window, and
    ends where `cancel` is set."""

    def __init__(self, path: Path, store: ChatStore) -> None:
        # Not for the window's start.
        from app.chat.transfer.import_chats import read_chats

        def add() -> tuple[list[int], list[str]]:
            chats = read_chats(path, self.cancel)
            ids = store.add_imported(chats, self.cancel)
            return ids, sorted({kind for chat in chats for kind in chat.left_out})

        self.path = path
        self.cancel = threading.Event()
        self.folders_before = store.folders()
        self.kept = asyncio.get_running_loop().run_in_executor(None, add)
        """The chats' numbers, and what kinds of content had to be left out. Raises `Cancelled` where `cancel`
        was set before all are kept: none is kept then. Once they are it comes too late."""
        # Also where no window waits for it any more.
        self.kept.add_done_callback(lambda kept: kept.cancelled() or kept.exception())


class ChatFiles:
    """Exports and imports. Coroutines of the GUI thread; everything slow runs on a worker thread."""

    def __init__(self, store: ChatStore) -> None:
        self._store = store

    async def export(
        self, chats: Sequence[Conversation], kind: str, with_thinking: bool, path: Path, *, several: bool
    ) -> None:
        """Write `chats` to `path`: `kind` is "markdown", "html", "pdf" or "json"."""
        if kind == "json":
            data = await asyncio.to_thread(self._json, chats, with_thinking)
        else:
            formulas = FormulaProcess(child_command("formulas"), MOST_BREACHES)
            try:
                if several:
                    data = await self._archive(chats, kind, with_thinking, formulas.draw)
                else:
                    data = await self._file(chats[0], kind, with_thinking, formulas.draw)
            finally:
                formulas.close()
        try:
            with told_when_full(path.parent, lambda: len(data)):
                await asyncio.to_thread(write_durably, path, data)
        except OSError as error:
            raise StillroomError(
                "The chat could not be written to {path}: {reason}.",
                "Choose another folder.",
                path=str(path),
                reason=error.strerror or str(error),
            ) from error

    def read(self, path: Path) -> ChatReading:
        """Begin to read a file of chats and to keep them."""
        return ChatReading(path, self._store)

    def _json(self, chats: Sequence[Conversation], with_thinking: bool) -> bytes:
        whole = [whole_chat(self._store, chat) for chat in chats]
        return to_json(*whole, with_thinking=with_thinking).encode()

    async def _file(self, chat: Conversation, kind: str, with_thinking: bool, draw: DrawFormula) -> bytes:
        page = await asyncio.to_thread(self._page, chat, kind, with_thinking, draw)
        return await pdf_of(page, chat.title) if kind == "pdf" else page.encode()

    def _page(self, chat: Conversation, kind: str, with_thinking: bool, draw: DrawFormula) -> str:
        branch = self._store.branch(chat.id)
        if kind == "markdown":
            return to_markdown(chat, branch, with_thinking=with_thinking)
        from app.chat.transfer.export_html import to_html, to_print_html

        write = to_html if kind == "html" else to_print_html
        return write(chat, branch, draw, with_thinking=with_thinking)

    async def _archive(
        self, chats: Sequence[Conversation], kind: str, with_thinking: bool, draw: DrawFormula
    ) -> bytes:
        buffer = BytesIO()
        taken: set[str] = set()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for chat in chats:
                base = file_name(chat.title)
                name, number = base, 1
                while name.casefold() in taken:
                    number += 1
                    name = f"{base} {number}"
                taken.add(name.casefold())
                data = await self._file(chat, kind, with_thinking, draw)
                await asyncio.to_thread(archive.writestr, f"{name}.{ENDINGS[kind]}", data)
        return buffer.getvalue()
