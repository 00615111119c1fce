"""Chats of ChatGPT's data export: `conversations.json`."""

from typing import Any

import msgspec

from app.chat.store.imported import ImportedChat, ImportedMessage, in_order


class _Author(msgspec.Struct):
    role: str = ""


class _Content(msgspec.Struct):
    content_type: str = "text"
    parts: list[Any] = []
    text: str = ""
    thoughts: list[Any] = []


class _Message(msgspec.Struct):
    author: _Author = msgspec.field(default_factory=_Author)
    content: _Content = msgspec.field(default_factory=_Content)
    create_time: float | None = None
    metadata: dict[str, Any] = {}


class _Node(msgspec.Struct):
    id: str
    message: _Message | None = None
    parent: str | None = None


class ChatGptConversation(msgspec.Struct):
    """One entry of the file; unknown keys are ignored."""

    mapping: dict[str, _Node]
    title: str | None = None
    create_time: float | None = None
    update_time: float | None = None
    current_node: str | None = None


def from_chatgpt(conversation: ChatGptConversation) -> ImportedChat:
    """One conversation: hidden nodes and tools fall out, and their children join the message above."""
    nodes = conversation.mapping
    messages: dict[str, ImportedMessage] = {}
    left_out: set[str] = set()
    thoughts: dict[str, str] = {}
    for key in _from_the_root(nodes):
        node = nodes[key]
        text, kinds = _text(node.message)
        left_out |= kinds
        role = node.message.author.role if node.message is not None else ""
        above = node.parent if node.parent in nodes else None
        if node.message is not None and node.message.content.content_type == "thoughts":
            thoughts[key] = _thoughts(node.message.content)
        if role not in ("user", "assistant") or not text.strip():
            if above is not None and above in thoughts:
                thoughts.setdefault(key, thoughts[above])
            continue
        messages[key] = ImportedMessage(
            key=key,
            parent=_shown_above(nodes, above, messages),
            role="user" if role == "user" else "assistant",
            content=text,
            thinking=thoughts.get(above or "", "") if role == "assistant" else "",
            model=str(node.message.metadata.get("model_slug", "")) if node.message else "",
            created_at=(node.message.create_time or 0.0) if node.message else 0.0,
        )
    return ImportedChat(
        title=conversation.title or "",
        messages=in_order(list(messages.values())),
        head=_shown_above(nodes, conversation.current_node, messages),
        created_at=conversation.create_time or 0.0,
        updated_at=conversation.update_time or 0.0,
        left_out=tuple(sorted(left_out)),
    )


def _from_the_root(nodes: dict[str, _Node]) -> list[str]:
    children: dict[str | None, list[str]] = {}
    for key, node in nodes.items():
        children.setdefault(node.parent if node.parent in nodes else None, []).append(key)
    ordered, waiting = [], list(reversed(children.get(None, [])))
    while waiting:
        key = waiting.pop()
        ordered.append(key)
        waiting.extend(reversed(children.get(key, [])))
    return ordered


def _shown_above(
    nodes: dict[str, _Node], key: str | None, messages: dict[str, ImportedMessage]
) -> str | None:
    """The nearest message from `key` upwards that is kept."""
    for _ in nodes:
        if key is None or key in messages or key not in nodes:
            break
        key = nodes[key].parent
    return key if key in messages else None


def _text(message: _Message | None) -> tuple[str, set[str]]:
    """The text of a message, and what kinds of content it holds besides."""
    if message is None or message.author.role not in ("user", "assistant"):
        return "", set()
    content = message.content
    if content.content_type in ("text", "multimodal_text"):
        others = {
            str(part.get("content_type", "attachment")) if isinstance(part, dict) else "attachment"
            for part in content.parts
            if not isinstance(part, str)
        }
        return "\n\n".join(part for part in content.parts if isinstance(part, str)), others
    if content.content_type == "code":
        return f"```\n{content.text}\n```", set()
    return "", set() if content.content_type in ("thoughts", "reasoning_recap") else {content.content_type}


def _thoughts(content: _Content) -> str:
    found = [thought for thought in content.thoughts if isinstance(thought, dict)]
    return "\n\n".join(str(thought.get("content") or thought.get("summary") or "") for thought in found)
