"""Chats as files for people (Markdown) or for programs (JSON)."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import msgspec

from app.chat.store.records import Attachment, Conversation, StoredMessage
from app.chat.store.store import ChatStore
from app.chat.store.summary import Summary
from models.system.shown_text import MOST_OF_A_VALUE, shown

FORMAT = "stillroom-chat"
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class WholeChat:
    """A chat with all that belongs to it; `waiting` are the documents for its next message."""

    conversation: Conversation
    messages: Sequence[StoredMessage]
    summaries: Sequence[Summary]
    waiting: Sequence[Attachment]
    folder: str


def whole_chat(store: ChatStore, conversation: Conversation) -> WholeChat:
    """Read all of a chat. Raises `ChatStoreError`."""
    names = {folder.id: folder.name for folder in store.folders()}
    return WholeChat(
        conversation,
        store.messages(conversation.id),
        store.summaries(conversation.id),
        store.waiting_attachments(conversation.id),
        "" if conversation.folder_id is None else names.get(conversation.folder_id, ""),
    )


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
        if note := ending_note(message):
            lines += [f"*{note}*", ""]
    return "\n".join(lines).rstrip() + "\n"


def to_json(*chats: WholeChat, with_thinking: bool = False) -> str:
    """A chat with all its branches, or a list of several; thinking is left out unless asked for.

    `messages[]` is a tree by `parent_id`; `head_id` is the last message of the branch that is shown. Times
    are ISO 8601 in UTC. With its thinking, `import_chats` makes the same chat of it.
    """
    documents = [_document(chat, with_thinking=with_thinking) for chat in chats]
    whole = documents[0] if len(documents) == 1 else documents
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


def _document(chat: WholeChat, *, with_thinking: bool) -> dict[str, object]:
    conversation = chat.conversation
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "title": conversation.title,
        "titled": conversation.titled,
        "model": conversation.model,
        "system_prompt": conversation.system_prompt,
        "sampling": conversation.sampling,
        "max_tokens": conversation.max_tokens,
        "thinking_limits": conversation.thinking,
        "loras": conversation.loras,
        "json_schema": conversation.json_schema,
        "when_full": conversation.when_full,
        "stop": conversation.stop,
        "pinned": conversation.pinned,
        "folder": chat.folder,
        "draft": conversation.draft,
        "attachments": [asdict(each) for each in chat.waiting],
        "created_at": _exact(conversation.created_at),
        "updated_at": _exact(conversation.updated_at),
        "head_id": conversation.head_id,
        "messages": [_message(message, with_thinking=with_thinking) for message in chat.messages],
        "summaries": [
            {
                "last_id": summary.last_id,
                "text": summary.text,
                "model": summary.model,
                "created_at": _exact(summary.created_at),
            }
            for summary in chat.summaries
        ],
    }


def _message(message: StoredMessage, *, with_thinking: bool) -> dict[str, object]:
    fields = asdict(message)
    del fields["conversation_id"]
    if not with_thinking:
        del fields["thinking"]
    return {**fields, "created_at": _exact(message.created_at)}


def ending_note(message: StoredMessage) -> str:
    """The sentence below a message that did not come to its own end; empty for others."""
    if message.outcome in ("stop", "running"):
        return ""
    if message.outcome == "edited":
        return "Edited by the user."
    return f"This reply ended early ({message.outcome})."


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _exact(seconds: float) -> str:
    """A time with as many digits as its float needs."""
    whole = math.floor(seconds)
    nanoseconds = round((seconds - whole) * 1e9)
    return _iso(whole).replace("Z", f".{nanoseconds:09d}Z") if 0 < nanoseconds < 10**9 else _iso(seconds)
