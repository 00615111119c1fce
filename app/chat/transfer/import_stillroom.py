"""Chats of our own export (`app.chat.transfer.export`): the same chats again.

The file may be anybody's. Words are taken as they are; what else cannot be used is left out and named.
"""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, get_args

import msgspec

from app.base.errors import RequestError, StillroomError
from app.chat.documents.document_worker import MOST_CHARACTERS
from app.chat.documents.retrieval import Passage
from app.chat.library.reply_choices import NO_LIMITS, ReplyChoices, WhenFull
from app.chat.store.imported import (
    ImportedChat,
    ImportedDocument,
    ImportedMessage,
    ImportedSummary,
    in_order,
)
from app.chat.store.records import Outcome
from app.chat.transfer.export import FORMAT_VERSION
from app.engine.protocol import Generate, GenerationStats, Lora, Sampling, ThinkingLimits
from app.engine.protocol.generate_checks import check_generate

T = TypeVar("T")

LARGEST_FIGURE = 1e15
LONGEST_DRAFT = 1 << 20
LONGEST_NAME = 1000
"""Characters of what stands in one line: a document's or a folder's name."""
MOST_LORAS = 16
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
_OUTCOMES: dict[str, Outcome] = {outcome: outcome for outcome in get_args(Outcome)} | {
    "running": "interrupted"
}


class ImportFailed(StillroomError):
    """A file that holds no chats that are known here."""


class _Document(msgspec.Struct):
    name: str
    text: str


class _Summary(msgspec.Struct):
    last_id: int
    text: str
    created_at: str
    model: str = ""


class _Message(msgspec.Struct):
    id: int
    role: str
    content: str
    created_at: str
    parent_id: int | None = None
    thinking: str = ""
    model: str = ""
    stats: Any = None
    outcome: str = "stop"
    error: str = ""
    attachments: Any = None
    passages: Any = None
    json_schema: str = ""


class StillroomChat(msgspec.Struct):
    """One exported chat; unknown keys are ignored, and what was not exported once is not needed."""

    version: int
    messages: list[_Message]
    created_at: str
    updated_at: str
    title: str = ""
    titled: bool | None = None
    model: str = ""
    system_prompt: str = ""
    sampling: Any = None
    max_tokens: Any = 0
    thinking_limits: Any = None
    loras: Any = None
    json_schema: str = ""
    when_full: Any = "ask"
    stop: Any = None
    pinned: bool = False
    folder: str = ""
    draft: str = ""
    attachments: Any = None
    head_id: int | None = None
    summaries: Any = None


def from_stillroom(chat: StillroomChat) -> ImportedChat:
    """Raises `ImportFailed` for a later version's, `msgspec.ValidationError` for what is no export."""
    if chat.version > FORMAT_VERSION:
        raise ImportFailed(
            "This export was written by a newer Stillroom (version {version}).",
            "Update Stillroom to read it.",
            version=chat.version,
        )
    left_out: set[str] = set()
    draft = chat.draft
    if len(draft) > LONGEST_DRAFT:
        draft = ""
        left_out.add("draft")
    summaries: list[_Summary] = _part(chat.summaries, list[_Summary], [], "summary", left_out)
    return ImportedChat(
        title=chat.title,
        messages=_ordered([_message(message, left_out) for message in chat.messages]),
        head=None if chat.head_id is None else str(chat.head_id),
        choices=_choices(chat, left_out),
        created_at=_seconds(chat.created_at),
        updated_at=_seconds(chat.updated_at),
        model=chat.model,
        titled=chat.titled,
        pinned=chat.pinned,
        folder=chat.folder[:LONGEST_NAME],
        draft=draft,
        documents=_documents(chat.attachments, left_out),
        summaries=tuple(
            ImportedSummary(str(each.last_id), each.text, each.model, _seconds(each.created_at))
            for each in summaries
        ),
        left_out=tuple(sorted(left_out)),
    )


