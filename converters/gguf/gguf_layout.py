"""A GGUF file as it is known before a weight is read: the header's bytes and each tensor's place."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from converters.gguf.gguf_types import TensorType

MAGIC = b"GGUF"
VERSION = 3
ALIGNMENT = 32
"""Tensor data starts at multiples of this many bytes (`general.alignment`'s default)."""

TensorForm = tuple[tuple[int, ...], TensorType]
"""A tensor's row-major shape (GGUF stores it reversed) and its type."""


@dataclass(frozen=True, slots=True)
class Place:
    """A tensor in the file: its bytes from `offset` on, and the padding up to `end`."""

    type: TensorType
    offset: int
    bytes: int
    end: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A whole file: `header` is everything before the tensors, `places` are in the file's order."""

    header: bytes
    places: dict[str, Place]
    bytes: int


def lay_out(values: Mapping[str, bytes], tensors: Mapping[str, TensorForm]) -> Layout:
    """Lay out the file that holds the encoded metadata `values` and `tensors`, in their orders."""
    out = bytearray(MAGIC + struct.pack("<IQQ", VERSION, len(tensors), len(values)))
    for key, value in values.items():
        out += encode_string(key) + value
    offset = 0
    relative: dict[str, Place] = {}
    for name, (shape, kind) in tensors.items():
        size = prod(shape) // kind.block * kind.block_bytes
        out += encode_string(name) + struct.pack("<I", len(shape))
        out += struct.pack(f"<{len(shape)}Q", *reversed(shape))
        out += struct.pack("<IQ", kind.number, offset)
        relative[name] = Place(kind, offset, size, offset + aligned(size))
        offset += aligned(size)
    out += bytes(-len(out) % ALIGNMENT)
    start = len(out)
    places = {
        name: Place(place.type, start + place.offset, place.bytes, start + place.end)
        for name, place in relative.items()
    }
    return Layout(bytes(out), places, start + offset)


def encode_string(text: str) -> bytes:
    """Encode a length and the UTF-8 bytes."""
    # JSON can name half of a pair of surrogates.
    data = text.encode("utf-8", "replace")
    return struct.pack("<Q", len(data)) + data


def aligned(size: int, alignment: int = ALIGNMENT) -> int:
    """Round `size` up to the alignment."""
    return -(-size // alignment) * alignment
