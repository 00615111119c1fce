"""Chats of LM Studio: one `*.conversation.json` a chat."""

from typing import Any

import msgspec

from app.chat.library.reply_choices import ReplyChoices
from app.chat.store.imported import ImportedChat, ImportedMessage, split_thinking


class _Version(msgspec.Struct):
    role: str
    content: list[Any] = []
    steps: list[Any] = []


class _Message(msgspec.Struct, rename="camel"):
    versions: list[_Version]
    currently_selected: int = 0


class LmStudioConversation(msgspec.Struct, rename="camel"):
    """The file; unknown keys are ignored. `created_at` counts milliseconds."""

    messages: list[_Message]
    name: str | None = None
    created_at: float | None = None
    system_prompt: str | None = None


def from_lm_studio(conversation: LmStudioConversation) -> ImportedChat:
    """The chat; every version of a message is kept, and the next message follows the chosen one."""
    messages: list[ImportedMessage] = []
    left_out: set[str] = set()
    above: str | None = None
    for number, message in enumerate(conversation.messages):
        chosen = above
        for version_number, version in enumerate(message.versions):
            if version.role not in ("user", "assistant"):
                continue
            thinking, content, kinds = _text(version)
            left_out |= kinds
            key = f"{number}.{version_number}"
            messages.append(
                ImportedMessage(
                    key=key,
                    parent=above,
                    role="assistant" if version.role == "assistant" else "user",
                    content=content,
                    thinking=thinking,
                )
            )
            if version_number == message.currently_selected or chosen == above:
                chosen = key
        above = chosen
    created_at = (conversation.created_at or 0.0) / 1000
    return ImportedChat(
        title=conversation.name or "",
        messages=tuple(messages),
        head=above,
        choices=ReplyChoices(conversation.system_prompt or ""),
        created_at=created_at,
        updated_at=created_at,
        left_out=tuple(sorted(left_out)),
    )


def _text(version: _Version) -> tuple[str, str, set[str]]:
    """Thinking, answer, and the kinds of content that are neither."""
    thoughts: list[str] = []
    answer: list[str] = []
    kinds: set[str] = set()
    blocks = [step for step in version.steps if isinstance(step, dict)] or [{"content": version.content}]
    for block in blocks:
        style = block.get("style")
        is_thought = isinstance(style, dict) and style.get("type") == "thinking"
        content = block.get("content")
        for part in content if isinstance(content, list) else []:
            if not isinstance(part, dict):
                continue
            if part.get("type") == "text":
                (thoughts if is_thought else answer).append(str(part.get("text", "")))
            else:
                kinds.add(str(part.get("type", "attachment")))
    thinking, text = split_thinking("".join(answer))
    return "".join(thoughts) or thinking, text, kinds