def _message(message: _Message, left_out: set[str]) -> ImportedMessage:
    documents = _documents(message.attachments, left_out)
    passages: tuple[Passage, ...] | None = _part(
        message.passages, tuple[Passage, ...], None, "passage", left_out
    )
    stats: GenerationStats | None = _part(message.stats, GenerationStats, None, "statistics", left_out)
    if stats is not None and not _are_figures(stats):
        stats = None
        left_out.add("statistics")
    return ImportedMessage(
        key=str(message.id),
        parent=None if message.parent_id is None else str(message.parent_id),
        role="assistant" if message.role == "assistant" else "user",
        content=message.content,
        thinking=message.thinking,
        model=message.model,
        created_at=_seconds(message.created_at),
        stats=stats,
        outcome=_OUTCOMES.get(message.outcome, "stop"),
        error=message.error,
        documents=documents,
        passages=None
        if passages is None
        else tuple(
            each
            for each in passages
            if 0 <= each.document < len(documents)
            and 0 <= each.start < each.end <= len(documents[each.document].text)
        ),
        json_schema=message.json_schema,
    )


def _choices(chat: StillroomChat, left_out: set[str]) -> ReplyChoices:
    found: tuple[Lora, ...] = _part(chat.loras, tuple[Lora, ...], (), "adapter", left_out)
    loras = tuple(lora for lora in found[:MOST_LORAS] if _is_here(lora.path))
    if loras != found:
        left_out.add("adapter")
    free = ReplyChoices(system_prompt=chat.system_prompt, json_schema=chat.json_schema)
    choices = msgspec.structs.replace(
        free,
        sampling=_part(chat.sampling, Sampling, None, "settings", left_out),
        max_tokens=_part(chat.max_tokens, int, 0, "settings", left_out),
        thinking=_part(chat.thinking_limits, ThinkingLimits, NO_LIMITS, "settings", left_out),
        loras=loras,
        when_full=_part(chat.when_full, WhenFull, "ask", "settings", left_out),
        stop=_part(chat.stop, tuple[str, ...], (), "settings", left_out),
    )
    asked = Generate(
        request_id=0,
        sampling=choices.sampling or Sampling(),
        max_tokens=choices.max_tokens,
        thinking_limits=choices.thinking,
        loras=loras,
        stop=list(choices.stop),
    )
    try:
        check_generate(asked, vocabulary=2**31)
    except RequestError:
        left_out.add("settings")
        return free
    return choices


def _documents(value: Any, left_out: set[str]) -> tuple[ImportedDocument, ...]:
    """Return documents; all or none, as passages count them."""
    found: list[_Document] = _part(value, list[_Document], [], "document", left_out)
    if any(len(each.text) > MOST_CHARACTERS or len(each.name) > LONGEST_NAME for each in found):
        left_out.add("document")
        return ()
    return tuple(ImportedDocument(each.name, each.text) for each in found)


def _part(value: Any, kind: Any, otherwise: T, name: str, left_out: set[str]) -> T:
    """Return a value as `kind`; where it is none, `otherwise`, and `name` is left out."""
    try:
        # Keys of numbers are texts in JSON.
        converted: T = otherwise if value is None else msgspec.convert(value, kind, str_keys=True)
    except msgspec.ValidationError:
        left_out.add(name)
        return otherwise
    return converted


def _are_figures(stats: GenerationStats) -> bool:
    figures = [getattr(stats, name) for name in stats.__struct_fields__]
    numbers = [figure for figure in figures if isinstance(figure, int | float)]
    return all(0 <= number <= LARGEST_FIGURE for number in (*numbers, *stats.token_s))


def _is_here(path: str) -> bool:
    """Tell whether an adapter's file lies on this computer; a share of another one is not even asked for."""
    if path.startswith(("\\\\", "//")) or "\0" in path:
        return False
    return Path(path).is_absolute() and Path(path).is_file()


def _ordered(messages: Sequence[ImportedMessage]) -> tuple[ImportedMessage, ...]:
    """Return the messages in the order of their numbers, where parents come before their children."""
    found = in_order(list(messages))
    if all(message.parent is None or int(message.parent) < int(message.key) for message in found):
        return tuple(sorted(found, key=lambda message: int(message.key)))
    return found


def _seconds(text: str) -> float:
    """Return a time of `export` as seconds since 1970, to the last digit of the float."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise msgspec.ValidationError("it holds a time that cannot be read")
    day, fraction, zone = found.groups()
    try:
        whole = datetime.fromisoformat(day + zone.replace("Z", "+00:00")) - datetime(1970, 1, 1, tzinfo=UTC)
    except ValueError as error:
        raise msgspec.ValidationError("it holds a time that cannot be read") from error
    return math.floor(whole.total_seconds()) + float(f"0{fraction or ''}")
