"""A chat from a file, of another program or of our own, before it is in the store."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.chat.documents.retrieval import Passage
from app.chat.library.reply_choices import ReplyChoices
from app.chat.store.records import Outcome, Role
from app.engine.protocol import GenerationStats

_THINK = re.compile(r"\A\s*<think>(.*?)</think>\s*", re.DOTALL)
_REASONING = re.compile(r"<details\b.*\btype=\"reasoning\"", re.DOTALL)
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
    thoughts: list[str] = []
    said: list[str] = []
    place = 0
    for opens, inside, closes, ends in _details(text):
        thought = _without_summaries(text[inside:closes])
        thoughts.append(_QUOTE_MARK.sub("", thought).strip())
        said.append(text[place:opens])
        place = _behind_spaces(text, ends)
    said.append(text[place:])
    return "\n\n".join(thoughts), "".join(said)


# By hand: an expression looks for the end from each beginning anew, hours in a text of a megabyte.
def _details(text: str) -> Iterator[tuple[int, int, int, int]]:
    """Find the folded reasoning of Open WebUI: where its tag opens and its inside begins, where it closes and
    has ended."""
    place = 0
    while (opens := text.find("<details", place)) >= 0:
        inside = text.find(">", opens) + 1
        closes = text.find("</details>", inside) if inside else -1
        if closes < 0:
            return
        place = inside
        if _REASONING.match(text, opens, inside):
            place = closes + len("</details>")
            yield opens, inside, closes, place


def _without_summaries(text: str) -> str:
    left: list[str] = []
    place = 0
    while (opens := text.find("<summary>", place)) >= 0:
        closes = text.find("</summary>", opens)
        if closes < 0:
            break
        left.append(text[place:opens])
        place = _behind_spaces(text, closes + len("</summary>"))
    return "".join(left) + text[place:]


def _behind_spaces(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place


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
