"""The records of the chat store, as plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.chat.documents.retrieval import Passage
from app.chat.library.reply_choices import ReplyChoices, WhenFull
from app.engine.protocol import GenerationStats, Lora, Sampling, ThinkingLimits

Role = Literal["user", "assistant"]
Outcome = Literal[
    "running", "stop", "length", "context", "cancelled", "loop", "failed", "interrupted", "edited"
]
"""The end of a message: the engine's finish reasons, and "running" while it streams, "failed" when the engine
reported an error or died, "interrupted" when the program ended before the reply did, "edited" for a reply in
the user's words, which stands beside the one that it was made from."""

CUT_OFF: frozenset[Outcome] = frozenset(("length", "context", "cancelled", "failed", "interrupted"))
"""A reply that ended so can go on."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One chat without its messages. Times are seconds since 1970.

    `head_id` is the last message of the branch that is shown. `sampling` None and `max_tokens` 0 follow the
    model's recommendation. `titled` says that the user chose the title, so it is never made anew.
    """

    id: int
    title: str
    titled: bool
    model: str
    system_prompt: str
    sampling: Sampling | None
    max_tokens: int
    thinking: ThinkingLimits
    draft: str
    head_id: int | None
    created_at: float
    updated_at: float
    pinned: bool = False
    folder_id: int | None = None
    loras: tuple[Lora, ...] = ()
    json_schema: str = ""
    when_full: WhenFull = "ask"
    stop: tuple[str, ...] = ()

    @property
    def choices(self) -> ReplyChoices:
        """The settings for its replies."""
        return ReplyChoices(
            self.system_prompt,
            self.sampling,
            self.max_tokens,
            self.thinking,
            self.loras,
            self.json_schema,
            self.when_full,
            self.stop,
        )


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of chats; folders do not hold folders."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A document that goes with a message of the user."""

    id: int
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class FileToRead:
    """A file that was given for the next message of a chat, and is not read yet."""

    id: int
    conversation_id: int
    path: Path


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One message of the tree; the root messages of a chat have no parent.

    `content` is what was said (an assistant's answer), `thinking` what was thought before it. `error` is the
    sentence that the user read when `outcome` is "failed". `attachments` are a question's documents; with
    `passages` only those parts of them go to the model (documents are counted as in `attachments`).
    `json_schema` is what an answer had to follow, or empty.
    """

    id: int
    conversation_id: int
    parent_id: int | None
    role: Role
    content: str
    thinking: str
    model: str
    stats: GenerationStats | None
    outcome: Outcome
    error: str
    created_at: float
    attachments: tuple[Attachment, ...] = ()
    passages: tuple[Passage, ...] | None = None
    json_schema: str = ""


def versions_of(messages: Sequence[StoredMessage]) -> Mapping[int, tuple[int, ...]]:
    """For each message all messages in its place, itself among them, the oldest first."""
    by_place: dict[tuple[int | None, str], list[int]] = {}
    for message in messages:
        by_place.setdefault((message.parent_id, message.role), []).append(message.id)
    return {message.id: tuple(by_place[message.parent_id, message.role]) for message in messages}


def branch_in(messages: Sequence[StoredMessage], head_id: int | None) -> list[StoredMessage]:
    """The messages from the root to `head_id`, of all those of a chat."""
    by_number = {message.id: message for message in messages}
    branch: list[StoredMessage] = []
    while head_id in by_number:
        branch.append(by_number[head_id])
        above = branch[-1].parent_id
        # A damaged number must lead round in no circle.
        head_id = above if above is not None and above < branch[-1].id else None
    return branch[::-1]


def newest_end(messages: Sequence[StoredMessage], message_id: int) -> int:
    """The last message of the newest branch that goes through `message_id`."""
    newest: dict[int, int] = {}
    for message in messages:
        # Below it in any case: a damaged number must lead round in no circle.
        if message.parent_id is not None and message.parent_id < message.id:
            newest[message.parent_id] = max(message.id, newest.get(message.parent_id, 0))
    while message_id in newest:
        message_id = newest[message_id]
    return message_id
