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
        self._file: BinaryIO | None = None
        head, entries = read_journal(path)
        self.entries = entries if head == with_checksum(identity) else []

    def begin(self, entries: Iterable[str], *, lasts: bool = True) -> None:
        """Put `entries` in the place of all facts; where it `lasts` they do when this returns."""
        self.close()
        self.entries = list(entries)
        data = _encoded([self._identity, *self.entries])
        if lasts:
            write_durably(self._path, data)
        else:
            self._path.write_bytes(data)
        self._file = self._path.open("ab", buffering=0)

    def append(self, entries: Iterable[str], *, lasts: bool = True) -> None:
        """Add facts; where it `lasts` they do when this returns."""
        if self._file is None:
            # The torn end of an earlier run goes first.
            self.begin(self.entries)
        assert self._file is not None
        entries = list(entries)
        self._file.write(_encoded(entries))
        if lasts:
            os.fsync(self._file.fileno())
        self.entries += entries

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def read_journal(path: Path) -> tuple[str, list[str]]:
    """Return the first line of a journal as it stands, and the facts of the sound lines behind it; none of
    either where there is no file. Raises `OSError`."""
    try:
        head, *lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return "", []
    entries = []
    for line in lines[:-1]:
        text = line.decode("utf-8", "replace")
        entry = text.rpartition(" ")[0]
        if text == with_checksum(entry):
            entries.append(entry)
        else:
            log.warning("a line of %s is damaged and counts for nothing", path.name)
    return head.decode("utf-8", "replace"), entries


def with_checksum(entry: str) -> str:
    """Write a fact as its line of a journal."""
    return f"{entry} {zlib.crc32(entry.encode()):08x}"


def _encoded(entries: Iterable[str]) -> bytes:
    return "".join(f"{with_checksum(entry)}\n" for entry in entries).encode()
