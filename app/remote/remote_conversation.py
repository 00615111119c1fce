"""A conversation for a server elsewhere, which applies the model's template itself.

A prompt comes as parts, as it does for a model on this computer; the template here only names the roles, in
parts that are special, so that nobody's words are taken for one.
"""

import re
from collections.abc import Sequence
from typing import Any

from app.engine.protocol import Part
from app.engine.protocol.frames import encodable

TEMPLATE = "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}{% endfor %}"

_ROLE = re.compile(r"<\|(system|user|assistant)\|>")
_TOKEN_BYTES = 3.2
_MESSAGE_TOKENS = 6


def messages_of(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """The messages of a prompt that `TEMPLATE` rendered, or one of the user's where none did."""
    messages: list[dict[str, Any]] = []
    for part in parts:
        role = _ROLE.fullmatch(part.text) if part.special else None
        if role is not None:
            messages.append({"role": role[1], "content": ""})
        elif not part.special:
            if not messages:
                messages.append({"role": "user", "content": ""})
            messages[-1]["content"] += encodable(part.text)
    return messages


def estimated_tokens(parts: Sequence[Part]) -> int:
    """About how many tokens a prompt takes, rather more than fewer.

    Only its server could count them; what is still being written is not sent there for that.
    """
    said = sum(len(part.text.encode("utf-8", "replace")) for part in parts if not part.special)
    turns = sum(part.special for part in parts)
    return round(said / _TOKEN_BYTES) + _MESSAGE_TOKENS * turns
