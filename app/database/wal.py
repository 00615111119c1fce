"""The write-ahead log of a database: SQLite believes none of it behind a flipped bit, and says nothing.

https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

import logging
import struct
import sys
from pathlib import Path

from models.system.durable import write_durably

log = logging.getLogger(__name__)

_MAGIC = 0x377F0682
_HEADER_BYTES = 32
_FRAME_BYTES = 24
_VERSION = 3007000
_MOST_BYTES = 256 << 20


def mend_journal(database: Path) -> bool:
    """Make SQLite read the whole log again: its chain of checksums is computed anew.

    The pages are as they lie there; what is wrong in them shows in the rows' checksums. Returns False where
    there is nothing to be read again. Raises `OSError`.
    """
    path = database.with_name(database.name + "-wal")
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return False
    if not _HEADER_BYTES < size <= _MOST_BYTES:
        return False
    data = path.read_bytes()
    mended = _mended(data)
    if mended is None or mended == data:
        return False
    write_durably(path, mended)
    log.warning("the journal of %s was damaged and is read again", database.name)
    return True


def _mended(data: bytes) -> bytes | None:
    """The log up to its last commit with a chain of checksums that agrees."""
    # Of this machine's own byte order, which the last bit of the magic number says.
    order = "<" if sys.byteorder == "little" else ">"
    magic, page = _MAGIC | (order == ">"), 4096
    step = _FRAME_BYTES + page
    places = range(_HEADER_BYTES, len(data) - step + 1, step)
    salts = [data[place + 8 : place + 16] for place in places]
    if not salts:
        return None
    # Frames of the log before have other salts; one frame's own may be what was damaged.
    salt = max(set(salts[:3]), key=salts[:3].count)
    count = next(
        (n for n in range(len(salts)) if salts[n] != salt and salts[n + 1 : n + 2] != [salt]), len(salts)
    )
    commits = [n for n in range(count) if struct.unpack_from(">I", data, places[n] + 4)[0]]
    if not commits:
        return None
    sequence = struct.unpack_from(">I", data, 12)[0]
    header = struct.pack(">IIII", magic, _VERSION, page, sequence) + salt
    first, second = _checksum(header, order, 0, 0)
    whole = bytearray(header + struct.pack(">II", first, second))
    for n in range(commits[-1] + 1):
        place = places[n]
        head = data[place : place + 8]
        content = data[place + _FRAME_BYTES : place + step]
        first, second = _checksum(head, order, first, second)
        first, second = _checksum(content, order, first, second)
        whole += head + salt + struct.pack(">II", first, second) + content
    return bytes(whole)


def _checksum(data: bytes, order: str, first: int, second: int) -> tuple[int, int]:
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for n in range(0, len(words), 2):
        first = (first + words[n] + second) & 0xFFFFFFFF
        second = (second + words[n + 1] + first) & 0xFFFFFFFF
    return first, second
