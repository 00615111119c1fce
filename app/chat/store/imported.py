"""A chat from a file, of another program or of our own, before it is in the store."""

import re
from dataclasses import dataclass, field

from app.chat.documents.retrieval import Passage
from app.chat.library.reply_choices import ReplyChoices
from app.chat.store.records import Outcome, Role
from app.engine.protocol import GenerationStats

_THINK = re.compile(r"\A\s*<think>(.*?)</think>\s*", re.DOTALL)
_DETAILS = re.compile(r"<details\b[^>]*\btype=\"reasoning\"[^>]*>(.*?)</details>\s*", re.DOTALL)
_SUMMARY = re.compile(r"<summary>.*?</summary>\s*", re.DOTALL)
_QUOTE_MARK = re.compile(r"^> ?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ImportedDocument:
    """A document that goes with a message."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class ImportedSummary:
    """What stands for the messages up to the one with the key `last`."""

    last: str
    text: str
    model: str
    created_at: float


@dataclass(frozen=True, slots=True)
class ImportedMessage:
    """One message; `key` and `parent` are the file's names within this chat. A parent stands before its
    children. Times are seconds since 1970, 0 where they are not known. The rest is as in `StoredMessage`,
    and only in our own files.
    """

    key: str
    parent: str | None
    role: Role
    content: str
    thinking: str = ""
    model: str = ""
    created_at: float = 0.0
    stats: GenerationStats | None = None
    outcome: Outcome = "stop"
    error: str = ""
    documents: tuple[ImportedDocument, ...] = ()
    passages: tuple[Passage, ...] | None = None
    json_schema: str = ""


@dataclass(frozen=True, slots=True)
class ImportedChat:
    """One chat with all its branches; `head` is the last message of the branch that was shown.

    `titled` None takes a title for one that a user chose. `folder` is the name of the folder that it goes
    into, `documents` wait for its next message.
    """

    title: str
    messages: tuple[ImportedMessage, ...]
    head: str | None = None
    choices: ReplyChoices = ReplyChoices()  # noqa: RUF009 - frozen
    created_at: float = 0.0
    updated_at: float = 0.0
    model: str = ""
    titled: bool | None = None
    pinned: bool = False
    folder: str = ""
    draft: str = ""
    documents: tuple[ImportedDocument, ...] = ()
    summaries: tuple[ImportedSummary, ...] = ()
    left_out: tuple[str, ...] = field(default=())
    """The kinds of content that the file holds and a chat here cannot, such as "image"."""


def split_thinking(text: str) -> tuple[str, str]:
    """A reply's thinking and answer, as the programs around R1 write them into one text."""
    if match := _THINK.match(text):
        return match[1].strip(), text[match.end() :]
    thoughts = [_QUOTE_MARK.sub("", _SUMMARY.sub("", found)).strip() for found in _DETAILS.findall(text)]
    return "\n\n".join(thoughts), _DETAILS.sub("", text) if thoughts else text


def in_order(messages: list[ImportedMessage]) -> tuple[ImportedMessage, ...]:
    """Parents before children; a message whose parent is missing begins a branch, a circle is left out."""
    by_key = {message.key: message for message in messages}
    children: dict[str | None, list[ImportedMessage]] = {}
    for message in by_key.values():
        parent = message.parent if message.parent in by_key else None
        children.setdefault(parent, []).append(message)
    ordered: list[ImportedMessage] = []
    waiting = list(reversed(children.get(None, [])))
    while waiting:
        message = waiting.pop()
        ordered.append(message)
        waiting.extend(reversed(children.get(message.key, [])))
    return tuple(ordered)
