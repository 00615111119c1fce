"""The number of transactions that a database has seen, or of lines in a log, noted beside it.

It shows the transactions that a journal has lost, and a file that is gone.
"""

import zlib
from pathlib import Path
from typing import BinaryIO


def mark_path(database: Path) -> Path:
    """Return the path of a database's mark."""
    return database.with_name(database.name + "-mark")


def read_mark(database: Path) -> int | None:
    """The number in the mark; None where there is none, or none that can be believed."""
    try:
        number, check = mark_path(database).read_bytes().split()
        return int(number) if zlib.crc32(number) == int(check, 16) else None
    except (OSError, ValueError):
        return None


class CommitMark:
    """Writes the mark after each commit. One thread at a time.

    It is not synced: what a power cut leaves of it is too small a number, or nothing that can be believed,
    and then nothing is said.
    """

    def __init__(self, database: Path) -> None:
        self._file: BinaryIO = mark_path(database).open("ab", buffering=0)
        self._file.close()
        self._file = mark_path(database).open("r+b", buffering=0)

    def write(self, number: int) -> None:
        """Note the number of the transaction that is on the disk now. Raises `OSError`."""
        text = b"%020d" % number
        self._file.seek(0)
        self._file.write(b"%s %08x\n" % (text, zlib.crc32(text)))

    def close(self) -> None:
        """Close the file."""
        self._file.close()
