"""An append-only list of facts that survives a crash: each line is synced and has a check sum."""

import logging
import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from models.system.durable import write_durably

log = logging.getLogger(__name__)


class Journal:
    """The lines of `path` that belong to `identity`, and more to come; one thread.

    Lines of another identity are forgotten, and so is each line that is torn or damaged: what it told of is
    made again.
    """

    def __init__(self, path: Path, identity: str) -> None:
        self._path = path
        self._identity = identity
        self.entries: list[str] = _read(path, identity)
        self._file: BinaryIO | None = None

    def append(self, entries: Iterable[str]) -> None:
        """Add facts; they last when this returns."""
        entries = list(entries)
        if self._file is None:
            # The torn end of an earlier run goes first.
            kept = "".join(map(_line, [self._identity, *self.entries]))
            write_durably(self._path, kept.encode())
            self._file = self._path.open("ab", buffering=0)
        self._file.write("".join(map(_line, entries)).encode())
        os.fsync(self._file.fileno())
        self.entries += entries

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _line(entry: str) -> str:
    return f"{entry} {zlib.crc32(entry.encode()):08x}\n"


def _read(path: Path, identity: str) -> list[str]:
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    entries = []
    for line in lines[:-1]:
        entry = line.decode("utf-8", "replace").rpartition(" ")[0]
        if _line(entry).encode() == line + b"\n":
            entries.append(entry)
        else:
            log.warning("a line of %s is damaged and counts for nothing", path.name)
    return entries[1:] if entries and entries[0] == identity else []
