"""A chat from another program, before it is in the store."""

import re
from dataclasses import dataclass, field

from app.chat.store.records import Role

_THINK = re.compile(r"\A\s*<think>(.*?)</think>\s*", re.DOTALL)
_DETAILS = re.compile(r"<details\b[^>]*\btype=\"reasoning\"[^>]*>(.*?)</details>\s*", re.DOTALL)
_SUMMARY = re.compile(r"<summary>.*?</summary>\s*", re.DOTALL)
_QUOTE_MARK = re.compile(r"^> ?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ImportedMessage:
    """One message; `key` and `parent` are the other program's names within this chat. A parent stands
    before its children. Times are seconds since 1970, 0 where they are not known.
    """

    key: str
    parent: str | None
    role: Role
    content: str
    thinking: str = ""
    model: str = ""
    created_at: float = 0.0


@dataclass(frozen=True, slots=True)
class ImportedChat:
    """One chat with all its branches; `head` is the last message of the branch that was shown."""

    title: str
    messages: tuple[ImportedMessage, ...]
    head: str | None = None
    system_prompt: str = ""
    created_at: float = 0.0
    updated_at: float = 0.0
    model: str = ""
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
