"""Comparing answers: one question, answered by two or three models or in two or three ways."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import shiboken6
from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QWidget

from app.base.errors import Cancelled, StillroomError
from app.chat.store.records import StoredMessage, newest_end
from app.engine.protocol import ModelInfo
from app.remote.remote_server import is_elsewhere
from app.ui.base.engine_session import model_name
from app.ui.chat.chat_exchange import ChatDesk, ChatExchange
from app.ui.chat.chat_replies import Exchange
from app.ui.chat.comparison.comparison_column import ComparisonColumn, ModelOffer
from app.ui.chat.comparison.comparison_dialog import ComparisonDialog
from app.ui.chat.composing.chat_screening import Sendable
from app.ui.chat.conversation.chat_branch import ChatBranch
from app.ui.chat.conversation.chat_writer import ChatKeeper
from app.ui.reply.reply_runner import ReplyRunner
from app.ui.widgets.notices import error_text
from app.ui.widgets.ui_context import UiContext
from models.store.store import InstalledModel

Installed = Callable[[], Sequence[InstalledModel] | None]
TOLD_AFTER_S = 1.0
"""It is said that the models are still looked for where that takes longer."""


class ChatComparison(QObject):
    """Asks for the columns in a dialog and has each answered as a version of one reply. GUI thread.

    Answers of models that are in memory come at the same time. A model that has to be loaded waits, in the
    engine, until there is room for it beside the others or they have ended.
    """

    changed = Signal()
    """The chat is shown anew, with the answer to go on with."""

    def __init__(
        self,
        ui: UiContext,
        keeper: ChatKeeper,
        runner: ReplyRunner,
        exchange: ChatExchange,
        desk: ChatDesk,
        branch: ChatBranch,
        tab: QWidget,
    ) -> None:
        """All that it begins ends with the bridge of `ui`, and with `close`."""
        super().__init__(tab)
        self._ui = ui
        self._session = ui.session
        self._tab = tab
        self._keeper = keeper
        self._runner = runner
        self._exchange = exchange
        self._desk = desk
        self._branch = branch
        self._installed: Installed = tuple
        self._look: Callable[[], object] = tuple
        self._dialog: ComparisonDialog | None = None
        self._looking: asyncio.Task[Any] | None = None
        self._running: asyncio.Task[Any] | None = None

    def offer_models(self, installed: Installed, look: Callable[[], object] = tuple) -> None:
        """Set what gives the models on this computer, which need not be loaded yet; None until `look`, which
        waits for the disk, has found them."""
        self._installed = installed
        self._look = look

    @property
    def dialog(self) -> ComparisonDialog | None:
        """The dialog, while it is open."""
        return self._dialog

    def refusal(self) -> str:
        """Say why nothing can be compared now; empty where it can. It reads nothing from the disk, so whether
        there is a model at all is said by `open`."""
        if busy := self._busy():
            return busy
        if not self._desk.composer.text().strip() and self._last_reply() is None:
            return self.tr("Nothing is written yet")
        return ""

    def _busy(self) -> str:
        """Say why no model can answer in this chat now; empty where one can."""
        if self._exchange.here is not None:
            return self.tr("A reply is being written")
        if self._session.reserved_for:
            return self.tr("The model is being measured. Wait until that is done.")
        if self._desk.attachments.coming(self._keeper.opened, self._keeper.chat):
            return self.tr("The documents are being read.")
        return ""

    def open(self) -> None:
        """Ask what answers the message in the composer, or the last question where nothing is written."""
        if self._desk.composer.text().strip():
            self._open(None)
        elif (last := self._last_reply()) is not None:
            self._open(last)

    def open_beside(self, reply: StoredMessage) -> None:
        """Ask what is to answer beside a reply of the open chat."""
        self._open(reply)

    def _open(self, old: StoredMessage | None) -> None:
        if self._dialog is not None or self._looking is not None:
            return
        if busy := self._busy():
            self._ui.notices.inform(busy)
            return
        installed = self._installed()
        if installed is None:
            self._looking = self._ui.bridge.start(self._open_once_found(old, self._keeper.opened))
            return
        offers = self._offers(installed)
        if not offers:
            self._ui.notices.inform(
                self.tr("There is no model on this computer yet. Get one in the Models tab.")
            )
            return
        self._desk.choices.flush()
        branch = self._desk.conversation.branch
        question = self._desk.composer.text()
        if old is not None:
            old = self._keeper.store.message(old.id)
            question = next(kept.content for kept in branch if kept.id == old.parent_id)
        dialog = self._dialog = ComparisonDialog(
            question,
            offers,
            self._desk.choices.choices,
            self._ui.settings.values.sampling,
            self._ui.theme,
            self._tab,
        )
        dialog.ask_for_columns(self._first_paths(offers, old), old)
        comparison = _Comparison(
            dialog, question, old, self._keeper.opened, branch[-1].id if branch else None
        )
        dialog.kept.connect(lambda column: setattr(comparison, "kept", column))
        dialog.started.connect(lambda: self._begin(comparison))
        dialog.finished.connect(lambda _: self._on_finished(comparison))
        # Made in one turn and shown in the next: both take too long at once.
        QTimer.singleShot(0, dialog, lambda: dialog.open() if self._dialog is dialog else None)

    async def _open_once_found(self, old: StoredMessage | None, opened: int) -> None:
        """Open the dialog once the models are found, where the same chat is still open: the number `opened`
        as `ChatKeeper.opened` counts."""
        try:
            found = asyncio.ensure_future(asyncio.to_thread(self._look))
            done, _ = await asyncio.wait({found}, timeout=TOLD_AFTER_S)
            if not done:
                self._ui.notices.inform(self.tr("The models on this computer are still being looked for."))
            await found
        finally:
            self._looking = None
        if self._keeper.opened != opened:
            return
        if old is None:
            self.open()
        elif any(kept.id == old.id for kept in self._desk.conversation.branch):
            self._open(old)

    def _begin(self, comparison: "_Comparison") -> None:
        comparison.columns = [column for column in comparison.dialog.columns if column.message is None]
        for column in comparison.columns:
            column.stop_requested.connect(lambda column=column: self._stop(comparison, column))
        self._running = self._ui.bridge.start(self._run(comparison))

    def close(self) -> None:
        """Let go of what runs, as the tab is being deleted."""
        for task in (self._looking, self._running):
            if task is not None:
                task.cancel()

    def _on_finished(self, comparison: "_Comparison") -> None:
        """Stop what runs; the dialog goes once that is kept."""
        comparison.closed.set()
        for column in comparison.columns:
            column.stop()
        if not comparison.dialog.has_started:
            self._drop_dialog(comparison)

    def _stop(self, comparison: "_Comparison", column: ComparisonColumn) -> None:
        asking = comparison.asking.get(column)
        if column.message is not None:
            self._runner.stop_reply(column.message.id)
        elif comparison.loading is column:
            self._session.cancel_load()
        elif asking is not None:
            asking.stopped = True
            if asking.reading is not None:
                asking.reading.cancel()

    async def _run(self, comparison: "_Comparison") -> None:
        dialog = comparison.dialog
        before = self._session.info.path if self._session.info is not None else ""
        try:
            for column in comparison.in_order():
                try:
                    await self._answer(comparison, column)
                except Cancelled:
                    column.fail(self.tr("Stopped before it began."))
                except StillroomError as error:
                    column.fail(error_text(error))
            await asyncio.gather(*comparison.replies)
            self._end_exchange(comparison)
            dialog.end()
            await comparison.closed.wait()
            await self._show(comparison, before)
        finally:
            for reply in comparison.replies:
                reply.cancel()
            if shiboken6.isValid(self):
                self._end_exchange(comparison)
                self._drop_dialog(comparison)

    async def _answer(self, comparison: "_Comparison", column: ComparisonColumn) -> None:
        """Begin the reply of one column, which then comes in by itself. Raises `Cancelled` where it was
        stopped before."""
        info = await self._model_of(comparison, column)
        whole = self._exchange_of(comparison, info)
        if column.is_stopped or whole.stopped:
            raise Cancelled
        choices = column.choices(whole.choices, self._ui.settings.values.sampling)
        exchange = replace(whole, info=info, choices=choices, branch=list(whole.branch))
        is_new = comparison.there is None and comparison.question is None
        text = comparison.text if is_new else ""
        attachments = self._desk.attachments.waiting if is_new else ()
        if comparison.question is not None:
            exchange.branch.append(comparison.question)
        comparison.asking[column] = exchange
        replies = self._exchange.replies
        plan = await self._exchange.agreed(exchange, replies.wanted(exchange, text, attachments))
        sendable = None if plan is None else await replies.screened(exchange, text, plan)
        if column.is_stopped or whole.stopped:
            raise Cancelled
        if plan is None:
            column.fail(
                self.tr(
                    "The chat is too long for this model's context of {tokens} tokens. Load the model with a"
                    " larger one, or leave out older messages: the chat says how."
                ).format(tokens=f"{info.context_tokens:,}")
            )
            return
        if sendable is None:
            column.fail(self.tr("Not sent: a rule of the input filter says no. The chat says which."))
            return
        if is_new:
            whole.info = info
            comparison.question = await self._exchange.keep_question(whole, text, attachments, plan, sendable)
            exchange.chat = whole.chat
        question = comparison.question or exchange.branch[-1]
        assert exchange.chat is not None
        message = await self._keeper.add_reply(
            exchange.chat, question.id, model_name(info), choices.json_schema
        )
        exchange.stopped = column.is_stopped or whole.stopped
        replies.begin(exchange, message, column.begin(message), sendable, is_apart=True)
        whole.question = None
        self._exchange.chats_changed.emit()
        work = self._finish(exchange, column, message, sendable, keeps_state=comparison.keeps_state(column))
        comparison.replies.append(asyncio.ensure_future(work))

    async def _finish(
        self,
        exchange: Exchange,
        column: ComparisonColumn,
        message: StoredMessage,
        sendable: Sendable,
        *,
        keeps_state: bool,
    ) -> None:
        """Wait for the end of a column's reply, and show it."""
        kept = await self._exchange.replies.generate(exchange, message, sendable, keeps_state=keeps_state)
        column.end(kept)
        await self._keeper.name_after(kept)
        self._exchange.chats_changed.emit()

    def _exchange_of(self, comparison: "_Comparison", info: ModelInfo) -> Exchange:
        """Give the exchange of the chat as a whole, begun with the first model that is there."""
        if comparison.exchange is None:
            if self._keeper.opened != comparison.opened:
                # Another chat was opened meanwhile, from outside of the window.
                raise Cancelled
            comparison.exchange = self._exchange.begin(info, before=comparison.there)
        return comparison.exchange

    def _end_exchange(self, comparison: "_Comparison") -> None:
        if comparison.exchange is not None and not comparison.has_ended:
            comparison.has_ended = True
            self._exchange.end(comparison.exchange)

    async def _model_of(self, comparison: "_Comparison", column: ComparisonColumn) -> ModelInfo:
        """Load the model of a column where it is not in memory. Raises `EngineError`, or `Cancelled`."""
        offer, session = column.offer, self._session
        if column.is_stopped:
            raise Cancelled
        found = next((info for info in session.models if info.path == offer.path), None)
        if found is not None:
            return found
        if is_elsewhere(offer.path):
            session.use(offer.path)
            assert session.info is not None
            return session.info
        comparison.loading = column

        def follow(path: str, fraction: float) -> None:
            if path != offer.path:
                return
            if session.load_waits:
                column.wait(
                    self.tr(
                        "Waits for the answers beside it: there is not enough memory for all models at once."
                    )
                )
            else:
                column.wait(self.tr("Loading the model, {percent}%").format(percent=round(100 * fraction)))

        session.loading.connect(follow)
        try:
            chosen = await asyncio.to_thread(self._ui.load_choices.of, Path(offer.path))
            return await session.load(Path(offer.path), chosen.load, offer.load_name, offer.name)
        finally:
            comparison.loading = None
            if shiboken6.isValid(self):
                session.loading.disconnect(follow)

    async def _show(self, comparison: "_Comparison", before: str) -> None:
        """Show the answer to go on with in the chat, and let its model answer from now on."""
        chat = comparison.exchange.chat if comparison.exchange is not None else None
        kept = comparison.kept
        answered = [column for column in comparison.dialog.columns if column.message is not None]
        path = kept.offer.path if kept in comparison.columns else before
        if path:
            self._session.use(path)
        if chat is None or not answered:
            return
        store = self._keeper.store
        shown = kept or answered[0]
        assert shown.message is not None
        end = newest_end(store.messages(chat.id), shown.message.id)
        if kept is None and comparison.there is not None and comparison.head_id is not None:
            # The chat goes on as it stood.
            end = comparison.head_id
        await self._keeper.write(store.show_branch, chat.id, end)
        self._keeper.refresh(chat.id)
        if self._keeper.is_open(chat.id):
            self._branch.show()
            self.changed.emit()

    def _drop_dialog(self, comparison: "_Comparison") -> None:
        if self._dialog is comparison.dialog:
            self._dialog = None
        comparison.dialog.deleteLater()
        self._desk.composer.setFocus(Qt.FocusReason.OtherFocusReason)

    def _last_reply(self) -> StoredMessage | None:
        branch = self._desk.conversation.branch
        return branch[-1] if branch and branch[-1].role == "assistant" else None

    def _offers(self, installed: Sequence[InstalledModel]) -> list[ModelOffer]:
        """List the models on this computer, and those that were used in this session, by name."""
        offers = {
            str(model.path): ModelOffer(str(model.path), f"{model.name} · {model.type}", model.name)
            for model in installed
        }
        for path, name in self._session.known_models:
            offers[path] = ModelOffer(path, name, is_elsewhere=is_elsewhere(path))
        return sorted(offers.values(), key=lambda offer: offer.name.casefold())

    def _first_paths(self, offers: Sequence[ModelOffer], old: StoredMessage | None) -> list[str]:
        """Choose the model that answers and another one; beside a reply, one that has not made it."""
        current = self._session.info.path if self._session.info is not None else offers[0].path
        if old is not None:
            return [next((offer.path for offer in offers if offer.name != old.model), current)]
        return [current, next((offer.path for offer in offers if offer.path != current), current)]


