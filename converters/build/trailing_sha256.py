"""The SHA-256 of a file that is written in any order, computed behind the writers."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from models.system.extents import Extents
from models.system.hashing import hash_next
from models.system.page_cache import forget

KEPT_BYTES = 256 << 20
"""Behind a gap so much may stay in the page cache, so that it need not be read from the disk again."""

_REPORT_BYTES = 4 << 20


class FollowingHash:
    """Hashes `path` as far as it is stored without a gap; one thread.

    What it has read is dropped from the page cache once it is stored, and so is what lies behind a gap, but
    for its first `KEPT_BYTES`.
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

    def start_over(self) -> None:
        """Begin anew: nothing is stored any more."""
        self._stored = Extents()
        self._sha256 = hashlib.sha256()
        self.done = 0

    def add(self, start: int, end: int) -> None:
        """Note that bytes `start` to `end` are stored."""
        self._stored.add(start, end)

    def follow(self, on_bytes: Callable[[int], None] = lambda count: None) -> None:
        """Hash what is stored."""
        self._file.seek(self.done)
        while count := hash_next(
            self._file, [self._sha256], min(_REPORT_BYTES, self._stored.prefix - self.done)
        ):
            self.done += count
            on_bytes(count)
        kept = 0
        for start, end in self._stored:
            first = max(start, self.done)
            keep_until = min(end, first + KEPT_BYTES - kept)
            kept += keep_until - first
            for from_, until in ((start, first), (keep_until, end)):
                forget(self._file.fileno(), from_, until)

    def hexdigest(self) -> str:
        """Return the whole file's digest; everything must be hashed."""
        assert self.done == self._size
        return self._sha256.hexdigest()
