"""Say at the composer what can be done in the Chat tab now: send, wait for something, get a model."""

from PySide6.QtCore import QObject, Signal

from app.chat.prompting.built_in_templates import can_think
from app.ui.base import shortcuts
from app.ui.base.add_action import keys_text
from app.ui.base.engine_session import EngineSession, model_name
from app.ui.chat.chat_exchange import ChatExchange
from app.ui.chat.composing.composer import Composer, ComposerState
from app.ui.chat.conversation.conversation_view import ConversationView


class ChatReadiness(QObject):
    """Follows the engine and the exchange. GUI thread."""

    ready = Signal()
    """A message can be sent."""

    def __init__(
        self,
        session: EngineSession,
        exchange: ChatExchange,
        conversation: ConversationView,
        composer: Composer,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._exchange = exchange
        self._conversation = conversation
        self._composer = composer
        self._closed = False
        for changed in (
            session.loading,
            session.load_failed,
            session.engine_died,
            session.reservation_changed,
            session.model_expected,
            exchange.state_changed,
        ):
            changed.connect(self.follow)

    def close(self) -> None:
        """Say nothing any more, as the tab is being deleted."""
        self._closed = True

    def follow(self, *_: object) -> None:
        """Say what can be done now."""
        if self._closed:
            return
        session, model = self._session, self._exchange.model
        obstacle, no_model = self._obstacle(), self._no_model()
        can_send = model is not None or bool(obstacle)
        self._conversation.offer_editing(self._exchange.here is None and can_send)
        self._conversation.show_model(
            model_name(session.info) if session.info else "",
            session.info.backend if session.info and session.answers_elsewhere else "",
            is_loading=bool(session.loading_path) or session.expects_model,
        )
        self._composer.effort.setVisible(model is not None and can_think(model.chat_template, model.name))
        running = self._what_runs()
        elsewhere = self.tr("A model elsewhere cannot go on with a reply. Ask for another one.")
        self._conversation.offer_replies(
            self.refusal(), elsewhere if session.answers_elsewhere else "", can_edit=running is None
        )
        if self._exchange.waits:
            self._composer.set_state(ComposerState.QUEUED, self._what_is_sent_later())
        elif running is not None:
            self._composer.set_state(ComposerState.RUNNING, running)
        elif obstacle:
            self._composer.set_state(ComposerState.WAITING, obstacle)
        elif model is not None:
            self._composer.set_state(ComposerState.READY)
            self.ready.emit()
        else:
            self._composer.set_state(
                ComposerState.BLOCKED,
                no_model,
                self.tr("Get a model"),
            )

    def _what_runs(self) -> str | None:
        """Name what can be stopped now in the open chat, empty for its reply; None where nothing runs."""
        if self._exchange.here is None:
            return None
        if self._exchange.summaries.writing:
            return self.tr("The oldest messages are being summarised.")
        if self._exchange.reading:
            return self.tr("The documents are being read.")
        return ""

    def refusal(self) -> str:
        """Say why no other reply can be asked for in the open chat now; empty where one can."""
        if self._exchange.waits:
            return self.tr("A message waits to be sent. {keys} takes it back.").format(
                keys=keys_text(shortcuts.STOP)
            )
        if self._exchange.here is not None:
            return self.tr("Wait for the end of the reply, or stop it.")
        return self._obstacle() or ("" if self._exchange.model is not None else self._no_model())

    def _no_model(self) -> str:
        return self.tr("No model is loaded. Choose one at the top of the window, or get one.")

    def _obstacle(self) -> str:
        match self._exchange.obstacle:
            case "measured":
                return self.tr("The model is being measured. Wait until that is done.")
            case "loading":
                return self.tr("The model is being loaded.")
        return ""

    def _what_is_sent_later(self) -> str:
        if self._exchange.obstacle == "measured":
            return self.tr("Waits for the measurement. {keys} takes it back.").format(
                keys=keys_text(shortcuts.STOP)
            )
        if self._exchange.awaits_documents:
            return self.tr("Waits for the documents. {keys} takes it back.").format(
                keys=keys_text(shortcuts.STOP)
            )
        return self.tr("Waits for the model. {keys} takes it back.").format(keys=keys_text(shortcuts.STOP))
