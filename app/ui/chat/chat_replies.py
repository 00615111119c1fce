"""Making the replies of the chats: what goes to the model, the input filter, the reply into the store."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from app.chat.library.reply_choices import ReplyChoices
from app.chat.prompting.prompt import ChatMessage
from app.chat.store.records import Attachment, Conversation, StoredMessage
from app.chat.store.summary import summary_of
from app.chat.turn import chat_key, partial_reply
from app.engine.protocol import Generate, ModelInfo
from app.ui.chat.chat_planner import ChatPlanner, ExchangePlan, NextPrompt
from app.ui.chat.composing.chat_attachments import Reading
from app.ui.chat.composing.chat_screening import ChatScreening, Sendable
from app.ui.chat.conversation.chat_writer import ChatKeeper, Once
from app.ui.reply.reply_runner import ReplyRunner, RunningReply
from app.ui.reply.reply_view import ReplyView
from app.ui.widgets.ui_context import UiContext


@dataclass(eq=False, slots=True)
class Exchange:
    """A message on its way, or its reply, with what its chat was when it was sent."""

    opened: int
    """The number of the chat as `ChatKeeper.opened` counted."""
    chat: Conversation | None
    """None until a new chat is in the store."""
    info: ModelInfo | None
    """The model that answers; None while it is awaited."""
    choices: ReplyChoices
    branch: list[StoredMessage]
    """The messages before it."""
    in_place_of: StoredMessage | None = None
    """The question that it asks in other words."""
    goes_on: StoredMessage | None = None
    """The reply that was cut off and is to go on."""
    reading: "asyncio.Future[ExchangePlan] | None" = None
    """The reading of its documents, while that goes on."""
    takes_draft: bool = False
    """Its words go from the composer into the store just now."""
    stopped: bool = False
    text: str = ""
    """The words that are sent, of a question that is typed."""
    question: Once[StoredMessage] | None = None
    """The writing of its question, until a reply to that comes."""
    place: Once[StoredMessage] | None = None
    """The writing of the place of its reply, until that comes."""
    documents: Sequence[Reading] = ()
    """The files that are read to go along with it."""
    awaited: asyncio.Event | None = None
    """Set at whatever may end its wait for the model, or for its documents; None where it does not wait."""

    @property
    def awaits_documents(self) -> bool:
        """Tell whether files that go along with it are still being read."""
        return not all(reading.is_done for reading in self.documents)

    @property
    def model(self) -> ModelInfo:
        """The model that answers, which is there now."""
        assert self.info is not None
        return self.info


class ChatReplies:
    """Makes one reply for each exchange that it is given. GUI thread."""

    def __init__(
        self,
        ui: UiContext,
        keeper: ChatKeeper,
        runner: ReplyRunner,
        planner: ChatPlanner,
        screening: ChatScreening,
    ) -> None:
        self._session = ui.session
        self._settings = ui.settings
        self._load_choices = ui.load_choices
        self._store = keeper.store
        self._keeper = keeper
        self._runner = runner
        self._planner = planner
        self._screening = screening

    def is_open(self, exchange: Exchange) -> bool:
        """Tell whether an exchange's chat is the open one, also when it was left and opened again."""
        if exchange.chat is not None:
            return self._keeper.is_open(exchange.chat.id)
        return self._keeper.is_open_as(exchange.opened)

    def wanted(
        self, exchange: Exchange, text: str = "", attachments: Sequence[Attachment] = ()
    ) -> NextPrompt:
        """Give what is to be answered: the last message of the exchange's branch, or `text` behind it."""
        chat, branch = exchange.chat, exchange.branch
        summary = summary_of(branch, self._store.summaries(chat.id)) if chat is not None else None
        partial = partial_reply(exchange.goes_on) if exchange.goes_on is not None else None
        return NextPrompt(
            exchange.model, branch, exchange.choices.system_prompt, summary, text, attachments, partial
        )

    async def screened(self, exchange: Exchange, text: str, plan: ExchangePlan) -> Sendable | None:
        """Screen a plan; None where nothing may be sent, or the user has stopped it meanwhile."""
        template = self._planner.template(exchange.model)
        sendable = await self._screening.sendable(
            text, plan.context, template, exchange.model, tell=partial(self.is_open, exchange)
        )
        return None if exchange.stopped else sendable

    def begin(
        self,
        exchange: Exchange,
        message: StoredMessage,
        view: ReplyView,
        sendable: Sendable,
        *,
        is_apart: bool = False,
    ) -> None:
        """Show that a reply comes into a message and a view; `generate` must follow. `is_apart` as in
        `RunningReply`."""
        assert exchange.chat is not None
        goes_on = exchange.goes_on is not None
        self._runner.begin(
            RunningReply(exchange.chat, message, view, exchange.model, sendable.hits, goes_on, is_apart)
        )
        # From now on it is kept as it comes.
        exchange.question = exchange.place = None
        if exchange.stopped:
            self._runner.stop_reply(message.id)

    async def generate(
        self, exchange: Exchange, message: StoredMessage, sendable: Sendable, *, keeps_state: bool = True
    ) -> StoredMessage:
        """Generate the reply that was begun, and give what was kept of it once it has ended.

        Not `keeps_state`, the engine keeps nothing of it for the chat: of two replies of one model at once
        it can keep one only.
        """
        chat, info, choices, before = exchange.chat, exchange.model, exchange.choices, exchange.goes_on
        assert chat is not None
        await self._runner.run(
            message.id,
            Generate(
                request_id=0,
                parts=sendable.context.prompt.parts,
                thinking=sendable.context.prompt.thinking,
                sampling=choices.sampling or self._settings.values.sampling,
                max_tokens=choices.max_tokens,
                chat_key=chat_key(chat.id) if keeps_state else "",
                speculation=self._load_choices.known(info.path).speculation,
                model=info.path,
                loras=choices.loras,
                thinking_limits=choices.thinking,
                json_schema=message.json_schema,
                partial=None if before is None else partial_reply(before),
                stop=list(choices.stop),
                answer_guard=True,
            ),
        )
        return self._store.message(message.id)

    async def prepare_next(self, exchange: Exchange, sendable: Sendable, reply: StoredMessage) -> None:
        """Let the engine evaluate what the next prompt will begin with, while the reply is being read."""
        if reply.outcome != "stop" or sendable.context.dropped:
            return
        messages = [*sendable.context.sent, ChatMessage("assistant", reply.content)]
        beginning = await self._planner.template(exchange.model).beginning(messages)
        self._session.client.prepare(
            beginning, chat_key(reply.conversation_id), exchange.model.path, exchange.choices.loras
        )
