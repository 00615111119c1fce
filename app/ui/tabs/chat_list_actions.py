"""What the list of chats asks for: rename, delete with undo, export."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.ui.tabs.chat_keeper import ChatKeeper
from app.ui.widgets.chat_list import ChatList
from app.ui.widgets.notices import Notices


class ChatListActions(QObject):
    """Does what the list asks for and tells what the tab has to show then. GUI thread."""

    deleting = Signal(int)
    """This chat is about to be taken off the list."""
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
        self._keeper = keeper
        self._notices = notices
        self._start = start
        chats.rename_requested.connect(lambda *what: start(self._rename(*what)))
        chats.delete_requested.connect(lambda which: start(self._delete(which)))
        chats.export_requested.connect(self._ask_where_to_export)

    def title(self, conversation_id: int) -> str:
        """A chat's title, or what stands for it."""
        return self._keeper.store.conversation(conversation_id).title or self.tr("New chat")

    async def export(self, conversation_id: int, kind: str, with_thinking: bool, path: Path) -> None:
        """Write one chat to a file and say where it is: `kind` is "markdown" or "json"."""
        await self._keeper.export(conversation_id, kind, with_thinking, path)
        self._notices.inform(self.tr("The chat is in {path}.").format(path=str(path)))

    async def _rename(self, conversation_id: int, title: str) -> None:
        await self._keeper.write(self._keeper.store.rename, conversation_id, title)
        self._keeper.refresh(conversation_id)
        self.changed.emit()

    async def _delete(self, conversation_id: int) -> None:
        self.deleting.emit(conversation_id)
        title = self.title(conversation_id)
        await self._keeper.write(self._keeper.store.delete, conversation_id)
        if self._keeper.is_open(conversation_id):
            self.open_requested.emit(None)
        self.changed.emit()
        self._notices.inform(
            self.tr("“{title}” is deleted.").format(title=title),
            self.tr("Undo"),
            lambda: self._start(self._restore(conversation_id)),
        )

    async def _restore(self, conversation_id: int) -> None:
        await self._keeper.write(self._keeper.store.restore, conversation_id)
        self.open_requested.emit(conversation_id)

    def _ask_where_to_export(self, conversation_id: int, kind: str, with_thinking: bool) -> None:
        ending = "md" if kind == "markdown" else "json"
        title = self.title(conversation_id)
        name = "".join(c if c.isalnum() or c in " -_" else "" for c in title).strip() or "chat"
        dialog = QFileDialog(self._window, self.tr("Export chat"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(ending)
        dialog.selectFile(f"{name}.{ending}")
        dialog.fileSelected.connect(
            lambda path: self._start(self.export(conversation_id, kind, with_thinking, Path(path)))
        )
        dialog.open()
