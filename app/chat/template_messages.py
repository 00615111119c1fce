"""What is said between the program and the process that renders chat templates, as msgpack frames."""

import struct
from typing import BinaryIO, Literal

import msgspec

from app.engine.messages.base import Part

Failure = Literal["", "refused", "invalid", "memory", "output"]
"""What a template did instead of a prompt: it refused the conversation, is no valid Jinja (or too deep), took
too much memory, or wrote too much."""

Turn = dict[str, str]

_LENGTH = struct.Struct("<I")
MOST_FRAME_BYTES = 256 << 20


class RenderRequest(msgspec.Struct, array_like=True):
    """A conversation to be rendered; `turns` hold `role` and `content`, as templates read them."""

    source: str
    bos_text: str
    eos_text: str
    turns: list[Turn]


class RenderAnswer(msgspec.Struct, array_like=True):
    """The prompt, or why there is none. `cpu_s` is the processor time of the process so far."""

    cpu_s: float
    parts: list[Part] = []
    failure: Failure = ""
    reason: str = ""


def write_frame(stream: BinaryIO, payload: bytes) -> None:
    """Send one frame. Raises `OSError` or `ValueError` when the pipe is gone."""
    stream.write(_LENGTH.pack(len(payload)) + payload)
    stream.flush()


def read_frame(stream: BinaryIO) -> bytes:
    """The next frame; empty at the end of the stream, and for one that is too long."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return b""
    (size,) = _LENGTH.unpack(head)
    payload = stream.read(size) if size <= MOST_FRAME_BYTES else b""
    return payload if len(payload) == size else b""
