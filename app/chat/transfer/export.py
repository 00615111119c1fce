"""Chats as files for people (Markdown) or for programs (JSON)."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import msgspec

from app.chat.store.records import Conversation, StoredMessage
from models.system.shown_text import MOST_OF_A_VALUE, shown

FORMAT = "stillroom-chat"
FORMAT_VERSION = 1


def to_markdown(
    conversation: Conversation, branch: Sequence[StoredMessage], *, with_thinking: bool = False
) -> str:
    """The branch that is shown, as a document; thinking is left out unless asked for."""
    lines = [f"# {shown(conversation.title or 'Untitled chat', MOST_OF_A_VALUE)}", ""]
    about = [name for name in (conversation.model, _iso(conversation.created_at)) if name]
    lines += [shown(" · ".join(about), MOST_OF_A_VALUE), ""]
    if conversation.system_prompt:
        lines += ["## System prompt", "", conversation.system_prompt, ""]
    for message in branch:
        lines += ["## You" if message.role == "user" else f"## {shown(message.model or 'Model')}", ""]
        if with_thinking and message.thinking:
            lines += [f"> {line}".rstrip() for line in message.thinking.strip().splitlines()]
            lines += [""]
        lines += [message.content.strip(), ""]
        if message.outcome not in ("stop", "running"):
            lines += [f"*This reply ended early ({message.outcome}).*", ""]
    return "\n".join(lines).rstrip() + "\n"


def to_json(*chats: tuple[Conversation, Sequence[StoredMessage]], with_thinking: bool = False) -> str:
    """A chat with all its branches, or a list of several; thinking is left out unless asked for.

    `messages[]` is a tree by `parent_id`; `head_id` is the last message of the branch that is shown. Times
    are ISO 8601 in UTC.
    """
    documents = [_document(chat, messages, with_thinking=with_thinking) for chat, messages in chats]
    whole = documents[0] if len(documents) == 1 else documents
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


def _document(
    conversation: Conversation, messages: Sequence[StoredMessage], *, with_thinking: bool
) -> dict[str, object]:
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "title": conversation.title,
        "model": conversation.model,
        "system_prompt": conversation.system_prompt,
        "sampling": conversation.sampling,
        "max_tokens": conversation.max_tokens,
        "created_at": _iso(conversation.created_at),
        "updated_at": _iso(conversation.updated_at),
        "head_id": conversation.head_id,
        "messages": [_message(message, with_thinking=with_thinking) for message in messages],
    }


def _message(message: StoredMessage, *, with_thinking: bool) -> dict[str, object]:
    fields = asdict(message)
    del fields["conversation_id"]
    if not with_thinking:
        del fields["thinking"]
    return {**fields, "created_at": _iso(message.created_at)}


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
