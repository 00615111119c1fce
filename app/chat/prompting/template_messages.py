"""The messages between the program and the process that renders chat templates, in msgpack.

A chat's words cross the pipe once: a request says how many turns are those of the one before, and an answer
says where in a turn the words of the prompt stand.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from app.engine.protocol.message_base import Part

Failure = Literal["", "refused", "invalid", "memory", "output"]
"""The reason why a template gave no prompt: it refused the conversation, is no valid Jinja (or too deep),
took too much memory, or wrote too much."""

Turn = tuple[str, str]
"""A role and what it said."""

Piece = str | tuple[int, int, int, str]
"""The template's own text; or words: of turn n from character to character, or (-1, 0, 0) and the words."""


class RenderRequest(msgspec.Struct, array_like=True):
    """A conversation to be rendered: the first `kept` turns of the request before, then `turns`."""

    source: str
    bos_text: str
    eos_text: str
    kept: int
    turns: list[Turn]


class RenderAnswer(msgspec.Struct, array_like=True):
    """The prompt, or why there is none."""

    pieces: list[Piece] = []
    failure: Failure = ""
    reason: str = ""


def pieces_of(parts: Sequence[Part], turns: Sequence[Turn]) -> list[Piece]:
    """Say the words of a prompt by where they stand in the turns."""
    pieces: list[Piece] = []
    after = 0
    for part in parts:
        if part.special:
            pieces.append(part.text)
            continue
        for number in range(after, len(turns)):
            content = turns[number][1]
            # As the template left it, or trimmed; neither is looked for where it cannot be.
            start = 0 if len(content) == len(part.text) else len(content) - len(content.lstrip())
            if content.startswith(part.text, start):
                pieces.append((number, start, start + len(part.text), ""))
                after = number + 1
                break
        else:
            pieces.append((-1, 0, 0, part.text))
    return pieces


def parts_of(pieces: Sequence[Piece], turns: Sequence[Turn]) -> list[Part]:
    """The prompt of an answer. Raises `IndexError` for a turn that is not there."""
    return [
        Part(piece, True)
        if isinstance(piece, str)
        else Part(turns[piece[0]][1][piece[1] : piece[2]] if piece[0] >= 0 else piece[3])
        for piece in pieces
    ]
