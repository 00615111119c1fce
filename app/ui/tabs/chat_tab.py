"""The Chat tab: the chats, one conversation, and the reply that is coming in."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.chat.branches import newest_end, versions_of
from app.chat.context import ContextPlan, plan_context, plan_with_documents
from app.chat.prompt import ChatMessage, ChatTemplate
from app.chat.records import Attachment, Conversation, StoredMessage
from app.chat.retrieval import Passage
from app.chat.search import SearchHit
from app.chat.store import ChatStore
from app.chat.turn import chat_key, history
from app.engine.messages import ModelInfo, Part
from app.settings import SettingsFile
from app.ui.bridge import Bridge
from app.ui.session import EngineSession, model_name
from app.ui.tabs.chat_attachments import ChatAttachments
from app.ui.tabs.chat_keeper import ChatKeeper
from app.ui.tabs.chat_list_actions import ChatListActions
from app.ui.tabs.reply_runner import ReplyRunner, RunningReply
from app.ui.theme import Theme
from app.ui.widgets.chat_column import COLUMN_PX, MARGIN_PX
from app.ui.widgets.chat_list import ChatList
from app.ui.widgets.composer import Composer, ComposerState
from app.ui.widgets.context_notice import ContextNotice
from app.ui.widgets.conversation_view import ConversationView
from app.ui.widgets.notices import Notices
from app.ui.widgets.reply_settings import ReplyChoices, ReplySettings
from app.ui.widgets.reply_view import ReplyView

ROOM_FOR_ALL_PX = 960
DRAFT_MS = 700
BUDGET_MS = 300
FIRST_BACKUP_MS = 30 * 1000
BACKUP_MS = 10 * 60 * 1000


class ChatTab(QWidget):
    """Conversations with the loaded model. GUI thread."""

    to_code_requested = Signal(str, str)
    """Code of a reply and the language its fence named."""
    models_requested = Signal()
    """The user wants to choose or get a model."""

    def __init__(
        self,
        store: ChatStore,
        session: EngineSession,
        settings: SettingsFile,
        theme: Theme,
        bridge: Bridge,
        notices: Notices,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._settings = settings
        self._bridge = bridge
        self._notices = notices
        self._store = store
        self._keeper = ChatKeeper(store)
        self._runner = ReplyRunner(store, session, bridge, notices)
        self._template: ChatTemplate | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._sending = False
        self._closed = False
        self._last_model: ModelInfo | None = None
        self._accepts_dropping: set[int] = set()

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
        self.choices = ReplySettings(theme)
        self.choices.hide()
        self._lay_out()
        self._draft_timer = self._timer(DRAFT_MS, self._keep_draft)
        self._budget_timer = self._timer(BUDGET_MS, lambda: self._start(self._update_budget()))
        self._backup_timer = self._timer(FIRST_BACKUP_MS, self._back_up)
        self._connect()
        if session.info is not None:
            self._last_model = session.info
        chats = store.conversations()
        self.open_chat(chats[0].id if chats else None)
        self._tell_recovery()
        self._backup_timer.start()

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
        self._start(self._send(text))

    def stop(self) -> None:
        """Stop the reply; what has come is kept."""
        self._runner.stop()

    def close_down(self) -> None:
        """Before the tab goes: keep what is typed, stop the reply and wait until it is on the disk.

        What the tab had begun is cancelled; it must not be used afterwards.
        """
        for timer in (self._draft_timer, self._budget_timer, self._backup_timer):
            timer.stop()
        for task in self._tasks:
            task.cancel()
        self._closed = True
        draft = self.composer.text()
        if self.chat is None and draft.strip():
            self._keeper.chat = self._store.create_conversation()
        if self.chat is not None and draft != self.chat.draft:
            self._store.save_draft(self.chat.id, draft)
        if self.chat is not None and self.choices.pending:
            choices = self.choices.choices
            self._store.save_settings(
                self.chat.id,
                system_prompt=choices.system_prompt,
                sampling=choices.sampling,
                max_tokens=choices.max_tokens,
            )
        self._runner.close_down()

    def show_chats(self) -> None:
        """Fill the list from the store."""
        self.list_actions.show()

    def open_chat(self, conversation_id: int | None) -> None:
        """Show a chat, or an empty one."""
        self.choices.flush()
        self._keep_draft(leaving=True)
        self._keeper.open(conversation_id)
        chat = self.chat
        own_model = self._session.known(chat.model) if chat is not None else ""
        if own_model:
            self._session.use(own_model)
        self.composer.set_text(chat.draft if chat else "")
        self.attachments.show(chat.id if chat else None)
        self._draft_timer.stop()
        self.composer.set_budget("")
        self.notice.hide()
        self.choices.show_choices(
            ReplyChoices(chat.system_prompt, chat.sampling, chat.max_tokens) if chat else ReplyChoices(),
            self._settings.values.sampling,
        )
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

    # Layout and wiring

    def _lay_out(self) -> None:
        foot = QWidget()
        foot.setMaximumWidth(COLUMN_PX)
        foot_column = QVBoxLayout(foot)
        foot_column.setContentsMargins(0, 0, 0, 0)
        foot_column.setSpacing(8)
        foot_column.addWidget(self.notice)
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
        self.conversation.another_requested.connect(lambda old: self._start(self._answer_again(old)))
        self.conversation.edit_requested.connect(lambda *what: self._start(self._ask_again(*what)))
        self.conversation.version_requested.connect(lambda which: self._start(self._show_version(which)))
        self.chats.hit_chosen.connect(self.show_hit)
        self.composer.send_requested.connect(lambda text: self._start(self._send(text)))
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
        self.notice.accepted.connect(self._on_dropping_accepted)
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
        for keys, slot in (
            (QKeySequence("Escape"), self.stop),
            (QKeySequence(QKeySequence.StandardKey.New), lambda: self.open_chat(None)),
            (QKeySequence("Ctrl+End"), self.conversation.go_to_end),
            (QKeySequence("Ctrl+Shift+F"), self.chats.begin_search),
            (QKeySequence("Ctrl+Shift+A"), self.attachments.ask_for_files),
        ):
            shortcut = QShortcut(keys, self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(slot)

    def _show_drawer(self, shown: bool) -> None:
        self.choices.setVisible(shown)
        self._make_room()

    def _make_room(self) -> None:
        self.chats.setVisible(self.choices.isHidden() or self.width() >= ROOM_FOR_ALL_PX)

    def _timer(self, interval_ms: int, slot: Callable[[], object]) -> QTimer:
        timer = QTimer(self, singleShot=True, interval=interval_ms)
        timer.timeout.connect(slot)
        return timer

    def _start(self, work: Coroutine[Any, Any, Any]) -> None:
        task = self._bridge.start(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # The engine

    @property
    def _model(self) -> ModelInfo | None:
        """The loaded model, or the one that went down with its engine and comes back with the message."""
        return self._session.info or self._last_model

    def _on_loaded(self, info: ModelInfo) -> None:
        self._last_model = info
        self._template = None
        self.attachments.forget_counts()
        self._follow_engine()

    def _on_unloaded(self) -> None:
        self._last_model = None
        self._follow_engine()

    def _follow_engine(self, *_: object) -> None:
        """Say what can be done now."""
        if self._closed:
            return
        session, running = self._session, self._runner.running
        self.conversation.offer_editing(running is None and self._model is not None)
        self.conversation.show_model(model_name(session.info) if session.info else "")
        if running is not None:
            reason = ""
            if not self._keeper.is_open(running.chat.id):
                reason = self.tr("Answering in “{title}”").format(
                    title=self.list_actions.title(running.chat.id)
                )
            self.composer.set_state(ComposerState.RUNNING, reason)
        elif session.reserved_for:
            self.composer.set_state(
                ComposerState.BLOCKED, self.tr("The benchmark is using the model. Wait until it is done.")
            )
        elif session.loading_path:
            self.composer.set_state(ComposerState.BLOCKED, self.tr("The model is being loaded."))
        elif self._model is not None:
            self.composer.set_state(ComposerState.READY)
            self._budget_timer.start()
        else:
            self.composer.set_state(
                ComposerState.BLOCKED,
                self.tr("No model is loaded. Choose one at the top of the window, or get one."),
                self.tr("Get a model"),
            )

    # What fits

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
        messages = history(branch, self.choices.choices.system_prompt)
        count = partial(self._session.count_tokens, model=info.path)
        if not text:
            return await plan_context(self._template, messages, count, info.context_tokens), None
        return await plan_with_documents(
            self._template, messages, text, attachments, count, info.context_tokens
        )

    async def _update_budget(self) -> None:
        """Show what the message costs, and what would not fit any more."""
        info, text, opened = self._model, self.composer.text(), self._keeper.opened
        if info is None or self.composer.state is not ComposerState.READY:
            return
        if not text.strip():
            self.composer.set_budget("")
            self.notice.hide()
            return
        tokens = await self._session.count_tokens([Part(text)], info.path)
        plan, passages = await self._plan(
            info, list(self.conversation.branch), text, self.attachments.waiting
        )
        if (self._model, self.composer.text(), self._keeper.opened) != (info, text, opened):
            return
        left = f"{plan.left_tokens:,}"
        self.composer.set_budget(
            self.tr("{tokens} tokens · {left} left").format(tokens=f"{tokens:,}", left=left)
            if passages is None
            else self.tr("%n passages of the documents · {left} left", "", len(passages)).format(left=left)
        )
        self.notice.show_plan(plan, accepted=self._accepts_dropping_now())

    def _accepts_dropping_now(self) -> bool:
        return self.chat is not None and self.chat.id in self._accepts_dropping

    def _on_dropping_accepted(self) -> None:
        if self.chat is not None:
            self._accepts_dropping.add(self.chat.id)
        self._start(self._send(self.composer.text()))

    def _move_to_new_chat(self) -> None:
        text = self.composer.text()
        self.composer.set_text("")
        self.open_chat(None)
        self.composer.set_text(text)

    # Sending

    async def _ask_again(self, old: StoredMessage, text: str) -> None:
        """Ask in other words in the place of a question, which stays in the store as its sibling."""
        await self._send(text, in_place_of=old)

    async def _send(self, text: str, *, in_place_of: StoredMessage | None = None) -> None:
        info, opened = self._model, self._keeper.opened
        if info is None or self._sending or self._runner.running is not None or not text.strip():
            return
        self._sending = True
        try:
            self.choices.flush()
            branch = [
                kept for kept in self.conversation.branch if in_place_of is None or kept.id < in_place_of.id
            ]
            attachments = in_place_of.attachments if in_place_of is not None else self.attachments.waiting
            plan, passages = await self._plan(info, branch, text, attachments)
            if opened != self._keeper.opened:
                return
            self.notice.show_plan(plan, accepted=self._accepts_dropping_now())
            if not plan.fits or (plan.dropped and not self._accepts_dropping_now()):
                return
            chat = await self._keeper.kept_chat(self.choices.choices)
            question = await self._keeper.add_question(
                chat, branch[-1].id if branch else None, text, attachments, passages
            )
            if opened == self._keeper.opened:
                if in_place_of is None:
                    self.composer.set_text("")
                    self.attachments.show(chat.id)
                    self._draft_timer.stop()
                else:
                    self.conversation.remove_after(in_place_of.parent_id)
                    # A question takes the draft with it, but this one was not typed there.
                    self._draft_timer.start()
                self.conversation.add_question(question)
            await self._reply(chat, question.id, plan, info)
        finally:
            self._sending = False
            self._follow_engine()

    async def _answer_again(self, old: StoredMessage) -> None:
        """Ask for another reply to the same question; the old one stays in the store as its sibling."""
        info, chat = self._model, self.chat
        if info is None or chat is None or self._sending or self._runner.running is not None:
            return
        self._sending = True
        try:
            self.choices.flush()
            opened = self._keeper.opened
            branch = [kept for kept in self.conversation.branch if kept.id < old.id]
            plan, _ = await self._plan(info, branch)
            if opened != self._keeper.opened:
                return
            # The question was sent once, so what it leaves out has been told before.
            self.notice.show_plan(plan, accepted=True)
            if not plan.fits:
                return
            self.conversation.remove_after(old.parent_id)
            await self._reply(chat, old.parent_id, plan, info)
        finally:
            self._sending = False
            self._follow_engine()

    async def _reply(
        self, chat: Conversation, parent_id: int | None, plan: ContextPlan, info: ModelInfo
    ) -> None:
        """Generate one reply into the store and the column, and wait for its end."""
        choices = self.choices.choices
        message = await self._keeper.add_reply(chat, parent_id, model_name(info))
        view = self.conversation.make_reply(message)
        if self._keeper.is_open(chat.id):
            self.conversation.add_live_reply(message, view)
        self._runner.begin(RunningReply(chat, message, view))
        self.show_chats()
        self._follow_engine()
        await self._runner.run(
            plan.prompt,
            choices.sampling or self._settings.values.sampling,
            choices.max_tokens,
            self._settings.values.speculation,
            info.path,
        )
        kept = self._store.message(message.id)
        self._prepare_next(chat, plan, kept, info)
        self.conversation.end_live_reply(kept)
        if self._keeper.is_open(chat.id):
            self.conversation.show_versions(versions_of(self._store.messages(chat.id)))
        await self._keeper.title_from(chat.id, kept.content)
        self.show_chats()

    def _prepare_next(
        self, chat: Conversation, plan: ContextPlan, reply: StoredMessage, info: ModelInfo
    ) -> None:
        """Let the engine evaluate what the next prompt will begin with, while the reply is being read."""
        if self._template is None or reply.outcome != "stop" or plan.dropped:
            return
        messages = [*plan.sent, ChatMessage("assistant", reply.content)]
        self._session.client.prepare(self._template.beginning(messages), chat_key(chat.id), info.path)

    # Chats

    def _show_branch(self, chat: Conversation | None) -> None:
        running = self._runner.running
        self.conversation.show_branch(
            self._store.branch(chat.id) if chat else [],
            (running.message.id, running.view) if running else None,
            versions_of(self._store.messages(chat.id)) if chat else {},
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
        elif chat is None and draft.strip() and not self._sending:
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

    # The store's health

    def _tell_recovery(self) -> None:
        recovery = self._store.recovery
        if recovery is None:
            return
        if recovery.restored_from is None:
            text = self.tr(
                "The file of your chats was damaged and no backup was found. It is kept as {path}."
            ).format(path=str(recovery.damaged))
        else:
            text = self.tr(
                "The file of your chats was damaged. The backup of {time} is in its place; the damaged file"
                " is kept as {path}."
            ).format(time=recovery.restored_from.strftime("%Y-%m-%d %H:%M"), path=str(recovery.damaged))
        self._notices.inform(text)

    def _back_up(self) -> None:
        self._start(asyncio.to_thread(self._store.back_up_if_due))
        self._backup_timer.start(BACKUP_MS)
