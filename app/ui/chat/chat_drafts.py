"""Drafts of the Chat tab, typed and not sent: one a chat, on the disk soon after the last key."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from app.chat.store.full_disk_drafts import LastWord
from app.chat.store.records import Conversation
from app.chat.store.store import ChatStore
from app.ui.chat.chat_edits import DRAFT_MS
from app.ui.chat.chat_exchange import ChatExchange
from app.ui.chat.composing.composer import Composer
from app.ui.chat.conversation.chat_writer import ChatKeeper, ChosenChat
from models.system.disk_space import DiskFullError


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
        chosen: Callable[[], ChosenChat],
        parent: QObject,
    ) -> None:
        """`chosen` is the chat that is open when it is called."""
        super().__init__(parent)
        self._keeper = keeper
        self._composer = composer
        self._exchange = exchange
        self._start = start
        self._chosen = chosen
        self._unkept: dict[int, str] = {}
        """Drafts on their way to the disk, by chat: the newest words of each."""
        self._new: dict[int, tuple[ChosenChat, str]] = {}
        """The same of new chats that are not in the store yet, by `ChatKeeper.opened`."""
        self._timer = QTimer(self, singleShot=True, interval=DRAFT_MS)
        self._timer.timeout.connect(self.keep)
        composer.text_changed.connect(self._keep_soon)
        exchange.question_kept.connect(self._on_question_kept)

    def show(self) -> None:
        """Show the draft of the open chat."""
        chat = self._keeper.chat
        self._composer.set_text(self._unkept.get(chat.id, chat.draft) if chat else "")
        self._timer.stop()

    def keep(self) -> None:
        """Keep what is typed in the open chat, also where that is left now."""
        save = self._note()
        if save is not None:
            self._start(save())

    def _note(self) -> Callable[[], Coroutine[Any, Any, None]] | None:
        """Note what is typed in the open chat; return what writes it, None where that is not to be begun."""
        draft, chat = self._composer.text(), self._keeper.chat
        if self._exchange.takes_draft:
            return None
        if chat is not None and draft != self._unkept.get(chat.id, chat.draft):
            saving = chat.id in self._unkept
            self._unkept[chat.id] = draft
            return None if saving else partial(self._save, chat)
        if chat is None and (draft.strip() or self._keeper.opened in self._new):
            chosen = self._chosen()
            making = chosen.opened in self._new
            self._new[chosen.opened] = chosen, draft
            return None if making else partial(self._save_new, chosen)
        return None

    def close_down(self) -> Callable[[], None]:
        """Return a function that keeps what is typed on another thread, before the tab is deleted."""
        self._timer.stop()
        self._note()
        keeper, unkept, new = self._keeper, dict(self._unkept), list(self._new.values())

        def keep() -> None:
            # What was on its way is cancelled with the tab.
            for chat_id, text in unkept.items():
                _keep_last(keeper.store, LastWord(chat=chat_id, draft=text))
            for chosen, text in new:
                try:
                    keeper.chat = keeper.make_chat(chosen)
                except DiskFullError:
                    keeper.store.keep_last(LastWord(draft=text))
                else:
                    _keep_last(keeper.store, LastWord(chat=keeper.chat.id, draft=text))

        return keep

    async def _save(self, chat: Conversation) -> None:
        """Write the newest words of a chat until there are no newer ones."""
        try:
            while True:
                draft = self._unkept[chat.id]
                await self._keeper.save_draft(chat, draft)
                if self._unkept[chat.id] == draft:
                    break
        finally:
            del self._unkept[chat.id]

    async def _save_new(self, chosen: ChosenChat) -> None:
        try:
            chat = await self._keeper.kept_chat(chosen)
        finally:
            _, draft = self._new.pop(chosen.opened)
        self.chat_made.emit()
        if chat.id not in self._unkept:
            self._unkept[chat.id] = draft
            await self._save(chat)

    def _keep_soon(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _on_question_kept(self, was_typed: bool) -> None:
        if was_typed:
            self._timer.stop()
        else:
            # A question takes the draft with it, but this one was not typed there.
            self._keep_soon()


def _keep_last(store: ChatStore, word: LastWord) -> None:
    try:
        store.save_draft(word.chat, word.draft)
    except DiskFullError:
        store.keep_last(word)
