"""Sending in the Chat tab: what fits, the question, the reply, and what comes after it."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.chat.library.choices import WhenFull
from app.chat.prompting.context import ContextPlan
from app.chat.prompting.prompt import ChatMessage
from app.chat.store.records import Attachment, Conversation, StoredMessage, versions_of
from app.chat.store.store import ChatStore
from app.chat.store.summary import summary_of
from app.chat.turn import chat_key
from app.engine.protocol import Generate, Lora, ModelInfo
from app.filters.verdict import Hit
from app.ui.base.session import model_name
from app.ui.chat.behaviour.reply_settings import ReplySettings
from app.ui.chat.chat_planner import ChatPlanner, ExchangePlan, NextPrompt
from app.ui.chat.chat_summaries import ChatSummaries
from app.ui.chat.composing.chat_attachments import ChatAttachments
from app.ui.chat.composing.chat_screening import ChatScreening, Sendable
from app.ui.chat.composing.composer import Composer, ComposerState
from app.ui.chat.composing.context_notice import ContextNotice
from app.ui.chat.composing.filter_notice import FilterNotice
from app.ui.chat.conversation.chat_writer import ChatKeeper
from app.ui.chat.conversation.conversation_view import ConversationView
from app.ui.reply.reply_stream import ReplyRunner, RunningReply
from app.ui.widgets.ui_context import UiContext


@dataclass(frozen=True, slots=True)
class ChatDesk:
    """The widgets that an exchange goes through."""

    conversation: ConversationView
    composer: Composer
    attachments: ChatAttachments
    notice: ContextNotice
    filter_notice: FilterNotice
    choices: ReplySettings


@dataclass(frozen=True, slots=True)
class _Blocked:
    """An unsent message of the chat opened as number `opened`, while `typed` was in the composer.

    `edited` is the earlier message that was changed, and its new words.
    """

    opened: int
    typed: str
    again: Callable[[], Coroutine[Any, Any, None]]
    edited: tuple[int, str] | None


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
        ui: UiContext,
        store: ChatStore,
        keeper: ChatKeeper,
        runner: ReplyRunner,
        desk: ChatDesk,
        start: Callable[[Coroutine[Any, Any, Any]], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._keeper = keeper
        self._session = ui.session
        self._settings = ui.settings
        self._runner = runner
        self._desk = desk
        self._start = start
        self._planner = ChatPlanner(ui.session, store.vectors)
        self.summaries = ChatSummaries(
            keeper, self._planner, desk.conversation, ui.bridge, ui.notices, start, self
        )
        self.summaries.changed.connect(self.state_changed)
        self._screening = ChatScreening(ui.session, desk.filter_notice)
        self._last_model: ModelInfo | None = ui.session.info
        self._blocked: _Blocked | None = None
        self._shown: ExchangePlan | None = None
        self._reading: asyncio.Future[ExchangePlan] | None = None
        self._closed = False
        self.sending = False
        """A question is on its way, or its reply is coming in."""
        self._sent_from: int | None = None

    @property
    def model(self) -> ModelInfo | None:
        """The loaded model, or the one that went down with its engine and comes back with the message."""
        return self._session.info or self._last_model

    @property
    def sends_what_is_typed(self) -> bool:
        """The words in the composer are on their way to the store as the open chat's question."""
        return self.sending and self._sent_from == self._keeper.opened

    @property
    def reading(self) -> bool:
        """Tell whether the embedding model is reading the documents."""
        return self._reading is not None

    def use_model(self, info: ModelInfo | None) -> None:
        """Take note of the model that answers from now on; None when it was unloaded."""
        self._last_model = info

    async def update_budget(self) -> None:
        """Show what the message costs, and what would not fit any more."""
        desk, opened = self._desk, self._keeper.opened
        info, text = self.model, desk.composer.text()
        if info is None or desk.composer.state is not ComposerState.READY:
            return
        branch = list(desk.conversation.branch)
        if not text.strip() and not branch:
            desk.composer.meter.show_use(None)
            self._show(None)
            return
        attachments = desk.attachments.waiting if text.strip() else ()
        wanted = self._wanted(info, branch, text if text.strip() else "", attachments)
        plan = await self._planner.plan(wanted)
        use = await self._planner.use(wanted, plan)
        if (self.model, desk.composer.text(), self._keeper.opened) != (info, text, opened):
            return
        desk.composer.meter.show_use(use)
        # What is said about a change of an earlier message stays until another one is typed.
        if self._waiting() is None:
            self._show(plan if text.strip() else None)

    def choose(self, when_full: WhenFull) -> None:
        """Set what to do when this chat outgrows the context; "drop" and "summarise" also send what waits."""
        self._desk.choices.choose_when_full(when_full)
        waiting, self._blocked = self._waiting(), None
        if when_full in ("drop", "summarise"):
            self._start(waiting.again() if waiting else self.send(self._desk.composer.text()))
            return
        if waiting is not None and waiting.edited is not None:
            self._desk.conversation.edit_message(*waiting.edited)
        self._start(self.update_budget())

    def _waiting(self) -> "_Blocked | None":
        """Return what waits for the user's choice in this chat, unless another message was typed since."""
        blocked = self._blocked
        if blocked is None or blocked.opened != self._keeper.opened:
            return None
        return blocked if blocked.typed == self._desk.composer.text() else None

    def _block(
        self,
        plan: ExchangePlan | None,
        again: Callable[[], Coroutine[Any, Any, None]],
        edited: tuple[int, str] | None = None,
    ) -> None:
        """Keep an unsent message until the user has chosen what to do, or put changed words back."""
        if plan is not None and plan.context.fits:
            self._blocked = _Blocked(self._keeper.opened, self._desk.composer.text(), again, edited)
        elif edited is not None:
            self._desk.conversation.edit_message(*edited)

    def stop(self) -> None:
        """Stop the reply, or what comes before it; what has come of a reply is kept."""
        if self.summaries.writing:
            self.summaries.stop()
        elif self._reading is not None:
            self._reading.cancel()
        else:
            self._runner.stop()

    def _wanted(
        self,
        info: ModelInfo,
        branch: list[StoredMessage],
        text: str = "",
        attachments: Sequence[Attachment] = (),
    ) -> NextPrompt:
        chat = self._keeper.chat
        summary = summary_of(branch, self._store.summaries(chat.id)) if chat is not None else None
        return NextPrompt(info, branch, self._desk.choices.choices.system_prompt, summary, text, attachments)

    def _show(self, plan: ExchangePlan | None) -> None:
        """Say what `plan` leaves out, here and in the conversation."""
        self._shown = plan
        if plan is None:
            self._desk.notice.hide()
            self._desk.conversation.mark_left_out(())
            return
        self._desk.notice.show_plan(plan.context, self._desk.choices.choices.when_full)
        self._desk.conversation.mark_left_out(message.id for message in plan.dropped)

    async def _agreed(self, wanted: NextPrompt) -> ExchangePlan | None:
        """Plan what is sent, as the user wishes it in this chat, and show it; None where nothing is sent."""
        opened = self._keeper.opened
        plan = await self._plan(wanted)
        if plan is None or opened != self._keeper.opened:
            return None
        when_full = self._desk.choices.choices.when_full
        if plan.dropped and plan.context.fits and when_full == "summarise":
            self._show(plan)
            summary = await self.summaries.sum_up(wanted)
            if summary is None or opened != self._keeper.opened:
                return None
            plan = await self._plan(replace(wanted, summary=summary))
            if plan is None or opened != self._keeper.opened:
                return None
        self._show(plan)
        if not plan.context.fits or (plan.dropped and when_full != "drop"):
            return None
        return plan

    async def _plan(self, wanted: NextPrompt) -> ExchangePlan | None:
        """Plan what is to be sent; None where the user has stopped the reading of the documents."""
        if not self._planner.reads_meaning(wanted):
            return await self._planner.plan(wanted)
        reading = self._reading = asyncio.ensure_future(self._planner.plan(wanted, by_meaning=True))
        self.state_changed.emit()
        try:
            return await reading
        except asyncio.CancelledError:
            if self._closed or not reading.cancelled():
                raise
            return None
        finally:
            self._reading = None
            if not self._closed:
                self.state_changed.emit()

    async def ask_again(self, old: StoredMessage, text: str) -> None:
        """Ask in other words in the place of a question, which stays in the store as its sibling."""
        await self.send(text, in_place_of=old)

    async def send(self, text: str, *, in_place_of: StoredMessage | None = None) -> None:
        """Send a question and wait for the end of its reply. Where nothing can be sent now, the words stay
        where they were written."""
        info, opened = self.model, self._keeper.opened
        if info is None or self.sending or self._runner.running is not None or not text.strip():
            if in_place_of is not None:
                self._desk.conversation.edit_message(in_place_of.id, text)
            return
        self.sending = True
        self._sent_from = opened if in_place_of is None else None
        self._blocked = None
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
            plan = await self._agreed(self._wanted(info, branch, text, attachments))
            if plan is None:
                if in_place_of is not None and opened == self._keeper.opened:
                    again = partial(self.send, text, in_place_of=in_place_of)
                    self._block(self._shown, again, (in_place_of.id, text))
                return
            sendable = await self._screened(text, plan, info)
            if sendable is None:
                if in_place_of is not None and opened == self._keeper.opened:
                    self._desk.conversation.edit_message(in_place_of.id, text)
                return
            chat = await self._keeper.kept_chat(self._desk.choices.choices)
            question = await self._keeper.add_question(
                chat, branch[-1].id if branch else None, sendable.text, attachments, plan.passages
            )
            if opened == self._keeper.opened:
                if in_place_of is None:
                    self._sent_from = None
                    self._desk.composer.set_text("")
                    self._desk.attachments.show(chat.id)
                else:
                    self._desk.conversation.remove_after(in_place_of.parent_id)
                    self.summaries.show(chat.id)
                self.question_kept.emit(in_place_of is None)
                self._desk.conversation.add_question(question)
            await self._reply(chat, question.id, sendable.context, info, sendable.hits)
        finally:
            self._end()

    async def answer_again(self, old: StoredMessage) -> None:
        """Ask for another reply to the same question; the old one stays in the store as its sibling."""
        info, chat = self.model, self._keeper.chat
        if info is None or chat is None or self.sending or self._runner.running is not None:
            return
        self.sending = True
        self._blocked = None
        try:
            self._desk.choices.flush()
            opened = self._keeper.opened
            branch = [kept for kept in self._desk.conversation.branch if kept.id < old.id]
            plan = await self._agreed(self._wanted(info, branch))
            if plan is None and opened == self._keeper.opened:
                self._block(self._shown, partial(self.answer_again, old))
            sendable = None if plan is None else await self._screened("", plan, info)
            if sendable is None:
                return
            self._desk.conversation.remove_after(old.parent_id)
            await self._reply(chat, old.parent_id, sendable.context, info, sendable.hits)
        finally:
            self._end()

    async def _screened(self, text: str, plan: ExchangePlan, info: ModelInfo) -> Sendable | None:
        """Screen a plan; None where nothing may be sent, or another chat was opened meanwhile."""
        opened = self._keeper.opened
        sendable = await self._screening.sendable(text, plan.context, self._planner.template(info), info)
        return sendable if opened == self._keeper.opened else None

    def close(self) -> None:
        """Stop reporting, as the tab is being deleted: what is cancelled from now on ends in silence."""
        self._closed = True
        self.summaries.close()

    def _end(self) -> None:
        self.sending = False
        self._sent_from = None
        if not self._closed:
            self.state_changed.emit()

    async def _reply(
        self,
        chat: Conversation,
        parent_id: int | None,
        plan: ContextPlan,
        info: ModelInfo,
        hits: tuple[Hit, ...],
    ) -> None:
        """Generate one reply into the store and the column, and wait for its end."""
        choices = self._desk.choices.choices
        message = await self._keeper.add_reply(chat, parent_id, model_name(info), choices.json_schema)
        view = self._desk.conversation.make_reply(message)
        if self._keeper.is_open(chat.id):
            self._desk.conversation.add_live_reply(message, view)
        self._runner.begin(RunningReply(chat, message, view, info, hits))
        self.chats_changed.emit()
        self.state_changed.emit()
        await self._runner.run(
            Generate(
                request_id=0,
                parts=plan.prompt.parts,
                thinking=plan.prompt.thinking,
                sampling=choices.sampling or self._settings.values.sampling,
                max_tokens=choices.max_tokens,
                chat_key=chat_key(chat.id),
                speculation=self._settings.values.speculation,
                model=info.path,
                loras=choices.loras,
                thinking_limits=choices.thinking,
                json_schema=choices.json_schema,
            )
        )
        kept = self._store.message(message.id)
        self._desk.conversation.end_live_reply(kept)
        if self._keeper.is_open(chat.id):
            self._desk.conversation.show_versions(versions_of(self._store.messages(chat.id)))
        await self._prepare_next(chat, plan, kept, info, choices.loras)
        await self._keeper.name_after(kept)
        self.chats_changed.emit()

    async def _prepare_next(
        self,
        chat: Conversation,
        plan: ContextPlan,
        reply: StoredMessage,
        info: ModelInfo,
        loras: tuple[Lora, ...],
    ) -> None:
        """Let the engine evaluate what the next prompt will begin with, while the reply is being read."""
        if reply.outcome != "stop" or plan.dropped:
            return
        messages = [*plan.sent, ChatMessage("assistant", reply.content)]
        beginning = await self._planner.template(info).beginning(messages)
        self._session.client.prepare(beginning, chat_key(chat.id), info.path, loras)
