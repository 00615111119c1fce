"""Sending in the Chat tab: what fits, the question, the reply, and what comes after it."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.chat.branches import versions_of
from app.chat.context import ContextPlan, plan_context, plan_with_documents
from app.chat.prompt import ChatMessage, ChatTemplate
from app.chat.records import Attachment, Conversation, StoredMessage
from app.chat.retrieval import Passage
from app.chat.store import ChatStore
from app.chat.turn import chat_key, history
from app.engine.messages import Lora, ModelInfo, Part
from app.settings import SettingsFile
from app.ui.session import EngineSession, model_name
from app.ui.tabs.chat_attachments import ChatAttachments
from app.ui.tabs.chat_keeper import ChatKeeper
from app.ui.tabs.reply_runner import ReplyRunner, RunningReply
from app.ui.widgets.composer import Composer, ComposerState
from app.ui.widgets.context_notice import ContextNotice
from app.ui.widgets.conversation_view import ConversationView
from app.ui.widgets.reply_settings import ReplySettings


@dataclass(frozen=True, slots=True)
class ChatDesk:
    """The widgets that an exchange goes through."""

    conversation: ConversationView
    composer: Composer
    attachments: ChatAttachments
    notice: ContextNotice
    choices: ReplySettings


class ChatExchange(QObject):
    """One exchange at a time, of the chat that was open when it began. GUI thread."""

    chats_changed = Signal()
    """The list of chats has to be read again."""
    state_changed = Signal()
    """Something else can be done now."""
    question_kept = Signal(bool)
    """A question is in the store; whether it was the one in the composer."""

    def __init__(
        self,
        store: ChatStore,
        keeper: ChatKeeper,
        session: EngineSession,
        settings: SettingsFile,
        runner: ReplyRunner,
        desk: ChatDesk,
        start: Callable[[Coroutine[Any, Any, Any]], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._keeper = keeper
        self._session = session
        self._settings = settings
        self._runner = runner
        self._desk = desk
        self._start = start
        self._template: ChatTemplate | None = None
        self._last_model: ModelInfo | None = session.info
        self._accepts_dropping: set[int] = set()
        self._closed = False
        self.sending = False
        """A question is on its way, or its reply is coming in."""

    @property
    def model(self) -> ModelInfo | None:
        """The loaded model, or the one that went down with its engine and comes back with the message."""
        return self._session.info or self._last_model

    def use_model(self, info: ModelInfo | None) -> None:
        """Another model answers from now on; None when it was unloaded."""
        self._last_model = info
        self._template = None

    async def _plan(
        self,
        info: ModelInfo,
        branch: list[StoredMessage],
        text: str = "",
        attachments: Sequence[Attachment] = (),
    ) -> tuple[ContextPlan, list[Passage] | None]:
        """What goes to the model, and the passages of the documents where they do not fit whole."""
        if self._template is None:
            self._template = ChatTemplate.of(info)
        messages = history(branch, self._desk.choices.choices.system_prompt)
        count = partial(self._session.count_tokens, model=info.path)
        if not text:
            return await plan_context(self._template, messages, count, info.context_tokens), None
        return await plan_with_documents(
            self._template, messages, text, attachments, count, info.context_tokens
        )

    async def update_budget(self) -> None:
        """Show what the message costs, and what would not fit any more."""
        info, text, opened = self.model, self._desk.composer.text(), self._keeper.opened
        if info is None or self._desk.composer.state is not ComposerState.READY:
            return
        if not text.strip():
            self._desk.composer.set_budget("")
            self._desk.notice.hide()
            return
        tokens = await self._session.count_tokens([Part(text)], info.path)
        plan, passages = await self._plan(
            info, list(self._desk.conversation.branch), text, self._desk.attachments.waiting
        )
        if (self.model, self._desk.composer.text(), self._keeper.opened) != (info, text, opened):
            return
        left = f"{plan.left_tokens:,}"
        self._desk.composer.set_budget(
            self.tr("{tokens} tokens · {left} left").format(tokens=f"{tokens:,}", left=left)
            if passages is None
            else self.tr("Passages of the documents: {count} · {left} left").format(
                count=len(passages), left=left
            )
        )
        self._desk.notice.show_plan(plan, accepted=self._accepts_dropping_now())

    def _accepts_dropping_now(self) -> bool:
        chat = self._keeper.chat
        return chat is not None and chat.id in self._accepts_dropping

    def accept_dropping(self) -> None:
        """The user agrees that this chat's oldest turns are left out: send."""
        chat = self._keeper.chat
        if chat is not None:
            self._accepts_dropping.add(chat.id)
        self._start(self.send(self._desk.composer.text()))

    async def ask_again(self, old: StoredMessage, text: str) -> None:
        """Ask in other words in the place of a question, which stays in the store as its sibling."""
        await self.send(text, in_place_of=old)

    async def send(self, text: str, *, in_place_of: StoredMessage | None = None) -> None:
        """Send a question and wait for the end of its reply; nothing happens where nothing can be sent."""
        info, opened = self.model, self._keeper.opened
        if info is None or self.sending or self._runner.running is not None or not text.strip():
            return
        self.sending = True
        try:
            self._desk.choices.flush()
            branch = [
                kept
                for kept in self._desk.conversation.branch
                if in_place_of is None or kept.id < in_place_of.id
            ]
            attachments = (
                in_place_of.attachments if in_place_of is not None else self._desk.attachments.waiting
            )
            plan, passages = await self._plan(info, branch, text, attachments)
            if opened != self._keeper.opened:
                return
            self._desk.notice.show_plan(plan, accepted=self._accepts_dropping_now())
            if not plan.fits or (plan.dropped and not self._accepts_dropping_now()):
                return
            chat = await self._keeper.kept_chat(self._desk.choices.choices)
            question = await self._keeper.add_question(
                chat, branch[-1].id if branch else None, text, attachments, passages
            )
            if opened == self._keeper.opened:
                if in_place_of is None:
                    self._desk.composer.set_text("")
                    self._desk.attachments.show(chat.id)
                else:
                    self._desk.conversation.remove_after(in_place_of.parent_id)
                self.question_kept.emit(in_place_of is None)
                self._desk.conversation.add_question(question)
            await self._reply(chat, question.id, plan, info)
        finally:
            self._end()

    async def answer_again(self, old: StoredMessage) -> None:
        """Ask for another reply to the same question; the old one stays in the store as its sibling."""
        info, chat = self.model, self._keeper.chat
        if info is None or chat is None or self.sending or self._runner.running is not None:
            return
        self.sending = True
        try:
            self._desk.choices.flush()
            opened = self._keeper.opened
            branch = [kept for kept in self._desk.conversation.branch if kept.id < old.id]
            plan, _ = await self._plan(info, branch)
            if opened != self._keeper.opened:
                return
            # The question was sent once, so what it leaves out has been told before.
            self._desk.notice.show_plan(plan, accepted=True)
            if not plan.fits:
                return
            self._desk.conversation.remove_after(old.parent_id)
            await self._reply(chat, old.parent_id, plan, info)
        finally:
            self._end()

    def close(self) -> None:
        """The tab goes: what is cancelled from now on ends in silence."""
        self._closed = True

    def _end(self) -> None:
        self.sending = False
        if not self._closed:
            self.state_changed.emit()

    async def _reply(
        self, chat: Conversation, parent_id: int | None, plan: ContextPlan, info: ModelInfo
    ) -> None:
        """Generate one reply into the store and the column, and wait for its end."""
        choices = self._desk.choices.choices
        message = await self._keeper.add_reply(chat, parent_id, model_name(info))
        view = self._desk.conversation.make_reply(message)
        if self._keeper.is_open(chat.id):
            self._desk.conversation.add_live_reply(message, view)
        self._runner.begin(RunningReply(chat, message, view))
        self.chats_changed.emit()
        self.state_changed.emit()
        await self._runner.run(
            plan.prompt,
            choices.sampling or self._settings.values.sampling,
            choices.max_tokens,
            self._settings.values.speculation,
            info.path,
            choices.loras,
            thinking_limits=choices.thinking,
        )
        kept = self._store.message(message.id)
        self._prepare_next(chat, plan, kept, info, choices.loras)
        self._desk.conversation.end_live_reply(kept)
        if self._keeper.is_open(chat.id):
            self._desk.conversation.show_versions(versions_of(self._store.messages(chat.id)))
        await self._keeper.title_from(chat.id, kept.content)
        self.chats_changed.emit()

    def _prepare_next(
        self,
        chat: Conversation,
        plan: ContextPlan,
        reply: StoredMessage,
        info: ModelInfo,
        loras: tuple[Lora, ...],
    ) -> None:
        """Let the engine evaluate what the next prompt will begin with, while the reply is being read."""
        if self._template is None or reply.outcome != "stop" or plan.dropped:
            return
        messages = [*plan.sent, ChatMessage("assistant", reply.content)]
        self._session.client.prepare(self._template.beginning(messages), chat_key(chat.id), info.path, loras)
