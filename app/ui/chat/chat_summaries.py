"""The summaries of the Chat tab: written by the model, changed and taken away by the user."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.chat.store.records import Conversation
from app.chat.store.summary import Summary, summary_of
from app.ui.base.bridge import Bridge
from app.ui.base.engine_session import model_name
from app.ui.chat.chat_edits import SummaryEdits
from app.ui.chat.chat_planner import ChatPlanner, NextPrompt
from app.ui.chat.conversation.chat_writer import ChatKeeper
from app.ui.chat.conversation.conversation_view import ConversationView
from app.ui.widgets.notices import Notices


@dataclass(eq=False, slots=True)
class _Writing:
    """A summary of the first `count` messages of a chat that is being written."""

    count: int
    task: "asyncio.Future[str]"
    text: str = ""


class ChatSummaries(QObject):
    """One at a time is written in each chat. GUI thread."""

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
        self._writing: dict[int, _Writing] = {}
        self._closed = False
        self._changing: set[int] = set()
        """Those that are on their way to the store in the user's words."""
        self.edits = SummaryEdits(
            keeper, conversation.summary_typed, self._changing.__contains__, start, self
        )
        """The words of those that are being changed."""
        conversation.summary_changed.connect(lambda *what: start(self._change(*what)))
        conversation.summary_removed.connect(lambda which: start(self._remove(which)))

    @property
    def writing(self) -> bool:
        """Tell whether the oldest messages of the open chat are being summarised."""
        return self._keeper.chat is not None and self._keeper.chat.id in self._writing

    def stop(self, chat_id: int) -> None:
        """Write no further in a chat; nothing is kept."""
        if chat_id in self._writing:
            self._writing[chat_id].task.cancel()

    def close(self) -> None:
        """Stop reporting, as the tab is being deleted: what is cancelled from now on ends in silence."""
        self._closed = True

    async def sum_up(self, chat: Conversation, wanted: NextPrompt) -> Summary | None:
        """Let the model write a summary and keep it; None where there is no room, or it was stopped."""
        messages = await self._planner.to_summarise(wanted)
        if not messages:
            return None
        places = {message.id: place for place, message in enumerate(wanted.branch, start=1)}
        add_text = self._bridge.wrap(partial(self._add_text, chat.id))
        task = asyncio.ensure_future(self._planner.summarise(wanted, messages, add_text))
        writing = self._writing[chat.id] = _Writing(places[messages[-1].id], task)
        if self._keeper.is_open(chat.id):
            self._conversation.begin_summary(writing.count)
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
            del self._writing[chat.id]
            if not self._closed:
                if self._keeper.is_open(chat.id):
                    self._show_kept(chat.id, summary or wanted.summary)
                self.changed.emit()
        return summary

    async def _change(self, summary: Summary, text: str) -> None:
        """Keep the user's words in the place of the model's."""
        self._changing.add(summary.id)
        try:
            await self._keeper.write(self._keeper.store.change_summary, summary.id, text)
            self.edits.note(summary.id, "")
        finally:
            self._changing.discard(summary.id)
            self.show(summary.conversation_id)

    async def _remove(self, summary: Summary) -> None:
        """Send the messages themselves again."""
        await self._keeper.write(self._keeper.store.delete_summary, summary.id)
        self.show(summary.conversation_id)
        self._notices.inform_with_undo(
            lambda: self.tr("The model gets the messages themselves again."),
            lambda: self._start(self._put_back(summary)),
        )

    def show(self, conversation_id: int) -> None:
        """Show the one that goes to the model now, if the chat is open."""
        if self._closed or not self._keeper.is_open(conversation_id):
            return
        if (writing := self._writing.get(conversation_id)) is not None:
            self._conversation.begin_summary(writing.count)
            self._conversation.add_summary_text(writing.text)
        else:
            kept = self._keeper.store.summaries(conversation_id)
            self._show_kept(conversation_id, summary_of(self._conversation.branch, kept))
        self.changed.emit()

    def _show_kept(self, conversation_id: int, summary: Summary | None) -> None:
        words = "" if summary is None else self.edits.of(conversation_id).get(summary.id, "")
        self._conversation.show_summary(summary, words)

    async def _put_back(self, summary: Summary) -> None:
        await self._keeper.write(
            self._keeper.store.add_summary,
            summary.conversation_id,
            summary.last_id,
            summary.text,
            summary.model,
        )
        self.show(summary.conversation_id)

    def _add_text(self, chat_id: int, text: str) -> None:
        writing = self._writing.get(chat_id)
        if writing is not None:
            writing.text += text
            if self._keeper.is_open(chat_id):
                self._conversation.add_summary_text(text)
