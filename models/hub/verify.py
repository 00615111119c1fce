"""Checking a file's content against what the repository says it is."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.hub.resumable_file import PartFile
from models.hub.snapshot import RemoteFile
from models.system.hashing import hash_next
from models.system.regular_file import open_regular

_STRETCH_BYTES = 4 << 20
"""So much is hashed at once, where so much has come."""


@dataclass(frozen=True, slots=True)
class Digest:
    """The SHA-256 of a file, and whether the file is what the repository names."""

    sha256: str
    matches: bool


class Hasher:
    """Reads a file in order and compares it with `file`'s SHA-256, or with its git object id where the
    repository keeps it as a plain git blob (SHA-1 over a header and the content)."""

    def __init__(self, file: RemoteFile) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self._git = None if file.sha256 else hashlib.sha1(b"blob %d\0" % file.bytes, usedforsecurity=False)
        self._checksums = [self._sha256] if self._git is None else [self._sha256, self._git]
        self.done = 0

    def read(self, path: Path, end: int) -> None:
        """Go on to byte `end`; releases the interpreter lock while it hashes."""
        with open_regular(path, buffering=0) as stream:
            stream.seek(self.done)
            self.done += hash_next(stream, self._checksums, end - self.done)

    def digest(self) -> Digest:
        """Return the result; the whole file must have been read."""
        sha256 = self._sha256.hexdigest()
        same = sha256 == self._file.sha256 if self._git is None else self._git.hexdigest() == self._file.oid
        return Digest(sha256, same and self.done == self._file.bytes)


async def hash_while_it_arrives(part: PartFile, hasher: Hasher, on_hashed: Callable[[], None]) -> Digest:
    """Hash `part` in order as far as it has arrived, until it is whole; tells of every stretch."""
    while hasher.done < part.size:
        ready = part.written.prefix
        if ready - hasher.done >= _STRETCH_BYTES or (ready == part.size and ready > hasher.done):
            await asyncio.to_thread(hasher.read, part.path, min(ready, hasher.done + _STRETCH_BYTES))
            on_hashed()
        else:
            part.advanced.clear()
            await part.advanced.wait()
    return hasher.digest()
