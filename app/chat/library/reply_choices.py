"""The settings for a chat's replies, which a preset holds and each chat keeps."""

from typing import Literal

import msgspec

from app.engine.protocol import Lora, Sampling, ThinkingLimits

WhenFull = Literal["ask", "drop", "summarise", "stop"]
"""The action when a chat has outgrown the context: the user is asked, the oldest messages are left out, they
are summarised by the model, or nothing is sent."""
NO_LIMITS = ThinkingLimits()


class ReplyChoices(msgspec.Struct, frozen=True, omit_defaults=True):
    """`sampling` None leaves it to the setting of that name, `max_tokens` 0 lets a reply be as long as fits.
    `json_schema` is the text of the schema that answers follow; empty where they are free. An answer ends
    before any of the `stop` texts."""

    system_prompt: str = ""
    sampling: Sampling | None = None
    max_tokens: int = 0
    thinking: ThinkingLimits = NO_LIMITS
    loras: tuple[Lora, ...] = ()
    json_schema: str = ""
    when_full: WhenFull = "ask"
    stop: tuple[str, ...] = ()
