"""Chats of Open WebUI's export: a list of chats, each with its tree of messages."""

from typing import Any

import msgspec

from app.chat.library.reply_choices import ReplyChoices
from app.chat.store.imported import ImportedChat, ImportedMessage, in_order, split_thinking


class _Message(msgspec.Struct, rename="camel"):
    id: str
    role: str
    content: str = ""
    parent_id: str | None = None
    timestamp: float | None = None
    model: str | None = None
    files: list[Any] = []


class _History(msgspec.Struct, rename="camel"):
    messages: dict[str, _Message] = {}
    current_id: str | None = None


class _Params(msgspec.Struct):
    system: str | None = None


class _Chat(msgspec.Struct):
    history: _History
    title: str | None = None
    models: list[str] = []
    system: str | None = None
    params: _Params | None = None


class OpenWebUiChat(msgspec.Struct):
    """One entry of the file; unknown keys are ignored."""

    chat: _Chat
    title: str | None = None
    created_at: float | None = None
    updated_at: float | None = None


def from_open_webui(entry: OpenWebUiChat) -> ImportedChat:
    """One chat with all its branches."""
    history = entry.chat.history
    messages = []
    for message in history.messages.values():
        if message.role not in ("user", "assistant"):
            continue
        is_reply = message.role == "assistant"
        thinking, content = split_thinking(message.content) if is_reply else ("", message.content)
        messages.append(
            ImportedMessage(
                key=message.id,
                parent=message.parent_id,
                role="assistant" if is_reply else "user",
                content=content,
                thinking=thinking,
                model=message.model or "",
                created_at=message.timestamp or 0.0,
            )
        )
    params = entry.chat.params
    return ImportedChat(
        title=entry.chat.title or entry.title or "",
        messages=in_order(messages),
        head=history.current_id,
        choices=ReplyChoices(entry.chat.system or (params.system if params else None) or ""),
        created_at=entry.created_at or 0.0,
        updated_at=entry.updated_at or 0.0,
        model=next(iter(entry.chat.models), ""),
        left_out=("files",) if any(message.files for message in history.messages.values()) else (),
    )
