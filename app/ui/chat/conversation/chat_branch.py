"""The branch of the open chat in the column: shown, switched to another version, its code checked."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.chat.chat_title import alike
from app.chat.store.records import StoredMessage, branch_in, newest_end, versions_of
from app.chat.store.store import ChatStore
from app.ui.chat.chat_summaries import ChatSummaries
from app.ui.chat.conversation.chat_syntax import ChatSyntax
from app.ui.chat.conversation.chat_writer import ChatKeeper
from app.ui.chat.conversation.conversation_view import NO_EDITS, ConversationView
from app.ui.reply.markdown_view import MarkdownView
from app.ui.reply.reply_runner import ReplyRunner
from app.ui.reply.reply_view import ReplyView


class ChatBranch(QObject):
    """Shows the branch of the open chat in the column. GUI thread."""

    switched = Signal()
    """Another version of a message is shown, and what came after it."""
    edit_kept = Signal(int)
    """A reply stands in the words to which this message was changed."""
    forked = Signal(int)
    """This chat was made, a copy of the open one up to a reply."""

    def __init__(
        self,
        store: ChatStore,
        keeper: ChatKeeper,
        runner: ReplyRunner,
        summaries: ChatSummaries,
        conversation: ConversationView,
        start: Callable[[Coroutine[Any, Any, Any]], None],
        edits_of: Callable[[int], Mapping[int, str]],
        parent: QObject,
    ) -> None:
        """`edits_of` a chat are the words of its messages that are being changed."""
        super().__init__(parent)
        self._store = store
        self._keeper = keeper
        self._runner = runner
        self._summaries = summaries
        self._conversation = conversation
        self._start = start
        self._edits_of = edits_of
        self._syntax = ChatSyntax(start, self)
        conversation.version_requested.connect(lambda which: start(self.show_version(which)))
        conversation.reply_edited.connect(lambda *what: start(self._keep_edited(*what)))
        conversation.fork_requested.connect(lambda which: start(self._fork(which)))
        conversation.earlier_made.connect(self.check_code)

    def show(self) -> None:
        """Show the open chat as it was left, with the reply that is coming in."""
        chat = self._keeper.chat
        running = None if chat is None else self._runner.running_in(chat.id)
        # Once for both: a long chat takes a while to be read.
        messages = self._store.messages(chat.id) if chat else []
        self._conversation.show_branch(
            branch_in(messages, self._store.head(chat.id) if chat else None),
            (running.message.id, running.view) if running else None,
            versions_of(messages),
            self._edits_of(chat.id) if chat else NO_EDITS,
        )
        if chat is not None:
            self._summaries.show(chat.id)
        self.check_code()

    def show_message(self, message_id: int) -> None:
        """Bring a message of the open chat into sight, also one of another branch."""
        if not self._conversation.show_message(message_id):
            self._start(self.show_version(message_id))

    def check_code(self) -> None:
        """Check the code of all replies that are shown and whole, the newest first."""
        replies = [view for view in self._conversation.messages() if isinstance(view, ReplyView)]
        self._syntax.check(
            text for view in reversed(replies) if not view.running for text in view.findChildren(MarkdownView)
        )

    async def _keep_edited(self, old: StoredMessage, text: str) -> None:
        """Keep a reply in the user's words beside the model's, and show it."""
        opened = self._keeper.opened
        message = await self._keeper.write(self._store.add_edited, old.id, text)
        self._keeper.refresh(message.conversation_id)
        self.edit_kept.emit(old.id)
        if opened != self._keeper.opened:
            return
        self._conversation.remove_after(old.parent_id)
        self._conversation.add_reply(message)
        self._conversation.show_versions(versions_of(self._store.messages(message.conversation_id)))
        self._summaries.show(message.conversation_id)
        self.check_code()
        self.switched.emit()

    async def _fork(self, last: StoredMessage) -> None:
        """Copy the chat up to a reply into a new one."""
        titles = {chat.title for chat in self._store.conversations()}
        title = alike(self._store.conversation(last.conversation_id).title, titles)
        chat = await self._keeper.write(self._store.fork, last.id, title)
        self.forked.emit(chat.id)

    async def show_version(self, message_id: int) -> None:
        """Show the newest branch through a message, and the message in it."""
        chat, opened = self._keeper.chat, self._keeper.opened
        if chat is None:
            return
        end = newest_end(self._store.messages(chat.id), message_id)
        await self._keeper.write(self._store.show_branch, chat.id, end)
        if opened != self._keeper.opened:
            return
        self._keeper.refresh(chat.id)
        self.show()
        self._conversation.show_message(message_id)
        self.switched.emit()
