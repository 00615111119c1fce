"""The Chat tab's way to the disk: in order, on worker threads, one open chat."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, ParamSpec, TypeVar

from app.chat.chat_title import answer_title, title_from
from app.chat.library.reply_choices import ReplyChoices
from app.chat.store.records import Conversation, StoredMessage
from app.chat.store.store import ChatStore

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ChosenChat:
    """A chat as it was open once: its number as `ChatKeeper.opened` counts, and for a new one the choices and
    the name of the model that it is made with."""

    opened: int
    choices: ReplyChoices
    model: str


class Once(Generic[T]):
    """A write that is done once, by whoever comes first: the worker thread that has it or, where the window
    ends before that has begun, the end itself. Any thread."""

    def __init__(self, write: Callable[[], T]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._result: list[T] = []

    def __call__(self) -> T:
        """Do it, or wait until the other one has, and give what came of it."""
        with self._lock:
            if not self._result:
                self._result.append(self._write())
            return self._result[0]


class ChatKeeper:
    """The chat that is open, and every change to the store that the window makes.

    GUI thread; reads go straight to the store, writes to a worker thread one after the other, so that the
    window never waits for the disk.
    """

    def __init__(self, store: ChatStore) -> None:
        self.store = store
        self.chat: Conversation | None = None
        """The open chat; None for a new one of which nothing is kept yet."""
        self._order = asyncio.Lock()
        self._creation = asyncio.Lock()
        self._made: dict[int, Conversation] = {}
        """The new chats that were made, by the number that `opened` had for them."""
        self._opened = 0

    @property
    def opened(self) -> int:
        """Changes whenever another chat is opened: what was begun for the one before is then out of date."""
        return self._opened

    def is_open(self, conversation_id: int) -> bool:
        """Tell whether this chat is the open one."""
        return self.chat is not None and self.chat.id == conversation_id

    def is_open_as(self, opened: int) -> bool:
        """Tell whether the new chat that was opened as this number is the open one, also when it was left
        and opened again."""
        made = self._made.get(opened)
        return opened == self._opened or (made is not None and self.is_open(made.id))

    def open(self, conversation_id: int | None) -> None:
        """Make a chat, or a new one, the open one."""
        self._opened += 1
        self.chat = None if conversation_id is None else self.store.conversation(conversation_id)

    def refresh(self, conversation_id: int) -> None:
        """Read the open chat again, if it is this one."""
        if self.is_open(conversation_id):
            self.chat = self.store.conversation(conversation_id)

    async def write(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Do a disk job on a worker thread, after the ones asked for before."""
        async with self._order:
            return await asyncio.to_thread(call, *args, **kwargs)

    @staticmethod
    async def read(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Do a slow read on a worker thread; it waits for no write."""
        return await asyncio.to_thread(call, *args, **kwargs)

    def chosen(self, choices: ReplyChoices, model: str) -> ChosenChat:
        """The chat that is open now, with what a new one is made with."""
        return ChosenChat(self._opened, choices, model)

    async def kept_chat(self, chosen: ChosenChat) -> Conversation:
        """The chat that was open when it was chosen; a new one is created in the store now, once for all who
        ask."""
        async with self._creation:
            if self.chat is not None and chosen.opened == self._opened:
                return self.chat
            if chosen.opened in self._made:
                return self._made[chosen.opened]
            chat = self._made[chosen.opened] = await self.write(self.make_chat, chosen)
            if chosen.opened == self._opened:
                self.chat = chat
            return chat

    def make_chat(self, chosen: ChosenChat) -> Conversation:
        """Create a new chat in the store; any thread."""
        return self.store.create_conversation(choices=chosen.choices, model=chosen.model)

    async def save_draft(self, chat: Conversation, draft: str) -> None:
        """Keep what is typed and not sent."""
        await self.write(self.store.save_draft, chat.id, draft)
        self.refresh(chat.id)

    async def save_model(self, chat: Conversation, model: str) -> None:
        """Keep which model the user has chosen for a chat."""
        await self.write(self.store.save_model, chat.id, model)
        self.refresh(chat.id)

    async def save_choices(self, chat: Conversation, choices: ReplyChoices) -> None:
        """Keep how the chat's replies are made."""
        await self.write(self.store.save_choices, chat.id, choices)
        self.refresh(chat.id)

    async def keep_question(self, question: Once[StoredMessage]) -> StoredMessage:
        """Keep a message of the user; it names a chat that has no name."""
        kept = await self.write(question)
        await self.name_after(kept)
        return kept

    async def add_reply(
        self, chat: Conversation, parent_id: int | None, model: str, json_schema: str = ""
    ) -> StoredMessage:
        """Keep the place of a reply that is about to come."""
        return await self.write(self.reply_place(chat, parent_id, model, json_schema))

    def reply_place(
        self, chat: Conversation, parent_id: int | None, model: str, json_schema: str = ""
    ) -> Once[StoredMessage]:
        """Prepare the writing of the place of a reply that is about to come."""
        return Once(
            partial(
                self.store.add_message,
                chat.id,
                parent_id,
                "assistant",
                model=model,
                outcome="running",
                json_schema=json_schema,
            )
        )

    async def name_after(self, message: StoredMessage) -> None:
        """Name a chat after its first whole answer; before that, or where it says little, after a question.

        What the user has named stays as it is, and so do the names of chats that go on.
        """
        chat = self.store.conversation(message.conversation_id)
        title = "" if chat.title else title_from(message.content)
        if not chat.titled and self._is_first_answer(message):
            title = answer_title(message.content) or title
        if title:
            await self.write(self.store.rename, chat.id, title, by_user=False)
        self.refresh(chat.id)

    def _is_first_answer(self, message: StoredMessage) -> bool:
        """Tell whether this is the first answer of the chat, in any branch, that came to its end."""
        if message.role != "assistant" or message.outcome != "stop":
            return False
        return not any(
            other.role == "assistant" and other.outcome == "stop" and other.id != message.id
            for other in self.store.messages(message.conversation_id)
        )
