"""Sending in the Chat tab: what fits, the question, the reply, and what comes after it."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from PySide6.QtCore import QObject, Signal

from app.chat.library.reply_choices import WhenFull
from app.chat.store.full_disk_drafts import LastWord
from app.chat.store.records import CUT_OFF, Attachment, StoredMessage, versions_of
from app.chat.store.store import ChatStore
from app.engine.protocol import ModelInfo
from app.remote.remote_server import is_elsewhere
from app.ui.base.engine_session import model_name
from app.ui.chat.behaviour.reply_settings import ReplySettings
from app.ui.chat.chat_planner import ChatPlanner, ExchangePlan, NextPrompt
from app.ui.chat.chat_replies import ChatReplies, Exchange
from app.ui.chat.chat_summaries import ChatSummaries
from app.ui.chat.composing.chat_attachments import ChatAttachments
from app.ui.chat.composing.chat_screening import ChatScreening, Sendable
from app.ui.chat.composing.composer import Composer, ComposerState
from app.ui.chat.composing.context_notice import ContextNotice
from app.ui.chat.composing.filter_notice import FilterNotice
from app.ui.chat.conversation.chat_writer import ChatKeeper, ChosenChat, Once
from app.ui.chat.conversation.conversation_view import ConversationView
from app.ui.reply.reply_runner import ReplyRunner
from app.ui.widgets.ui_context import UiContext
from models.system.disk_space import DiskFullError

Obstacle = Literal["", "measured", "loading"]
"""The reason for which no model answers for the moment."""


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
    again: Callable[[], None]
    edited: tuple[int, str] | None


class ChatExchange(QObject):
    """One exchange at a time in each chat, also in those that are not open. GUI thread."""

    chats_changed = Signal()
    """The list of chats has to be read again."""
    state_changed = Signal()
    """Something else can be done now."""
    question_kept = Signal(bool)
    """A question of the open chat is in the store; whether it was the one in the composer."""
    edit_kept = Signal(int)
    """A question is in the store in the words to which this message was changed."""

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
        self._runner = runner
        self._desk = desk
        self._start = start
        self._planner = planner = ChatPlanner(ui.session, store.vectors)
        self.summaries = ChatSummaries(keeper, planner, desk.conversation, ui.bridge, ui.notices, start, self)
        self.summaries.changed.connect(self.state_changed)
        screening = ChatScreening(ui.session, desk.filter_notice)
        self.replies = replies = ChatReplies(ui, keeper, runner, planner, screening)
        self._is_open = replies.is_open
        self._last_model: ModelInfo | None = ui.session.info
        self._budgets = 0
        self._blocked: _Blocked | None = None
        self._shown: ExchangePlan | None = None
        self._exchanges: list[Exchange] = []
        self._closed = False
        for changed in (
            ui.session.loaded,
            ui.session.reservation_changed,
            ui.session.model_expected,
            desk.attachments.reading_changed,
        ):
            changed.connect(self._look_at_waiting)
        ui.session.load_failed.connect(self._on_load_failed)
        desk.composer.text_changed.connect(self._on_typed)

    @property
    def model(self) -> ModelInfo | None:
        """The loaded model, or the one that went down with its engine and comes back with the message."""
        return self._session.info or self._last_model

    @property
    def here(self) -> Exchange | None:
        """The exchange of the open chat; None where nothing is on its way."""
        return next((exchange for exchange in self._exchanges if self._is_open(exchange)), None)

    @property
    def busy(self) -> frozenset[int]:
        """The chats whose question is on its way, or whose reply is coming in."""
        return frozenset(exchange.chat.id for exchange in self._exchanges if exchange.chat is not None)

    @property
    def unanswered(self) -> frozenset[int]:
        """The chats whose question is kept, or just being kept, and whose reply has not begun."""
        return frozenset(
            exchange.chat.id
            for exchange in self._exchanges
            if exchange.chat is not None and (exchange.question or exchange.place)
        )

    @property
    def takes_draft(self) -> bool:
        """The words in the composer are on their way to the store as the open chat's question."""
        return self.here is not None and self.here.takes_draft

    def edits(self, message_id: int) -> bool:
        """Tell whether a message is on its way to the store in other words."""
        changed = (exchange.in_place_of for exchange in self._exchanges)
        return any(old is not None and old.id == message_id for old in changed)

    @property
    def obstacle(self) -> Obstacle:
        """The reason why every question waits now; empty where one is answered, or no model is there."""
        session = self._session
        if session.reserved_for:
            return "measured"
        return "loading" if session.loading_path or session.expects_model else ""

    @property
    def waits(self) -> bool:
        """Tell whether the open chat's question waits for the model, or for its documents."""
        return self.here is not None and self.here.awaited is not None

    @property
    def awaits_documents(self) -> bool:
        """Tell whether the open chat's question waits for nothing but its documents."""
        return self.here is not None and self.here.awaits_documents and not self.obstacle

    @property
    def reading(self) -> bool:
        """Tell whether the embedding model is reading the documents of the open chat's message."""
        return self.here is not None and self.here.reading is not None

    def use_model(self, info: ModelInfo | None) -> None:
        """Take note of the model that answers from now on; None when it was unloaded."""
        self._last_model = info

    async def update_budget(self) -> None:
        """Show what the message costs, and what would not fit any more."""
        self._budgets += 1
        number = self._budgets
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
        here = Exchange(opened, self._keeper.chat, info, desk.choices.choices, branch)
        wanted = self.replies.wanted(here, text if text.strip() else "", attachments)
        plan = await self._planner.plan(wanted)
        use = await self._planner.use(wanted, plan)
        # A later one may be done before this one, of other documents or choices.
        is_last = number == self._budgets
        if not is_last or (self.model, desk.composer.text(), self._keeper.opened) != (info, text, opened):
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
            again = waiting.again if waiting else partial(self.send, self._desk.composer.text())
            again()
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

    def stop(self) -> None:
        """Stop what is on its way in the open chat; what has come of a reply is kept."""
        if (here := self.here) is not None:
            self._stop(here)

    def stop_in(self, chat_id: int) -> None:
        """Stop what is on its way in a chat, which may not be open."""
        for exchange in self._exchanges:
            if exchange.chat is not None and exchange.chat.id == chat_id:
                self._stop(exchange)

    def _stop(self, exchange: Exchange) -> None:
        exchange.stopped = True
        if exchange.awaited is not None:
            exchange.awaited.set()
        if exchange.reading is not None:
            exchange.reading.cancel()
        if exchange.chat is not None:
            self.summaries.stop(exchange.chat.id)
            self._runner.stop(exchange.chat.id)

    def _show(self, plan: ExchangePlan | None) -> None:
        """Say what `plan` leaves out, here and in the conversation."""
        self._shown = plan
        if plan is None:
            self._desk.notice.hide()
            self._desk.conversation.mark_left_out(())
            return
        when_full = self._desk.choices.choices.when_full
        self._desk.notice.show_plan(plan.context, when_full, plan.said_tokens)
        self._desk.conversation.mark_left_out(message.id for message in plan.dropped)

    def _show_in(self, exchange: Exchange, plan: ExchangePlan) -> None:
        if self._is_open(exchange):
            self._show(plan)

    async def agreed(self, exchange: Exchange, wanted: NextPrompt) -> ExchangePlan | None:
        """Plan what is sent, as the user wishes it in this chat, and show it; None where nothing is sent."""
        plan = await self._plan(exchange, wanted)
        when_full = exchange.choices.when_full
        if plan is not None and plan.dropped and plan.context.fits and when_full == "summarise":
            self._show_in(exchange, plan)
            summary = None
            if exchange.chat is not None:
                summary = await self.summaries.sum_up(exchange.chat, wanted)
            plan = None if summary is None else await self._plan(exchange, replace(wanted, summary=summary))
        if plan is None or exchange.stopped:
            return None
        self._show_in(exchange, plan)
        if not plan.context.fits or (plan.dropped and when_full != "drop"):
            return None
        return plan

    async def _plan(self, exchange: Exchange, wanted: NextPrompt) -> ExchangePlan | None:
        """Plan what is to be sent; None where the user has stopped the reading of the documents."""
        if not self._planner.reads_meaning(wanted):
            return await self._planner.plan(wanted)
        reading = exchange.reading = asyncio.ensure_future(self._planner.plan(wanted, by_meaning=True))
        self.state_changed.emit()
        try:
            return await reading
        except asyncio.CancelledError:
            if self._closed or not reading.cancelled():
                raise
            return None
        finally:
            exchange.reading = None
            if not self._closed:
                self.state_changed.emit()

    def ask_again(self, old: StoredMessage, text: str) -> None:
        """Ask in other words in the place of a question, which stays in the store as its sibling."""
        self.send(text, in_place_of=old)

    def send(self, text: str, *, in_place_of: StoredMessage | None = None) -> None:
        """Send a question of the open chat, whatever chat is open when its reply comes; at once, or once
        the obstacle is gone and its documents are read. Where it cannot be sent at all, the words stay where
        they were written."""
        cannot = self.model is None and not self.obstacle
        if cannot or self.here is not None or not text.strip():
            if in_place_of is not None:
                self._desk.conversation.edit_message(in_place_of.id, text)
            return
        attachments = in_place_of.attachments if in_place_of is not None else self._desk.attachments.waiting
        model = None if self.obstacle else self.model
        exchange = self.begin(model, before=in_place_of, in_place_of=in_place_of)
        exchange.text = text
        if in_place_of is None:
            exchange.documents = self._desk.attachments.coming(exchange.opened, exchange.chat)
        if model is None or exchange.documents:
            # From now on: a load that fails takes it back also before its task has begun.
            exchange.awaited = asyncio.Event()
            self.state_changed.emit()
        self._start(self._ended(exchange, partial(self._send, exchange, text, attachments)))

    def answer_again(self, old: StoredMessage) -> None:
        """Ask for another reply to the same question; the old one stays in the store as its sibling."""
        if not self._can_answer_again:
            return
        exchange = self.begin(self.model, before=old)
        self._start(self._ended(exchange, partial(self._answer, exchange, old)))

    @property
    def _can_answer_again(self) -> bool:
        there = self.model is not None and self._keeper.chat is not None
        return there and self.here is None and not self.obstacle

    def answer_again_with(self, old: StoredMessage, path: str) -> None:
        """As `answer_again`, by another model that was loaded before."""
        if self.here is None and not self.obstacle and self._session.use(path):
            self.use_model(self._session.info)
            self.answer_again(old)

    def continue_reply(self, old: StoredMessage, *, was_left: bool = False) -> None:
        """Let a reply that was cut off go on from its last token, in the same message; nothing is said of its
        end meanwhile where only the window before this one `was_left`."""
        if self.model is None or not self._can_answer_again:
            return
        # What is shown may not have heard how it ended.
        old = self._store.message(old.id)
        if old.outcome not in CUT_OFF or is_elsewhere(self.model.path):
            return
        exchange = self.begin(self.model, before=old)
        exchange.goes_on = old
        if was_left:
            self._desk.conversation.hold_back_end(old.id, True)
        self._start(self._ended(exchange, partial(self._answer, exchange, old)))

    async def _ended(self, exchange: Exchange, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await work()
        finally:
            if exchange.goes_on is not None and not self._closed:
                self._desk.conversation.hold_back_end(exchange.goes_on.id, False)
            self.end(exchange)

    async def _send(self, exchange: Exchange, text: str, attachments: Sequence[Attachment]) -> None:
        if exchange.awaited is not None and not await self._all_came(exchange, exchange.awaited):
            self._give_back(exchange, text, may_choose=False)
            return
        if exchange.in_place_of is None and self._is_open(exchange):
            # More may have been attached while the question waited.
            attachments = self._desk.attachments.waiting
        elif exchange.documents:
            chat_id = exchange.documents[0].chat_id
            attachments = await self._keeper.read(self._store.waiting_attachments, chat_id)
        plan = await self.agreed(exchange, self.replies.wanted(exchange, text, attachments))
        sendable = None if plan is None else await self.replies.screened(exchange, text, plan)
        if plan is None or sendable is None:
            self._give_back(exchange, text, may_choose=plan is None)
            return
        question = await self.keep_question(exchange, text, attachments, plan, sendable)
        await self._reply(exchange, question, sendable)

    async def _all_came(self, exchange: Exchange, awaited: asyncio.Event) -> bool:
        """Wait until a model answers, and let it be the exchange's, and until the documents are read; False
        where there is none then, one of them cannot be read, or the question was taken back."""
        try:
            while (self.obstacle or exchange.awaits_documents) and not exchange.stopped:
                awaited.clear()
                await awaited.wait()
        finally:
            exchange.awaited = None
            if not self._closed:
                self.state_changed.emit()
        exchange.info = None if exchange.stopped else self.model
        if exchange.info is not None and self._is_open(exchange):
            # Those of another model may have come with it.
            exchange.choices = self._desk.choices.choices
        return exchange.info is not None and not any(each.has_failed for each in exchange.documents)

    def _look_at_waiting(self, *_: object) -> None:
        for exchange in self._exchanges:
            if exchange.awaited is not None:
                exchange.awaited.set()

    def _on_typed(self, text: str) -> None:
        """Take back a question that waits when its words are changed: they are not what was sent."""
        here = self.here
        if here is not None and here.awaited is not None and here.in_place_of is None and text != here.text:
            self._stop(here)

    def _on_load_failed(self, *_: object) -> None:
        """Let nothing go to another model than the one that was awaited."""
        for exchange in self._exchanges:
            if exchange.awaited is not None and not self.obstacle:
                self._stop(exchange)

    async def keep_question(
        self,
        exchange: Exchange,
        text: str,
        attachments: Sequence[Attachment],
        plan: ExchangePlan,
        sendable: Sendable,
    ) -> StoredMessage:
        """Keep a question in the store, in a new chat where there is none yet, and show it."""
        exchange.text, exchange.takes_draft = text, exchange.in_place_of is None
        if exchange.chat is None:
            exchange.chat = await self._keeper.kept_chat(
                ChosenChat(exchange.opened, exchange.choices, model_name(exchange.model))
            )
        exchange.question = Once(
            partial(
                self._store.add_message,
                exchange.chat.id,
                exchange.branch[-1].id if exchange.branch else None,
                "user",
                sendable.text,
                attachments=attachments,
                passages=plan.passages,
                edited_id=exchange.in_place_of.id if exchange.in_place_of is not None else None,
            )
        )
        question = await self._keeper.keep_question(exchange.question)
        if exchange.in_place_of is not None:
            self.edit_kept.emit(exchange.in_place_of.id)
        if self._is_open(exchange):
            self._show_question(exchange, question, text)
        exchange.takes_draft = False
        return question

    async def _answer(self, exchange: Exchange, old: StoredMessage) -> None:
        plan = await self.agreed(exchange, self.replies.wanted(exchange))
        again = self.answer_again if exchange.goes_on is None else self.continue_reply
        if plan is None and not exchange.stopped and self._is_open(exchange):
            self._block(partial(again, old))
        sendable = None if plan is None else await self.replies.screened(exchange, "", plan)
        if sendable is None:
            return
        if self._is_open(exchange) and exchange.goes_on is None:
            self._desk.conversation.remove_after(old.parent_id)
            self.summaries.show(old.conversation_id)
        await self._reply(exchange, exchange.branch[-1], sendable)

    def begin(
        self,
        model: ModelInfo | None,
        *,
        before: StoredMessage | None,
        in_place_of: StoredMessage | None = None,
    ) -> Exchange:
        """Begin an exchange of the open chat, behind the messages that come before `before`; `end` must
        follow."""
        self._blocked = None
        # What asked for it goes, or is switched off; the next words are typed.
        self._desk.composer.setFocus()
        self._desk.choices.flush()
        branch = [kept for kept in self._desk.conversation.branch if before is None or kept.id < before.id]
        exchange = Exchange(
            self._keeper.opened, self._keeper.chat, model, self._desk.choices.choices, branch, in_place_of
        )
        self._exchanges.append(exchange)
        self.state_changed.emit()
        return exchange

    def end(self, exchange: Exchange) -> None:
        """End an exchange: its chat can be asked again."""
        self._exchanges.remove(exchange)
        if not self._closed:
            self.state_changed.emit()

    def _give_back(self, exchange: Exchange, text: str, *, may_choose: bool) -> None:
        """Put changed words that were not sent back where they were written, or wait for the user's choice;
        in a chat that was left they are there when it is opened. Those of a new message are still in the
        composer, or became the draft of a chat that was left."""
        old = exchange.in_place_of
        if old is None:
            return
        if self._is_open(exchange):
            edited = old.id, text
            if may_choose and not exchange.stopped:
                self._block(partial(self.send, text, in_place_of=old), edited)
            else:
                self._desk.conversation.edit_message(*edited)

    def _block(
        self,
        again: Callable[[], None],
        edited: tuple[int, str] | None = None,
    ) -> None:
        """Keep an unsent message until the user has chosen what to do, or put changed words back."""
        shown = self._shown
        if shown is not None and shown.dropped and shown.context.fits:
            self._blocked = _Blocked(self._keeper.opened, self._desk.composer.text(), again, edited)
        elif edited is not None:
            self._desk.conversation.edit_message(*edited)

    def _show_question(self, exchange: Exchange, question: StoredMessage, text: str) -> None:
        """Show a question that is in the store now; what was typed since then stays in the composer."""
        desk, old = self._desk, exchange.in_place_of
        if old is None:
            typed = desk.composer.text()
            if typed.startswith(text):
                desk.composer.set_text(typed[len(text) :])
            desk.attachments.show(question.conversation_id)
        else:
            desk.conversation.remove_after(old.parent_id)
            self.summaries.show(question.conversation_id)
        self.question_kept.emit(old is None)
        desk.conversation.add_question(question)

    def close(self) -> Callable[[], None]:
        """Stop reporting, as the tab is being deleted: what is cancelled from now on ends in silence. The
        returned function keeps what was on its way to the store, on another thread."""
        self._closed = True
        self.summaries.close()
        unkept = [replace(exchange) for exchange in self._exchanges]
        for exchange in self._exchanges:
            exchange.question, exchange.place, exchange.takes_draft = None, None, False

        def keep() -> None:
            for exchange in unkept:
                self._keep_last(exchange)

        return keep

    def _keep_last(self, exchange: Exchange) -> None:
        """Keep a question with the place of its reply, which was interrupted before it began; the words of
        one whose chat is not there yet are a draft."""
        try:
            if exchange.question is None and exchange.place is None:
                if exchange.takes_draft:
                    chosen = ChosenChat(exchange.opened, exchange.choices, model_name(exchange.model))
                    chat = exchange.chat or self._keeper.make_chat(chosen)
                    self._store.save_draft(chat.id, exchange.text)
                return
            question = exchange.question() if exchange.question is not None else None
            if exchange.place is not None:
                self._store.save_reply(exchange.place().id, "", "", outcome="interrupted")
            elif question is not None:
                self._store.add_message(
                    question.conversation_id,
                    question.id,
                    "assistant",
                    model=model_name(exchange.model),
                    outcome="interrupted",
                )
        except DiskFullError:
            if exchange.takes_draft:
                number = exchange.chat.id if exchange.chat is not None else 0
                self._store.keep_last(LastWord(chat=number, draft=exchange.text))

    async def _reply(self, exchange: Exchange, question: StoredMessage, sendable: Sendable) -> None:
        """Generate one reply into the store and, where its chat is open, the column; wait for its end."""
        chat, info, choices = exchange.chat, exchange.model, exchange.choices
        assert chat is not None
        conversation, before = self._desk.conversation, exchange.goes_on
        if before is not None:
            message = before
            await self._keeper.write(self._store.go_on, message.id, model_name(info))
            view = conversation.go_on_with(message, question)
        else:
            exchange.place = self._keeper.reply_place(
                chat, question.id, model_name(info), choices.json_schema
            )
            message = await self._keeper.write(exchange.place)
            view = conversation.make_reply(message, question)
            if self._is_open(exchange):
                conversation.add_live_reply(message, view)
        # In a turn of its own: with the view's making and the model's beginning it took 50 ms.
        await asyncio.sleep(0)
        self.replies.begin(exchange, message, view, sendable)
        self.chats_changed.emit()
        self.state_changed.emit()
        kept = await self.replies.generate(exchange, message, sendable)
        conversation.end_live_reply(kept, view)
        if self._keeper.is_open(chat.id):
            conversation.show_versions(versions_of(self._store.messages(chat.id)))
        await self.replies.prepare_next(exchange, sendable, kept)
        await self._keeper.name_after(kept)
        self.chats_changed.emit()
