"""The SHA-256 of a file that is written in any order, computed behind the writers."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from models.extents import Extents
from models.page_cache import forget

_READ_BYTES = 4 << 20


class FollowingHash:
    """Hashes `path` as far as it is stored without a gap; one thread.

    What it has read, and what lies behind a gap, is dropped from the page cache once it is stored.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._file = path.open("rb", buffering=0)
        self._size = size
        self._stored = Extents()
        self._sha256 = hashlib.sha256()
        self.done = 0

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def add(self, start: int, end: int) -> None:
        """Bytes `start` to `end` are stored."""
        self._stored.add(start, end)

    def follow(self, on_bytes: Callable[[int], None] = lambda count: None) -> None:
        """Hash what is stored."""
        while block := self._next():
            self._sha256.update(block)
            on_bytes(len(block))
        for start, end in self._stored:
            forget(self._file.fileno(), start, end)

    def hexdigest(self) -> str:
        """The whole file's; everything must be hashed."""
        assert self.done == self._size
        return self._sha256.hexdigest()

    def _next(self) -> bytes:
        self._file.seek(self.done)
        block = self._file.read(min(_READ_BYTES, self._stored.prefix - self.done))
        self.done += len(block)
        return block
