"""Texts as tokens and as vectors."""

from app.engine.protocol.message_base import Message, Part


class Tokenize(Message, frozen=True, kw_only=True):
    """Token ids of a prompt, as `Generate` would evaluate it. Answered by `Tokenized`."""

    request_id: int
    parts: list[Part]
    model: str = ""
    """File of a loaded model; empty is the one that was loaded last."""
    only_count: bool = False
    """Only their number is wanted."""


class Tokenized(Message, frozen=True, kw_only=True):
    """Answer to `Tokenize`; `tokens` is None where only their number was wanted."""

    request_id: int
    count: int
    tokens: list[int] | None = None


class Embed(Message, frozen=True, kw_only=True):
    """A text as a vector, by a model that is made for it (`ModelInfo.pooling`). Answered by `Embedded` or
    `Failed`."""

    request_id: int
    tokens: list[int] = []
    """Token ids, in the place of the text."""
    parts: list[Part] = []
    model: str = ""
    """File of a loaded model; empty is the one that was loaded last."""


class Embedded(Message, frozen=True, kw_only=True):
    """Answer to `Embed`: a vector of length 1 as little-endian 32-bit floats, made of so many tokens."""

    request_id: int
    vector: bytes
    tokens: int
