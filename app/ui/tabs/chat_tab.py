"""The Chat tab: the chats, one conversation, and the reply that is coming in."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QKeySequence,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.chat.branches import newest_end, versions_of
from app.chat.choices import ReplyChoices
from app.chat.library import ChatLibrary
from app.chat.records import Conversation
from app.chat.search import SearchHit
from app.chat.store import ChatStore
from app.chat.summary import summary_of
from app.chat.turn import chat_key
from app.engine.messages import ModelInfo
from app.settings import SettingsFile
from app.ui.bridge import Bridge
from app.ui.dialogs.schema_dialog import SchemaDialog
from app.ui.session import EngineSession, model_name
from app.ui.tabs.chat_attachments import ChatAttachments
from app.ui.tabs.chat_exchange import ChatDesk, ChatExchange
from app.ui.tabs.chat_health import ChatHealth
from app.ui.tabs.chat_keeper import ChatKeeper
from app.ui.tabs.chat_list_actions import ChatListActions
from app.ui.tabs.chat_presets import ChatPresets
from app.ui.tabs.chat_prompts import ChatPrompts
from app.ui.tabs.chat_syntax import ChatSyntax
from app.ui.tabs.reply_runner import ReplyRunner
from app.ui.theme import Theme
from app.ui.widgets.actions import add_action
from app.ui.widgets.chat_column import COLUMN_PX, MARGIN_PX
from app.ui.widgets.chat_list import ChatList
from app.ui.widgets.code_card import CodeCard
from app.ui.widgets.composer import Composer, ComposerState
from app.ui.widgets.context_notice import ContextNotice
from app.ui.widgets.conversation_view import ConversationView
from app.ui.widgets.drop_veil import DropVeil
from app.ui.widgets.dropped import dropped_files, dropped_models
from app.ui.widgets.elsewhere_line import ElsewhereLine
from app.ui.widgets.filter_notice import FilterNotice
from app.ui.widgets.notices import Notices
from app.ui.widgets.reply_settings import ReplySettings
from app.ui.widgets.reply_view import ReplyView

ROOM_FOR_ALL_PX = 960
DRAFT_MS = 700
BUDGET_MS = 300


class ChatTab(QWidget):
    """Conversations with the loaded model. GUI thread."""

    to_code_requested = Signal(str, str)
    """Code of a reply and the language its fence named."""
    models_requested = Signal()
    filters_requested = Signal()
    """The user wants to see the rules of the input filter."""
    chat_opened = Signal(int)
    """Another chat is shown; 0 for a new one."""
    reply_ended = Signal(int, str, float)
    """The chat, its title and the seconds since its question was sent."""
    """The user wants to choose or get a model."""

    def __init__(
        self,
        store: ChatStore,
        session: EngineSession,
        settings: SettingsFile,
        theme: Theme,
        bridge: Bridge,
        notices: Notices,
        library: ChatLibrary,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._settings = settings
        self._theme = theme
        self._bridge = bridge
        self._notices = notices
        self._store = store
        self._keeper = ChatKeeper(store)
        self._runner = ReplyRunner(store, session, bridge, notices, self._on_reply_end)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

        self.chats = ChatList(theme)
        self.list_actions = ChatListActions(self.chats, self._keeper, notices, self._start, self)
        self.conversation = ConversationView(theme)
        self.composer = Composer(theme)
        self.attachments = ChatAttachments(
            self.composer.attachments,
            self._keeper,
            session,
            theme,
            notices,
            self._start,
            lambda: self._keeper.kept_chat(self.choices.choices),
            self,
        )
        self.notice = ContextNotice(theme)
        self.filter_notice = FilterNotice(theme)
        self.elsewhere_line = ElsewhereLine(session, theme)
        self.choices = ReplySettings(theme)
        self.choices.hide()
        self.exchange = ChatExchange(
            store,
            self._keeper,
            session,
            settings,
            self._runner,
            ChatDesk(
                self.conversation,
                self.composer,
                self.attachments,
                self.notice,
                self.filter_notice,
                self.choices,
            ),
            self._start,
            bridge,
            notices,
            self,
        )
        self._syntax = ChatSyntax(self._start, self)
        self.presets = ChatPresets(library.presets, self.choices, session, settings, notices, self)
        self.prompts = ChatPrompts(library.prompts, self.composer, notices, self)
        self._lay_out()
        self.setFocusProxy(self.composer)
        self._veil = DropVeil(self, self.tr("Attach to the message"))
        self.setAcceptDrops(True)
        self._draft_timer = self._timer(DRAFT_MS, self._keep_draft)
        self._budget_timer = self._timer(BUDGET_MS, lambda: self._start(self.exchange.update_budget()))
        self._connect()
        chats = [chat.id for chat in store.conversations()]
        last = settings.values.last_chat
        self.open_chat(last if last in chats else next(iter(chats), None))
        self._health = ChatHealth(store, notices, self._start, self)

    # What the window calls

    @property
    def chat(self) -> Conversation | None:
        """The chat that is open; None for a new one of which nothing is kept yet."""
        return self._keeper.chat

    @property
    def running_view(self) -> ReplyView | None:
        """The reply that is coming in, in whichever chat."""
        return self._runner.running.view if self._runner.running else None

    def send(self, text: str) -> None:
        """Send a message in the open chat, as if it had been typed."""
        self.composer.set_text(text)
        self._start(self.exchange.send(text))

    def stop(self) -> None:
        """Stop the reply; what has come is kept."""
        self.exchange.stop()

    def close_down(self) -> None:
        """Before the tab goes: keep what is typed, stop the reply and wait until it is on the disk.

        What the tab had begun is cancelled; it must not be used afterwards.
        """
        for timer in (self._draft_timer, self._budget_timer):
            timer.stop()
        self._health.stop()
        for task in self._tasks:
            task.cancel()
        self._closed = True
        self.exchange.close()
        draft = self.composer.text()
        if self.chat is None and draft.strip():
            self._keeper.chat = self._store.create_conversation()
        if self.chat is not None and draft != self.chat.draft:
            self._store.save_draft(self.chat.id, draft)
        if self.chat is not None and self.choices.pending:
            self._store.save_choices(self.chat.id, self.choices.choices)
        self._runner.close_down()

    def _on_reply_end(self, chat: Conversation, seconds: float) -> None:
        self.reply_ended.emit(chat.id, chat.title, seconds)
        self._check_code()

    def show_chats(self) -> None:
        """Fill the list from the store."""
        self.list_actions.show()

    def open_chat(self, conversation_id: int | None) -> None:
        """Show a chat, or an empty one."""
        self.choices.flush()
        self._keep_draft(leaving=True)
        self._keeper.open(conversation_id)
        self.chat_opened.emit(conversation_id or 0)
        chat = self.chat
        own_model = self._session.known(chat.model) if chat is not None else ""
        if own_model:
            self._session.use(own_model)
        self.composer.set_text(chat.draft if chat else "")
        self.attachments.show(chat.id if chat else None)
        self._draft_timer.stop()
        self.composer.meter.show_use(None)
        self.notice.hide()
        self.filter_notice.hide()
        self.choices.show_choices(
            chat.choices if chat else self.presets.first_choices(), self._settings.values.sampling
        )
        self.presets.show_name()
        self._show_branch(chat)
        self.show_chats()
        self._follow_engine()
        self.composer.setFocus()

    def show_hit(self, hit: SearchHit) -> None:
        """Open the chat of a search hit, at the message."""
        if self.chat is None or self.chat.id != hit.conversation_id:
            self.open_chat(hit.conversation_id)
        if hit.message_id is not None and not self.conversation.show_message(hit.message_id):
            self._start(self._show_version(hit.message_id))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Typing goes into the message from the start."""
        super().showEvent(event)
        self.composer.setFocus()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """In a narrow window the open drawer takes the place of the list."""
        super().resizeEvent(event)
        self._make_room()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's name
        """Take documents anywhere in the tab; models are for the window."""
        if dropped_files(event.mimeData()) and not dropped_models(event.mimeData()):
            event.acceptProposedAction()
            self._veil.lay_over()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802 - Qt's name
        """Nothing is dropped."""
        self._veil.hide()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 - Qt's name
        """Attach the documents to the message that is being written."""
        self._veil.hide()
        event.acceptProposedAction()
        self._start(self.attachments.attach(dropped_files(event.mimeData())))

    # Layout and wiring

    def _lay_out(self) -> None:
        foot = QWidget()
        foot.setMaximumWidth(COLUMN_PX)
        foot_column = QVBoxLayout(foot)
        foot_column.setContentsMargins(0, 0, 0, 0)
        foot_column.setSpacing(8)
        foot_column.addWidget(self.notice)
        foot_column.addWidget(self.filter_notice)
        foot_column.addWidget(self.elsewhere_line)
        foot_column.addWidget(self.composer)
        foot_row = QHBoxLayout()
        foot_row.addStretch(1)
        foot_row.addWidget(foot, 1000)
        foot_row.addStretch(1)
        # Below the column, which the scroll bar pushes to the left.
        bar = self.conversation.verticalScrollBar().sizeHint().width()
        foot_row.setContentsMargins(MARGIN_PX, 8, MARGIN_PX + bar, 14)
        middle = QVBoxLayout()
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(0)
        middle.addWidget(self.conversation, 1)
        middle.addLayout(foot_row)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.chats)
        row.addLayout(middle, 1)
        row.addWidget(self.choices)

    def _connect(self) -> None:
        self.chats.new_chat_requested.connect(lambda: self.open_chat(None))
        self.chats.chat_chosen.connect(self.open_chat)
        self.list_actions.deleting.connect(self._stop_in)
        self.list_actions.deleting.connect(lambda which: self._session.client.drop_states([chat_key(which)]))
        self.list_actions.changed.connect(self.show_chats)
        self.list_actions.open_requested.connect(self.open_chat)
        self.conversation.to_code_requested.connect(self.to_code_requested)
        self.conversation.another_requested.connect(lambda old: self._start(self.exchange.answer_again(old)))
        self.conversation.edit_requested.connect(lambda *what: self._start(self.exchange.ask_again(*what)))
        self.conversation.version_requested.connect(lambda which: self._start(self._show_version(which)))
        self.chats.hit_chosen.connect(self.show_hit)
        self.exchange.chats_changed.connect(self.show_chats)
        self.exchange.state_changed.connect(self._follow_engine)
        self.conversation.earlier_requested.connect(self._check_code)
        self.exchange.question_kept.connect(self._on_question_kept)
        self.composer.send_requested.connect(lambda text: self._start(self.exchange.send(text)))
        self.composer.stop_requested.connect(self.stop)
        self.composer.attach_requested.connect(self.attachments.ask_for_files)
        self.composer.files_given.connect(lambda files: self._start(self.attachments.attach(files)))
        self.conversation.document_requested.connect(self.attachments.show_document)
        self.attachments.changed.connect(self._budget_timer.start)
        self.composer.remedy_requested.connect(self.models_requested)
        self.composer.text_changed.connect(self._draft_timer.start)
        self.composer.text_changed.connect(self._budget_timer.start)
        self.composer.settings_toggled.connect(self._show_drawer)
        self.choices.close_requested.connect(lambda: self.composer.settings.setChecked(False))
        self.choices.changed.connect(self._on_choices_changed)
        self.choices.schema_asked.connect(self._ask_for_schema)
        self.presets.chosen.connect(self._take_choices)
        self.notice.chosen.connect(self.exchange.choose)
        self.filter_notice.filters_requested.connect(self.filters_requested)
        self.conversation.summary_cancelled.connect(self.exchange.stop)
        self.conversation.summary_changed.connect(
            lambda *what: self._start(self.exchange.summaries.change(*what))
        )
        self.conversation.summary_removed.connect(
            lambda which: self._start(self.exchange.summaries.remove(which))
        )
        self.notice.new_chat_requested.connect(self._move_to_new_chat)
        self._session.loaded.connect(self._on_loaded)
        self._session.unloaded.connect(self._on_unloaded)
        for changed in (
            self._session.loading,
            self._session.load_failed,
            self._session.engine_died,
            self._session.reservation_changed,
        ):
            changed.connect(self._follow_engine)
        for text, keys, slot in (
            (self.tr("Stop the reply"), "Escape", self.stop),
            (self.tr("New chat"), QKeySequence.StandardKey.New, lambda: self.open_chat(None)),
            (self.tr("Next chat"), "Ctrl+PgDown", lambda: self.chats.choose_next(1)),
            (self.tr("Previous chat"), "Ctrl+PgUp", lambda: self.chats.choose_next(-1)),
            (self.tr("Go to the end of the chat"), "Ctrl+End", self.conversation.go_to_end),
            (self.tr("Search all chats"), "Ctrl+Shift+F", self.chats.begin_search),
            (self.tr("Attach files"), "Ctrl+Shift+A", self.attachments.ask_for_files),
            (self.tr("Model behaviour"), "Ctrl+B", self.composer.settings.toggle),
            (self.tr("Regenerate the reply"), "Ctrl+R", self.conversation.ask_for_another),
            (self.tr("Edit the last message"), "Ctrl+Up", self.conversation.edit_last),
            (self.tr("Copy the last reply"), "Ctrl+Shift+C", self.conversation.copy_last),
            (
                self.tr("Copy the last reply with its thinking"),
                "Ctrl+Alt+C",
                lambda: self.conversation.copy_last(with_thinking=True),
            ),
            (self.tr("Show or fold the thinking"), "Ctrl+T", self.conversation.toggle_thinking),
            (self.tr("Answer now"), "Ctrl+J", self.conversation.answer_now),
            (self.tr("Import chats"), "", self.chats.import_requested.emit),
            (self.tr("Prompt library"), "Ctrl+Shift+L", self.prompts.open_library),
            (self.tr("Structured answers"), "", self._ask_for_schema),
        ):
            add_action(self, text, keys, slot)

    def _show_drawer(self, shown: bool) -> None:
        self.choices.setVisible(shown)
        self._make_room()

    def _make_room(self) -> None:
        self.chats.setVisible(self.choices.isHidden() or self.width() >= self._theme.pixels(ROOM_FOR_ALL_PX))

    def _timer(self, interval_ms: int, slot: Callable[[], object]) -> QTimer:
        timer = QTimer(self, singleShot=True, interval=interval_ms)
        timer.timeout.connect(slot)
        return timer

    def _start(self, work: Coroutine[Any, Any, Any]) -> None:
        task = self._bridge.start(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # The engine

    def _on_loaded(self, info: ModelInfo) -> None:
        self.exchange.use_model(info)
        if self.chat is None and not self.choices.pending:
            self.choices.show_choices(self.presets.first_choices(), self._settings.values.sampling)
        self.attachments.forget_counts()
        self._follow_engine()

    def _on_unloaded(self) -> None:
        self.exchange.use_model(None)
        self._follow_engine()

    def _follow_engine(self, *_: object) -> None:
        """Say what can be done now."""
        if self._closed:
            return
        session, running = self._session, self._runner.running
        self.conversation.offer_editing(running is None and self.exchange.model is not None)
        self.conversation.show_model(
            model_name(session.info) if session.info else "",
            session.info.backend if session.info and session.answers_elsewhere else "",
        )
        if running is not None:
            reason = ""
            if not self._keeper.is_open(running.chat.id):
                reason = self.tr("Answering in “{title}”").format(
                    title=self.list_actions.title(running.chat.id)
                )
            self.composer.set_state(ComposerState.RUNNING, reason)
        elif self.exchange.summaries.writing:
            self.composer.set_state(
                ComposerState.RUNNING, self.tr("The oldest messages are being summarised.")
            )
        elif self.exchange.reading:
            self.composer.set_state(ComposerState.RUNNING, self.tr("The documents are being read."))
        elif session.reserved_for:
            self.composer.set_state(
                ComposerState.BLOCKED, self.tr("The model is being measured. Wait until that is done.")
            )
        elif session.loading_path:
            self.composer.set_state(ComposerState.BLOCKED, self.tr("The model is being loaded."))
        elif self.exchange.model is not None:
            self.composer.set_state(ComposerState.READY)
            self._budget_timer.start()
        else:
            self.composer.set_state(
                ComposerState.BLOCKED,
                self.tr("No model is loaded. Choose one at the top of the window, or get one."),
                self.tr("Get a model"),
            )

    def _on_question_kept(self, was_typed: bool) -> None:
        if was_typed:
            self._draft_timer.stop()
        else:
            # A question takes the draft with it, but this one was not typed there.
            self._draft_timer.start()

    def _move_to_new_chat(self) -> None:
        text = self.composer.text()
        self.composer.set_text("")
        self.open_chat(None)
        self.composer.set_text(text)

    # Chats

    def _show_branch(self, chat: Conversation | None) -> None:
        running = self._runner.running
        self.conversation.show_branch(
            self._store.branch(chat.id) if chat else [],
            (running.message.id, running.view) if running else None,
            versions_of(self._store.messages(chat.id)) if chat else {},
        )
        if chat is not None:
            self.conversation.show_summary(
                summary_of(self.conversation.branch, self._store.summaries(chat.id))
            )
        self._check_code()

    def _check_code(self) -> None:
        """Check the code of all replies that are shown and whole, the newest first."""
        replies = [view for view in self.conversation.messages() if isinstance(view, ReplyView)]
        self._syntax.check(
            card for view in reversed(replies) if not view.running for card in view.findChildren(CodeCard)
        )

    async def _show_version(self, message_id: int) -> None:
        """Show the newest branch through a message, and the message in it."""
        chat, opened = self.chat, self._keeper.opened
        if chat is None:
            return
        end = newest_end(self._store.messages(chat.id), message_id)
        await self._keeper.write(self._store.show_branch, chat.id, end)
        if opened != self._keeper.opened:
            return
        self._keeper.refresh(chat.id)
        self._show_branch(self.chat)
        self.conversation.show_message(message_id)
        self._budget_timer.start()

    def _keep_draft(self, *, leaving: bool = False) -> None:
        draft, chat = self.composer.text(), self.chat
        if chat is not None and draft != chat.draft:
            self._start(self._save_draft(chat, draft))
        elif chat is None and draft.strip() and not self.exchange.sending:
            self._start(self._save_new_draft(draft, leaving))

    async def _save_draft(self, chat: Conversation, draft: str) -> None:
        await self._keeper.save_draft(chat, draft)

    async def _save_new_draft(self, draft: str, leaving: bool) -> None:
        if leaving:
            chat = await self._keeper.write(self._store.create_conversation)
        else:
            chat = await self._keeper.kept_chat(self.choices.choices)
        await self._keeper.save_draft(chat, draft)
        self.show_chats()

    def _take_choices(self, choices: ReplyChoices) -> None:
        self.choices.show_choices(choices, self._settings.values.sampling)
        self._on_choices_changed(choices)

    def _ask_for_schema(self) -> None:
        dialog = SchemaDialog(self.choices.choices.json_schema, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.chosen.connect(self.choices.choose_schema)
        dialog.open()

    def _on_choices_changed(self, choices: ReplyChoices) -> None:
        self._start(self._save_choices(choices))

    async def _save_choices(self, choices: ReplyChoices) -> None:
        chat = await self._keeper.kept_chat(choices)
        await self._keeper.save_choices(chat, choices)
        self.show_chats()
        self._budget_timer.start()

    def _stop_in(self, conversation_id: int) -> None:
        """Stop the reply if it belongs to this chat."""
        running = self._runner.running
        if running is not None and running.chat.id == conversation_id:
            self.stop()
