"""The summaries of the Chat tab: written by the model, changed and taken away by the user."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.chat.store.summary import Summary, summary_of
from app.ui.base.bridge import Bridge
from app.ui.base.session import model_name
from app.ui.chat.chat_planner import ChatPlanner, NextPrompt
from app.ui.chat.conversation.chat_writer import ChatKeeper
from app.ui.chat.conversation.conversation_view import ConversationView
from app.ui.widgets.notices import Notices


class ChatSummaries(QObject):
    """One at a time is written, for the chat that is open. GUI thread."""

    changed = Signal()
    """One begins or ends, or the next prompt holds another one."""

    def __init__(
        self,
        keeper: ChatKeeper,
        planner: ChatPlanner,
        conversation: ConversationView,
        bridge: Bridge,
        notices: Notices,
        start: Callable[[Coroutine[Any, Any, Any]], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self._planner = planner
        self._conversation = conversation
        self._bridge = bridge
        self._notices = notices
        self._start = start
        self._task: asyncio.Future[str] | None = None
        self._closed = False
        conversation.summary_changed.connect(lambda *what: start(self._change(*what)))
        conversation.summary_removed.connect(lambda which: start(self._remove(which)))

    @property
    def writing(self) -> bool:
        """Tell whether the oldest messages are being summarised."""
        return self._task is not None

    def stop(self) -> None:
        """Write no further; nothing is kept."""
        if self._task is not None:
            self._task.cancel()

    def close(self) -> None:
        """Stop reporting, as the tab is being deleted: what is cancelled from now on ends in silence."""
        self._closed = True

    async def sum_up(self, wanted: NextPrompt) -> Summary | None:
        """Let the model write a summary and keep it; None where there is no room, or it was stopped."""
        chat, opened = self._keeper.chat, self._keeper.opened
        messages = await self._planner.to_summarise(wanted)
        if not messages or chat is None or opened != self._keeper.opened:
            return None
        places = {message.id: place for place, message in enumerate(wanted.branch, start=1)}
        self._conversation.begin_summary(places[messages[-1].id])
        task = self._task = asyncio.ensure_future(
            self._planner.summarise(wanted, messages, self._bridge.wrap(self._add_text))
        )
        self.changed.emit()
        summary = None
        try:
            text = await task
            summary = await self._keeper.write(
                self._keeper.store.add_summary, chat.id, messages[-1].id, text, model_name(wanted.model)
            )
        except asyncio.CancelledError:
            if self._closed or not task.cancelled():
                raise
        finally:
            self._task = None
            if not self._closed:
                if opened == self._keeper.opened:
                    self._conversation.show_summary(summary or wanted.summary)
                self.changed.emit()
        return summary

    async def _change(self, summary: Summary, text: str) -> None:
        """Keep the user's words in the place of the model's."""
        await self._keeper.write(self._keeper.store.change_summary, summary.id, text)
        self.show(summary.conversation_id)

    async def _remove(self, summary: Summary) -> None:
        """Send the messages themselves again."""
        await self._keeper.write(self._keeper.store.delete_summary, summary.id)
        self.show(summary.conversation_id)
        self._notices.inform(
            self.tr("The model gets the messages themselves again."),
            self.tr("Undo"),
            lambda: self._start(self._put_back(summary)),
        )

    def show(self, conversation_id: int) -> None:
        """Show the one that goes to the model now, if the chat is open."""
        if not self._closed and self._keeper.is_open(conversation_id):
            kept = self._keeper.store.summaries(conversation_id)
            self._conversation.show_summary(summary_of(self._conversation.branch, kept))
            self.changed.emit()

    async def _put_back(self, summary: Summary) -> None:
        await self._keeper.write(
            self._keeper.store.add_summary,
            summary.conversation_id,
            summary.last_id,
            summary.text,
            summary.model,
        )
        self.show(summary.conversation_id)

    def _add_text(self, text: str) -> None:
        if self._task is not None:
            self._conversation.add_summary_text(text)
