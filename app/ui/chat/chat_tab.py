"""The Chat tab: the chats, one conversation, and the reply that is coming in."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import (
    QKeyEvent,
    QKeySequence,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.chat.library.library import ChatLibrary
from app.chat.store.records import Conversation
from app.chat.store.search import SearchHit
from app.chat.store.store import ChatStore
from app.chat.turn import chat_key
from app.engine.protocol import ModelInfo
from app.ui.base.add_action import allow
from app.ui.base.engine_session import model_name
from app.ui.base.offers import Offers, row_commands
from app.ui.base.slices import Stepped
from app.ui.base.stray_typing import means_text
from app.ui.chat.behaviour.chat_choices import ChatChoices
from app.ui.chat.behaviour.chat_presets import ChatPresets
from app.ui.chat.behaviour.reply_settings import ReplySettings
from app.ui.chat.chat_actions import ChatActions
from app.ui.chat.chat_drafts import ChatDrafts
from app.ui.chat.chat_edits import ChatEdits
from app.ui.chat.chat_exchange import ChatDesk, ChatExchange
from app.ui.chat.chat_readiness import ChatReadiness
from app.ui.chat.comparison.chat_comparison import ChatComparison
from app.ui.chat.composing.chat_attachments import ChatAttachments
from app.ui.chat.composing.chat_prompts import ChatPrompts
from app.ui.chat.composing.composer import Composer
from app.ui.chat.composing.context_notice import ContextNotice
from app.ui.chat.composing.filter_notice import FilterNotice
from app.ui.chat.conversation.chat_branch import ChatBranch
from app.ui.chat.conversation.chat_foot import ChatFoot
from app.ui.chat.conversation.chat_writer import ChatKeeper, ChosenChat
from app.ui.chat.conversation.conversation_view import ConversationView
from app.ui.chat.list.chat_list import ChatList
from app.ui.chat.list.chat_list_actions import ChatListActions
from app.ui.reply.reply_runner import ReplyRunner
from app.ui.reply.reply_view import ReplyView
from app.ui.widgets.drop_veil import DropVeil
from app.ui.widgets.dropped import dropped_without_models
from app.ui.widgets.inline_notices import InlineNotices
from app.ui.widgets.remote_line import ElsewhereLine
from app.ui.widgets.ui_context import UiContext

ROOM_FOR_ALL_PX = 960
BUDGET_MS = 300


class ChatTab(QWidget, Stepped):
    """Conversations with the loaded model. GUI thread."""

    to_code_requested = Signal(str, str)
    """Code of a reply and the language its fence named."""
    models_requested = Signal()
    """The user wants to choose or get a model."""
    models_dropped = Signal(list)
    """A folder, and what was dropped with it: their paths."""
    filters_requested = Signal()
    """The user wants to see the rules of the input filter."""
    load_settings_requested = Signal()
    """The user wants the model with a larger context."""
    chat_opened = Signal(int)
    """Another chat is shown; 0 for a new one."""
    reply_ended = Signal(int, str, float)
    """The chat, its title and the seconds since its question was sent."""
    made = Signal()
    """It is whole, where it was made in steps."""

    def __init__(
        self,
        ui: UiContext,
        store: ChatStore,
        library: ChatLibrary,
        parent: QWidget | None = None,
        *,
        in_steps: bool = False,
    ) -> None:
        """`in_steps` it is made by `making`."""
        super().__init__(parent)
        self.failures = InlineNotices(ui.theme)
        """What went wrong in the chat that is open."""
        self._places: dict[int, str] = {}
        self._unseen = False
        """A chat was opened while the tab could not be seen."""
        ui = replace(ui, bridge=ui.bridge.for_place(lambda: ui.notices.at(self.failures)))
        self._session = ui.session
        self._theme = ui.theme
        self._bridge = ui.bridge
        self._keeper = ChatKeeper(store)
        self._runner = ReplyRunner(store, ui.session, ui.bridge, ui.notices, self._on_reply_end)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._begin_making(self._make(ui, store, library), in_steps=in_steps)

    def _make(self, ui: UiContext, store: ChatStore, library: ChatLibrary) -> Iterator[None]:
        self.chats = ChatList(ui.theme)
        self.list_actions = ChatListActions(self.chats, self._keeper, ui.notices, self.start, self)
        self.conversation = ConversationView(ui.theme)
        yield
        self.composer = Composer(ui.theme)
        self.composer.refused.connect(ui.notices.inform)
        self.attachments = ChatAttachments(
            ui, self.composer.attachments, self._keeper, self.start, self._chosen, self.failures, self
        )
        self.notice = ContextNotice(ui.theme)
        self.filter_notice = FilterNotice(ui.theme)
        self.elsewhere_line = ElsewhereLine(ui.session, ui.theme)
        yield
        self.choices = ReplySettings(ui.theme)
        self.choices.hide()
        yield
        desk = ChatDesk(
            self.conversation,
            self.composer,
            self.attachments,
            self.notice,
            self.filter_notice,
            self.choices,
        )
        self.exchange = ChatExchange(ui, store, self._keeper, self._runner, desk, self.start, self)
        self._edits = ChatEdits(
            self._keeper, self.conversation.edit_typed, self.exchange.edits, self.start, self
        )
        self._branch = ChatBranch(
            store,
            self._keeper,
            self._runner,
            self.exchange.summaries,
            self.conversation,
            self.start,
            self._edits.of,
            self,
        )
        for kept in (self.exchange.edit_kept, self._branch.edit_kept):
            kept.connect(lambda message_id: self._edits.note(message_id, ""))
        self.comparison = ChatComparison(
            ui, self._keeper, self._runner, self.exchange, desk, self._branch, self
        )
        self.drafts = ChatDrafts(
            self._keeper,
            self.composer,
            self.exchange,
            self.start,
            self._chosen,
            self,
        )
        self._readiness = ChatReadiness(
            ui.session,
            self.exchange,
            self.conversation,
            self.composer,
            self,
        )
        self.presets = ChatPresets(
            library.presets, self.choices, ui.session, ui.settings, ui.notices, ui.bridge, self
        )
        self._choosing = ChatChoices(
            self._keeper, self.choices, self.presets, ui.settings, self.start, self._chosen, self
        )
        self.prompts = ChatPrompts(library.prompts, self.composer, ui.notices, ui.bridge, self)
        yield
        self._lay_out()
        self.setFocusProxy(self.composer)
        yield
        DropVeil(
            self,
            self.tr("Attach to the message"),
            dropped_without_models,
            lambda paths: self.start(self.attachments.attach(paths)),
        )
        self._budget_timer = QTimer(self, singleShot=True, interval=BUDGET_MS)
        self._budget_timer.timeout.connect(lambda: self.start(self.exchange.update_budget()))
        actions = ChatActions(
            self,
            self.chats,
            self.conversation,
            self.composer,
            self.attachments,
            self.prompts,
            stop=self.stop,
            open_new_chat=lambda: self.open_chat(None),
            ask_for_schema=self._choosing.ask_for_schema,
            running=lambda: self.exchange.here is not None,
            why_not=self._readiness.refusal,
            compare=(self.comparison.open, self.comparison.refusal),
        )
        actions.stop.setEnabled(False)
        self._stop_action, self._continue_action = actions.stop, actions.go_on
        self._connect()
        if ui.session.info is not None:
            self._follow_model(ui.session.info)
        Offers(
            self,
            lambda: row_commands(self.choices, self.tr("Model behaviour"), self._open_drawer),
            covers=self.choices,
        )
        Offers(self, self.presets.commands)
        yield
        chats = [chat.id for chat in store.conversations()]
        last = ui.settings.values.last_chat
        self.open_chat(last if last in chats else next(iter(chats), None))
        self.attachments.go_on()
        self.made.emit()

    # What the window calls

    @property
    def chat(self) -> Conversation | None:
        """The chat that is open; None for a new one of which nothing is kept yet."""
        return self._keeper.chat

    @property
    def is_blank(self) -> bool:
        """Tell whether a new chat is open, in which nothing is typed yet."""
        return self.chat is None and not self.composer.text().strip()

    @property
    def running_view(self) -> ReplyView | None:
        """The reply that is coming in in the open chat, or else the oldest of the others'."""
        here = self.running_view_in(self.chat.id) if self.chat is not None else None
        return here or next((reply.view for reply in self._runner.running), None)

    def running_view_in(self, chat_id: int) -> ReplyView | None:
        """The reply that is coming in in a chat; None where there is none."""
        running = self._runner.running_in(chat_id)
        return running.view if running is not None else None

    @property
    def parts(self) -> list[tuple[QWidget, QWidget | None]]:
        """As in `HasParts`."""
        own = (self.chats, self.conversation, self.failures, self.composer, self.choices)
        return [(part, part.focusProxy()) for part in own]

    @property
    def context(self) -> tuple[str, int | None]:
        """The open chat's key for the engine, empty for a new one, and the tokens in the context after its
        last reply, as it was kept; None where they were not."""
        replies = [message for message in self.conversation.branch if message.role == "assistant"]
        # One that is coming in counts for nothing until the engine tells of it.
        ended = [reply.stats for reply in replies if reply.outcome != "running"]
        stats = ended[-1] if ended else None
        tokens = None if stats is None else stats.context_tokens_used
        return chat_key(self.chat.id) if self.chat else "", tokens if ended else 0

    @property
    def answering(self) -> str:
        """The title of the chat whose reply has been coming in for the longest; empty where there is none."""
        running = self._runner.running
        return self.list_actions.title(running[0].chat.id) if running else ""

    def send(self, text: str) -> None:
        """Send a message in the open chat, as if it had been typed."""
        self.composer.set_text(text)
        self.exchange.send(text)

    def stop(self) -> None:
        """Stop the reply of the open chat; what has come is kept."""
        self.exchange.stop()

    @property
    def answered_chats(self) -> tuple[int, ...]:
        """The chats whose replies are coming in, the oldest first, and those where they are about to."""
        running = (reply.chat.id for reply in self._runner.running)
        return tuple(dict.fromkeys([*running, *sorted(self.exchange.unanswered)]))

    def go_on(self, chats: Sequence[int]) -> None:
        """Let the last replies of these chats go on, which were cut off in another window."""
        shown = self.chat
        for chat_id in chats:
            if self.chat is None or self.chat.id != chat_id:
                self.open_chat(chat_id)
            if self.conversation.branch:
                self.exchange.continue_reply(self.conversation.branch[-1], was_left=True)
        if self.chat is not shown:
            self.open_chat(shown.id if shown is not None else None)

    def close_down(self) -> Callable[[], None]:
        """Stop all replies, before the tab is deleted. The returned function keeps what is typed and waits
        until all is on the disk, on another thread.

        Running tasks of the tab are cancelled; it must not be used afterwards.
        """
        self._budget_timer.stop()
        keep_draft, keep_edits = self.drafts.close_down(), self._edits.close_down()
        keep_summary = self.exchange.summaries.edits.close_down()
        keep_choices = self._choosing.close_down()
        for task in self._tasks:
            task.cancel()
        self._readiness.close()
        self.comparison.close()
        keep_questions = self.exchange.close()
        wait_for_reply = self._runner.close_down()

        def keep() -> None:
            try:
                # A draft may make the chat that the choices belong to.
                keep_draft()
                keep_choices()
                # Before what was sent of them, which then stands for them.
                keep_edits()
                keep_summary()
                keep_questions()
            finally:
                wait_for_reply()

        return keep

    def _on_reply_end(self, chat: Conversation, seconds: float) -> None:
        # The question has named a new chat meanwhile.
        self.reply_ended.emit(chat.id, self._keeper.store.conversation(chat.id).title, seconds)
        self._branch.check_code()

    def show_chats(self) -> None:
        """Fill the list from the store."""
        self._name_place()
        self.list_actions.show()

    def reread(self) -> None:
        """Show the list, and what goes along with the open chat, as they are on the disk now."""
        if self.chat is not None and not self._keeper.store.lists(self.chat.id):
            # It was imported, and is taken out again.
            self.open_chat(None)
        self.show_chats()
        if self.chat is not None:
            self.attachments.show(self.chat.id)
            self.exchange.summaries.show(self.chat.id)
        self.presets.show_name()
        self.prompts.refresh()

    def open_if_there(self, conversation_id: int) -> None:
        """Show a chat that may be gone."""
        if self._keeper.store.lists(conversation_id):
            self.open_chat(conversation_id)

    def _name_place(self) -> None:
        """Let the failures that are shown be those of the open chat, also once a new one is kept."""
        opening = f"opening {self._keeper.opened}"
        chat = self.chat
        self.failures.show_subject(self._places.setdefault(chat.id, opening) if chat is not None else opening)

    def open_chat(self, conversation_id: int | None) -> None:
        """Show a chat, or an empty one."""
        self.choices.flush()
        self.drafts.keep()
        self._edits.keep()
        self.exchange.summaries.edits.keep()
        left = self.chat
        # The chat that was open may have been made meanwhile.
        self._name_place()
        self._keeper.open(conversation_id)
        if left is not None and left.id not in {
            conversation_id,
            *self.exchange.busy,
            *self.attachments.reading,
        }:
            self.start(self._drop_if_empty(left.id))
        self.chat_opened.emit(conversation_id or 0)
        chat = self.chat
        self._name_place()
        self._unseen = not self.isVisible()
        if not self._unseen:
            self._use_own_model()
        self.drafts.show()
        self.attachments.show(chat.id if chat else None)
        self.composer.meter.show_use(None)
        self.notice.hide()
        self.filter_notice.hide()
        self._choosing.show()
        self.presets.show_name()
        self._branch.show()
        self.show_chats()
        self._show_what_runs()
        self._readiness.follow()
        # In the list the arrows, F2 and Delete go on; what is typed there goes to the message.
        if not self.chats.has_keyboard:
            self.composer.setFocus()

    def _use_own_model(self) -> None:
        """Let the model answer that the open chat was last had with, where that takes no load."""
        own_model = self._session.known(self.chat.model) if self.chat is not None else ""
        if own_model:
            self._session.use(own_model)

    def show_hit(self, hit: SearchHit) -> None:
        """Open the chat of a search hit, at the message."""
        if self.chat is None or self.chat.id != hit.conversation_id:
            self.open_chat(hit.conversation_id)
        if hit.message_id is not None:
            self._branch.show_message(hit.message_id)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Typing goes into the message from the start."""
        super().showEvent(event)
        if self._unseen:
            self._unseen = False
            self._use_own_model()
        self.composer.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Copy or clear what is selected of the conversation, also from the message field.

        What is typed where it means nothing goes into the message.
        """
        selected = not self.conversation.selection.is_empty
        if selected and event.matches(QKeySequence.StandardKey.Copy):
            self.conversation.copy_selection()
        elif selected and event.key() == Qt.Key.Key_Escape:
            self.conversation.clear_selection()
        elif means_text(event):
            self.composer.take_key(event)
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """In a narrow window the open drawer takes the place of the list."""
        super().resizeEvent(event)
        self._make_room()

    # Layout and wiring

    def _lay_out(self) -> None:
        foot = ChatFoot(
            (self.failures, self.notice, self.filter_notice, self.elsewhere_line, self.composer),
            self.conversation.verticalScrollBar().sizeHint().width(),
        )
        self.toast_place = foot.toast_place
        middle = QVBoxLayout()
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(0)
        middle.addWidget(self.conversation, 1)
        middle.addWidget(foot)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.chats)
        row.addLayout(middle, 1)
        row.addWidget(self.choices)

    def _connect(self) -> None:
        self.chats.new_chat_requested.connect(lambda: self.open_chat(None))
        self.chats.chat_chosen.connect(self.open_chat)
        self.chats.search_left.connect(self.composer.setFocus)
        self.list_actions.deleting.connect(self.exchange.stop_in)
        self.list_actions.deleting.connect(self.attachments.put_off)
        self.list_actions.restored.connect(lambda _: self.attachments.go_on())
        self.list_actions.deleting.connect(lambda which: self._session.client.drop_states([chat_key(which)]))
        self.list_actions.changed.connect(self.show_chats)
        self.list_actions.open_requested.connect(self.open_chat)
        self.conversation.to_code_requested.connect(self.to_code_requested)
        self.conversation.another_requested.connect(self.exchange.answer_again)
        self.conversation.another_with_requested.connect(self.exchange.answer_again_with)
        self.conversation.continue_requested.connect(self.exchange.continue_reply)
        self.conversation.compare_requested.connect(self.comparison.open_beside)
        self.composer.compare_requested.connect(self.comparison.open)
        self.comparison.changed.connect(self._budget_timer.start)
        self.conversation.continuing_changed.connect(self._continue_action.setEnabled)
        self.conversation.load_settings_requested.connect(self.load_settings_requested)
        self.conversation.offer_models(lambda: self._session.known_models)
        self._branch.forked.connect(self.open_chat)
        self.conversation.edit_requested.connect(self.exchange.ask_again)
        self.conversation.editing_ended.connect(self.composer.setFocus)
        self._branch.switched.connect(self._budget_timer.start)
        self.chats.hit_chosen.connect(self.show_hit)
        self.exchange.chats_changed.connect(self.show_chats)
        self.exchange.state_changed.connect(self._show_what_runs)
        self.drafts.chat_made.connect(self.show_chats)
        self._readiness.ready.connect(self._budget_timer.start)
        self.composer.send_requested.connect(self.exchange.send)
        self.composer.stop_requested.connect(self.stop)
        self.composer.attach_requested.connect(self.attachments.ask_for_files)
        self.composer.files_given.connect(lambda files: self.start(self.attachments.attach(files)))
        self.conversation.document_requested.connect(self.attachments.show_document)
        self.attachments.changed.connect(self._budget_timer.start)
        self.attachments.reading_changed.connect(self._show_what_can_be_compared)
        self.attachments.chat_made.connect(self.show_chats)
        self.attachments.folders_given.connect(self.models_dropped)
        self.attachments.files_chosen.connect(self.composer.setFocus)
        self.composer.remedy_requested.connect(self.models_requested)
        self.composer.text_changed.connect(self._budget_timer.start)
        self.composer.text_changed.connect(self._show_what_can_be_compared)
        self.composer.settings_toggled.connect(self._show_drawer)
        self.composer.effort.chosen.connect(self.choices.choose_thinking)
        self.choices.edited.connect(
            lambda: self.composer.effort.show_tokens(self.choices.choices.thinking.tokens)
        )
        self.choices.close_requested.connect(lambda: self.composer.settings.setChecked(False))
        self._choosing.kept.connect(self.show_chats)
        self._choosing.kept.connect(self._budget_timer.start)
        self.notice.chosen.connect(self.exchange.choose)
        self.filter_notice.filters_requested.connect(self.filters_requested)
        self.conversation.summary_cancelled.connect(self.exchange.stop)
        self.notice.new_chat_requested.connect(self._move_to_new_chat)
        self._session.reservation_changed.connect(self._show_what_can_be_compared)
        self._session.loaded.connect(self._on_loaded)
        self._session.unloaded.connect(self._on_unloaded)

    def _show_what_can_be_compared(self) -> None:
        allow(self.composer.compare, self.comparison.refusal())

    def _show_what_runs(self) -> None:
        self._show_what_can_be_compared()
        self._stop_action.setEnabled(self.exchange.here is not None)
        self.chats.show_busy(self.exchange.busy)

    def _open_drawer(self) -> None:
        self.composer.settings.setChecked(True)

    def _show_drawer(self, shown: bool) -> None:
        self.choices.setVisible(shown)
        self._make_room()

    def _make_room(self) -> None:
        self.chats.setVisible(self.choices.isHidden() or self.width() >= self._theme.pixels(ROOM_FOR_ALL_PX))

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do something of the tab, which ends with it; a failure is told in it."""
        task = self._bridge.start(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # The engine

    def _on_loaded(self, info: ModelInfo) -> None:
        self.exchange.use_model(info)
        if self.chat is not None and self.chat.model != model_name(info) and not self._session.reserved_for:
            self.start(self._keeper.save_model(self.chat, model_name(info)))
        self._follow_model(info)
        if self.chat is None and not self.choices.pending:
            self._choosing.show()
        self.attachments.forget_counts()
        self._readiness.follow()

    def _follow_model(self, info: ModelInfo) -> None:
        self.choices.follow_model(info.name)
        self.presets.show_name()

    def _on_unloaded(self) -> None:
        self.exchange.use_model(None)
        self._readiness.follow()

    def _move_to_new_chat(self) -> None:
        text = self.composer.text()
        self.composer.set_text("")
        self.open_chat(None)
        self.composer.set_text(text)

    # Chats

    def _chosen(self) -> ChosenChat:
        model = model_name(self._session.info) if self._session.info is not None else ""
        return self._keeper.chosen(self.choices.choices, model)

    async def _drop_if_empty(self, chat_id: int) -> None:
        """Take a chat that was left off the list if there is nothing in it."""
        if await self._keeper.write(self._keeper.store.delete_if_empty, chat_id):
            self.show_chats()
