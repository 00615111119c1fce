"""A checksum inside a GGUF file that stands for all the rest of it, so that a flipped bit is noticed."""

import hashlib
import struct
from pathlib import Path

from models.system.regular_file import open_regular

KEY = "stillroom.sha256"
"""Its value is the SHA-256 of the file in which the value is `EMPTY`; llama.cpp leaves the key alone."""

EMPTY = "0" * 64

_STRING = 8  # the value's type in GGUF
_LEAD = KEY.encode() + struct.pack("<IQ", _STRING, len(EMPTY))


def fill_in(data: bytes) -> bytes:
    """Return the file's content with its checksum in the place of `EMPTY`."""
    return data.replace(_LEAD + EMPTY.encode(), _LEAD + hashlib.sha256(data).hexdigest().encode(), 1)


def is_sound(path: Path) -> bool:
    """Tell whether the file fits its checksum; also where it has none. Reads it whole. Raises `OSError`."""
    with open_regular(path) as file:
        data = file.read()
    start = data.find(_LEAD) + len(_LEAD)
    if start < len(_LEAD):
        return True
    end = start + len(EMPTY)
    whole = hashlib.sha256(data[:start] + EMPTY.encode() + data[end:])
    return whole.hexdigest().encode() == data[start:end]
