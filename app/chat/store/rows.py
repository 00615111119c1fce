"""Rows of the chat database as records."""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from app.chat.documents.retrieval import Passage
from app.chat.library.reply_choices import ReplyChoices
from app.chat.store.records import Attachment, Conversation, StoredMessage
from app.engine.protocol import GenerationStats, Lora, Sampling, ThinkingLimits

T = TypeVar("T")

CONVERSATION = (
    "id, title, titled, model, system_prompt, sampling, max_tokens, thinking, draft, head_id, created_at,"
    " updated_at, pinned, folder_id, loras, json_schema, when_full, stop"
)
MESSAGE = (
    "id, conversation_id, parent_id, role, content, thinking, model, stats, outcome, error, created_at,"
    " passages, json_schema"
)
"""The columns that `conversation_of` and `message_of` take, in their order."""


def to_json(
    value: Sampling | ThinkingLimits | GenerationStats | Sequence[Passage | Lora | str] | None,
) -> str | None:
    """Encode a value as the JSON of its column."""
    return None if value is None else msgspec.json.encode(value).decode()


def choice_columns(choices: ReplyChoices) -> dict[str, object]:
    """The columns of a chat that hold how its replies are made, with their values."""
    return {
        "system_prompt": choices.system_prompt,
        "sampling": to_json(choices.sampling),
        "max_tokens": choices.max_tokens,
        "thinking": to_json(choices.thinking),
        "loras": to_json(choices.loras or None),
        "json_schema": choices.json_schema,
        "when_full": choices.when_full,
        "stop": to_json(choices.stop or None),
    }


def conversation_of(row: tuple[Any, ...]) -> Conversation:
    """A chat."""
    id_, title, titled, model, system_prompt, sampling, max_tokens, thinking, draft, head_id, *rest = row
    created_at, updated_at, pinned, folder_id, loras, json_schema, when_full, stop = rest
    return Conversation(
        id=id_,
        title=title,
        titled=bool(titled),
        model=model,
        system_prompt=system_prompt,
        sampling=_decoded(sampling, Sampling),
        max_tokens=max_tokens,
        thinking=_decoded(thinking, ThinkingLimits) or ThinkingLimits(),
        draft=draft,
        head_id=head_id,
        created_at=created_at,
        updated_at=updated_at,
        pinned=bool(pinned),
        folder_id=folder_id,
        loras=_decoded(loras, tuple[Lora, ...]) or (),
        json_schema=json_schema,
        when_full=when_full,
        stop=_decoded(stop, tuple[str, ...]) or (),
    )


def message_of(row: tuple[Any, ...], attachments: Sequence[Attachment] = ()) -> StoredMessage:
    """A message with its documents."""
    id_, conversation_id, parent_id, role, content, thinking, model, stats, outcome, error, *rest = row
    created_at, passages, json_schema = rest
    return StoredMessage(
        id=id_,
        conversation_id=conversation_id,
        parent_id=parent_id,
        role=role,
        content=content,
        thinking=thinking,
        model=model,
        stats=_decoded(stats, GenerationStats),
        outcome=outcome,
        error=error,
        created_at=created_at,
        attachments=tuple(attachments),
        passages=_decoded(passages, tuple[Passage, ...]),
        json_schema=json_schema,
    )


def _decoded(text: object, kind: type[T]) -> T | None:
    """A value of a column; None also where it is damaged, which the row's checksum tells."""
    if text is None:
        return None
    try:
        return msgspec.json.decode(text if isinstance(text, bytes) else str(text), type=kind)
    except (msgspec.DecodeError, UnicodeError):
        return None
