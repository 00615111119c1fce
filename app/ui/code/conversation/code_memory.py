"""The conversation of the Code tab over restarts and crashes."""

import asyncio
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QPlainTextEdit

from app.code.kept_conversation import ConversationFile, KeptConversation
from app.ui.base.draft_keeper import DraftKeeper
from app.ui.base.theme import Theme
from app.ui.code.conversation.code_assistant import CodeAssistant
from app.ui.code.conversation.code_exchange import CodeExchange
from app.ui.code.conversation.code_history import CodeHistory


class CodeMemory(QObject):
    """Keeps what is said and what is typed, at most a second behind; not what was forgotten by starting over.
    GUI thread only.

    It starts with `restore`; nothing is kept before, and nothing should be asked.
    """

    noticed = Signal(str)
    """Something went wrong with the disk."""

    def __init__(
        self,
        file: ConversationFile,
        theme: Theme,
        history: CodeHistory,
        assistant: CodeAssistant,
        field: QPlainTextEdit,
        adopt: Callable[[CodeExchange], None],
        parent: QObject,
    ) -> None:
        """`adopt` makes a restored exchange part of the conversation."""
        super().__init__(parent)
        self._file = file
        self._theme = theme
        self._history = history
        self._assistant = assistant
        self._field = field
        self._adopt = adopt
        self.restored = asyncio.Event()
        self._keeper = DraftKeeper("code-conversation", self._state, self)
        self._keeper.failed.connect(self._on_refused)
        self.keep_soon = self._keeper.keep_soon
        self.keep = self._keeper.keep
        field.textChanged.connect(self.keep_soon)

    async def restore(self) -> None:
        """Show the conversation of the last run, and what was typed and not sent."""
        try:
            kept = await asyncio.to_thread(self._file.load)
            if kept is not None:
                await self._show(kept)
        except OSError as error:
            self.noticed.emit(
                self.tr("The conversation of the last time could not be read: {reason}.").format(
                    reason=error.strerror or str(error)
                )
            )
        finally:
            self.restored.set()
        for exchange in reversed(self._history.exchanges):
            await exchange.check_code()

    def close(self) -> Callable[[], None]:
        """Begin to write the conversation to disk; the returned function waits for that, on another thread.
        Its widgets must still exist."""
        return self._keeper.close()

    async def _show(self, kept: KeptConversation) -> None:
        for one in kept.exchanges:
            exchange = CodeExchange(self._theme, one.asked)
            exchange.show_kept(one)
            self._adopt(exchange)
            if one.remembered and self._assistant.remember(one.asked.question.prompt, one.answer):
                self._history.remember(exchange)
            # The window lives on between two of them.
            await asyncio.sleep(0)
        if not self._field.toPlainText():
            self._field.setPlainText(kept.question)

    def _state(self) -> Callable[[], None] | None:
        """Return a function that saves the present conversation; None before the last one was restored."""
        if not self.restored.is_set():
            return None
        history = self._history
        kept = KeptConversation(
            exchanges=tuple(
                exchange.kept(remembered=exchange in history.remembered) for exchange in history.present
            ),
            question=self._field.toPlainText(),
        )
        return partial(self._file.save, kept)

    def _on_refused(self, reason: str) -> None:
        self.noticed.emit(
            self.tr("The conversation about code cannot be kept over a restart now: {reason}.").format(
                reason=reason
            )
        )
