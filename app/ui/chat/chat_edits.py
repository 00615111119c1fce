"""Messages and summaries that are being changed: their words, on the disk soon after the last key."""

from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import QObject, QTimer, SignalInstance

from app.chat.store.full_disk_drafts import LastWord
from app.ui.chat.conversation.chat_writer import ChatKeeper
from models.system.disk_space import DiskFullError

DRAFT_MS = 200
"""Words are on their way to the disk so long after a key at most, however quickly the next ones follow."""


class ChatEdits(QObject):
    """Keeps the words of messages until they are sent or given up. GUI thread."""

    def __init__(
        self,
        keeper: ChatKeeper,
        typed: SignalInstance,
        is_sent: Callable[[int], bool],
        start: Callable[[Coroutine[Any, Any, Any]], None],
        parent: QObject,
    ) -> None:
        """`typed` brings a message's number and its words; `is_sent` tells whether a message is on its way in
        its new words."""
        super().__init__(parent)
        self._is_sent = is_sent
        self._keeper = keeper
        self._start = start
        self._kept: dict[int, str] = {}
        """By message, as in the two below: the words on the disk, empty where there are none."""
        self._typed: dict[int, str] = {}
        self._writing: dict[int, str] = {}
        self._timer = QTimer(self, singleShot=True, interval=DRAFT_MS)
        self._timer.timeout.connect(self.keep)
        typed.connect(self.note)

    def of(self, chat_id: int) -> dict[int, str]:
        """Give the words of the messages of a chat that are being changed, by their numbers."""
        kept = self._read(chat_id)
        self._kept.update(kept)
        newest = kept | self._writing | self._typed
        return {which: text for which, text in newest.items() if text and not self._is_sent(which)}

    def note(self, message_id: int, text: str) -> None:
        """Take note of the newest words of a message; empty where it is not changed any more."""
        if text != self._newest(message_id):
            self._typed[message_id] = text
            if not self._timer.isActive():
                self._timer.start()

    def keep(self) -> None:
        """Keep what is typed, also where its chat is left now."""
        self._timer.stop()
        for message_id in self._typed.keys() - self._writing.keys():
            self._writing[message_id] = self._typed[message_id]
            self._start(self._save(message_id))

    def close_down(self) -> Callable[[], None]:
        """Return a function that keeps what is typed on another thread, before the tab is deleted."""
        self._timer.stop()
        unkept = self._writing | self._typed

        def keep() -> None:
            for message_id, text in unkept.items():
                try:
                    self._write(message_id, text)
                except DiskFullError:
                    self._keeper.store.keep_last(self._last_word(message_id, text))

        return keep

    def _read(self, chat_id: int) -> dict[int, str]:
        return self._keeper.store.edits(chat_id)

    def _write(self, message_id: int, text: str) -> None:
        self._keeper.store.save_edit(message_id, text)

    def _last_word(self, message_id: int, text: str) -> LastWord:
        return LastWord(edited=message_id, draft=text)

    def _newest(self, message_id: int) -> str:
        kept = self._kept.get(message_id, "")
        return self._typed.get(message_id, self._writing.get(message_id, kept))

    async def _save(self, message_id: int) -> None:
        """Write the newest words of a message until there are no newer ones."""
        try:
            while message_id in self._typed:
                text = self._writing[message_id] = self._typed.pop(message_id)
                try:
                    await self._keeper.write(self._write, message_id, text)
                except DiskFullError:
                    # The end of the window keeps it, or the next key.
                    self._typed.setdefault(message_id, text)
                    raise
                self._kept[message_id] = text
        finally:
            self._writing.pop(message_id, None)


class SummaryEdits(ChatEdits):
    """As `ChatEdits`, of summaries in the place of messages."""

    def _read(self, chat_id: int) -> dict[int, str]:
        return self._keeper.store.summary_edits(chat_id)

    def _write(self, message_id: int, text: str) -> None:
        self._keeper.store.save_summary_edit(message_id, text)

    def _last_word(self, message_id: int, text: str) -> LastWord:
        return LastWord(summary=message_id, draft=text)
