"""Drafts of the Chat tab, typed and not sent: one a chat, on the disk soon after the last key."""

from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from app.chat.store.records import Conversation
from app.ui.chat.chat_exchange import ChatExchange
from app.ui.chat.composing.composer import Composer
from app.ui.chat.conversation.chat_writer import ChatKeeper

DRAFT_MS = 700


class ChatDrafts(QObject):
    """Keeps and shows the drafts. GUI thread."""

    chat_made = Signal()
    """A new chat is in the store, for the sake of its draft."""

    def __init__(
        self,
        keeper: ChatKeeper,
        composer: Composer,
        exchange: ChatExchange,
        start: Callable[[Coroutine[Any, Any, Any]], None],
        kept_chat: Callable[[], Coroutine[Any, Any, Conversation]],
        new_chat: Callable[[], Callable[[], Conversation]],
        parent: QObject,
    ) -> None:
        """`kept_chat` gives the chat that is open when it is called; a new one is made. `new_chat` gives what
        makes one as it is chosen now, on any thread."""
        super().__init__(parent)
        self._keeper = keeper
        self._composer = composer
        self._exchange = exchange
        self._start = start
        self._kept_chat = kept_chat
        self._new_chat = new_chat
        self._unkept: dict[int, str] = {}
        """Drafts on their way to the disk, by chat."""
        self._timer = QTimer(self, singleShot=True, interval=DRAFT_MS)
        self._timer.timeout.connect(self.keep)
        composer.text_changed.connect(self._timer.start)
        exchange.question_kept.connect(self._on_question_kept)

    def show(self) -> None:
        """Show the draft of the open chat."""
        chat = self._keeper.chat
        self._composer.set_text(self._unkept.get(chat.id, chat.draft) if chat else "")
        self._timer.stop()

    def keep(self) -> None:
        """Keep what is typed in the open chat, also where that is left now."""
        draft, chat = self._composer.text(), self._keeper.chat
        if self._exchange.takes_draft:
            return
        if chat is not None and draft != self._unkept.get(chat.id, chat.draft):
            self._unkept[chat.id] = draft
            self._start(self._save(chat, draft))
        elif chat is None and draft.strip():
            self._start(self._save_new(draft, self._kept_chat()))

    def close_down(self) -> Callable[[], None]:
        """Return a function that keeps what is typed on another thread, before the tab is deleted."""
        self._timer.stop()
        keeper, draft, new_chat = self._keeper, self._composer.text(), self._new_chat()

        def keep() -> None:
            if keeper.chat is None and draft.strip():
                keeper.chat = new_chat()
            if keeper.chat is not None and draft != keeper.chat.draft:
                keeper.store.save_draft(keeper.chat.id, draft)

        return keep

    async def _save(self, chat: Conversation, draft: str) -> None:
        try:
            await self._keeper.save_draft(chat, draft)
        finally:
            if self._unkept.get(chat.id) == draft:
                del self._unkept[chat.id]

    async def _save_new(self, draft: str, kept_chat: Coroutine[Any, Any, Conversation]) -> None:
        chat = await kept_chat
        self._unkept[chat.id] = draft
        await self._save(chat, draft)
        self.chat_made.emit()

    def _on_question_kept(self, was_typed: bool) -> None:
        if was_typed:
            self._timer.stop()
        else:
            # A question takes the draft with it, but this one was not typed there.
            self._timer.start()
