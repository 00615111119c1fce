"""An append-only list of facts that survives a crash: each line is synced and has a check sum."""

import errno
import logging
import os
import zlib
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from models.system.durable import write_durably
from models.system.json_file import make_way
from models.system.regular_file import read_regular

log = logging.getLogger(__name__)

MOST_BYTES = 16 << 20
"""Of a journal: a hundred thousand lines and more."""


class Journal:
    """The lines of `path` that belong to `identity`, and more to come; one thread.

    Lines of another identity are forgotten, and so is each line that is torn or damaged: what it told of is
    made again.
    """

    def __init__(self, path: Path, identity: str) -> None:
        self._path = path
        self._identity = identity
        self._file: BinaryIO | None = None
        make_way(path)
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
    either where there is no file, or one of more than `MOST_BYTES`. Raises `OSError`."""
    try:
        lines = BytesIO(read_regular(path, MOST_BYTES))
    except FileNotFoundError:
        return "", []
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EFBIG):
            raise
        log.warning("%s counts for nothing: %s", path.name, error.strerror)
        return "", []
    head = lines.readline().removesuffix(b"\n")
    entries, damaged = [], 0
    for line in lines:
        text = line.decode("utf-8", "replace")
        if not text.endswith("\n"):
            break
        text = text.removesuffix("\n")
        entry = text.rpartition(" ")[0]
        if text == with_checksum(entry):
            entries.append(entry)
        else:
            damaged += 1
    if damaged:
        log.warning("%d lines of %s are damaged and count for nothing", damaged, path.name)
    return head.decode("utf-8", "replace"), entries


def with_checksum(entry: str) -> str:
    """Write a fact as its line of a journal."""
    return f"{entry} {zlib.crc32(entry.encode()):08x}"


def _encoded(entries: Iterable[str]) -> bytes:
    return "".join(f"{with_checksum(entry)}\n" for entry in entries).encode()