class _Comparison:
    """The work of one dialog, from its opening to its end."""

    def __init__(
        self,
        dialog: ComparisonDialog,
        text: str,
        there: StoredMessage | None,
        opened: int,
        head_id: int | None,
    ) -> None:
        """`there` is the reply to be compared with, `opened` the number of the chat as `ChatKeeper.opened`
        counts, and `head_id` the last message that it showed."""
        self.dialog = dialog
        self.text = text
        self.there = there
        self.opened = opened
        self.head_id = head_id
        self.question: StoredMessage | None = None
        """The question, once a new one is in the store."""
        self.columns: list[ComparisonColumn] = []
        """Those that are to be answered."""
        self.exchange: Exchange | None = None
        self.has_ended = False
        self.asking: dict[ComparisonColumn, Exchange] = {}
        self.replies: list[asyncio.Future[None]] = []
        self.closed = asyncio.Event()
        self.loading: ComparisonColumn | None = None
        self.kept: ComparisonColumn | None = None

    def in_order(self) -> list[ComparisonColumn]:
        """Order the columns so that those of one model come together: it is loaded once."""
        paths = [column.offer.path for column in self.columns]
        return sorted(self.columns, key=lambda column: paths.index(column.offer.path))

    def keeps_state(self, column: ComparisonColumn) -> bool:
        """Tell whether a column is the first of its model, whose state the engine keeps for the chat."""
        return next(one for one in self.columns if one.offer.path == column.offer.path) is column
