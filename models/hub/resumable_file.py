"""A file that arrives in pieces, and the journal that remembers them across a crash."""

import asyncio
import contextlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from models.system.durable import rename_durably, sync_folder
from models.system.errors import StillroomError
from models.system.extents import Extents
from models.system.journal import Journal, read_journal, with_checksum
from models.system.json_file import make_way
from models.system.notices import tell
from models.system.regular_file import open_regular

PART_SUFFIX = ".part"
SAVE_BYTES = 2 << 20
COARSE_SAVE_BYTES = 16 << 20
"""Bytes that may be written before they are synced; about twice this is fetched again after a crash."""


class PartFile:
    """`<name>.part`, its bytes and `<name>.part.journal`, its list of the ranges that are safely stored.

    The journal names a range only after the data has been synced, so that it never claims more than the disk
    holds, even after a power cut; each of its lines has a check sum, so that a torn last one is noticed.
    `identity` is the content's checksum: a part of another content is thrown away. `coarse` saves less often.
    A PartFile belongs to one asyncio loop.
    """

    def __init__(self, target: Path, size: int, identity: str, *, coarse: bool = False) -> None:
        self.target = target
        self.path = part_path(target)
        self.size = size
        self.written = Extents()
        self.advanced = asyncio.Event()
        self._journal_path = _journal_path(target)
        self._header = json.dumps({"version": 1, "bytes": size, "content": identity})
        self._unsaved: list[tuple[int, int]] = []
        self._unsaved_bytes = 0
        self._save_bytes = COARSE_SAVE_BYTES if coarse else SAVE_BYTES
        self._saving = asyncio.Lock()
        self._open()

    def _open(self) -> None:
        for path in (self._journal_path, self.path):
            make_way(path)
        self.written = Extents(self._stored())
        # Of a smaller file nothing is saved before it is whole, and each sync takes milliseconds.
        lasts = self.size > self._save_bytes
        if not self.written.total:
            self._journal_path.unlink(missing_ok=True)
            with self.path.open("wb") as file:
                file.truncate(self.size)
                if lasts:
                    os.fsync(file.fileno())
            if lasts:
                sync_folder(self.path.parent)
        self._journal = Journal(self._journal_path, self._header)
        self._journal.begin(map(_entry, self.written), lasts=lasts)
        self._file = self.path.open("r+b", buffering=0)

    def _stored(self) -> list[tuple[int, int]]:
        """Read the ranges that are safely stored; none where the journal is of something else."""
        head, entries = read_journal(self._journal_path)
        # Of smaller files nothing is synced before they are whole, and nothing is lost worth a word.
        if self._journal_path.exists() and not _is_header(head) and self.size > SAVE_BYTES:
            tell(
                StillroomError(
                    "What has arrived of {file} is not known any more, so it is fetched from its beginning.",
                    "The list of it, {journal}, was damaged.",
                    file=str(self.target),
                    journal=self._journal_path.name,
                )
            )
        # Earlier versions wrote the header without a check sum.
        ours = head in (with_checksum(self._header), self._header)
        return _ranges(entries, self.path, self.size) if ours else []

    @property
    def complete(self) -> bool:
        """Tell whether every byte has arrived."""
        return self.written.prefix == self.size

    @property
    def needs_saving(self) -> bool:
        """Tell whether so much has been written that `save` is due before more is."""
        return self._unsaved_bytes >= self._save_bytes

    def write(self, offset: int, data: bytes) -> None:
        """Store `data` at `offset`."""
        self._file.seek(offset)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        self.written.add(offset, offset + len(data))
        self._unsaved.append((offset, offset + len(data)))
        self._unsaved_bytes += len(data)
        self.advanced.set()

    async def save(self) -> None:
        """Make what has been written last; meanwhile other tasks go on writing."""
        async with self._saving:
            taken, count = self._unsaved, self._unsaved_bytes
            self._unsaved, self._unsaved_bytes = [], 0
            try:
                await asyncio.to_thread(os.fsync, self._file.fileno())
            except BaseException:
                self._unsaved, self._unsaved_bytes = taken + self._unsaved, count + self._unsaved_bytes
                raise
            self._record(taken)

    def close(self) -> None:
        """Save and let go of the files; a later PartFile goes on from here."""
        try:
            os.fsync(self._file.fileno())
            self._record(self._unsaved)
        finally:
            self._file.close()
            self._journal.close()

    def finish(self) -> None:
        """Give the closed, complete and verified part its final name."""
        rename_durably(self.path, self.target)
        self._journal_path.unlink()

    def discard(self) -> None:
        """Delete the closed part."""
        self._journal_path.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def _record(self, ranges: list[tuple[int, int]]) -> None:
        if ranges:
            self._journal.append(map(_entry, Extents(ranges)), lasts=False)


def part_path(target: Path) -> Path:
    """Return the path of a file that is to become `target` until it is whole and verified."""
    return target.with_name(target.name + PART_SUFFIX)


def open_arriving(target: Path) -> BinaryIO:
    """Open `target`, or its part where it is not whole yet; unbuffered. Raises `OSError`."""
    # It may get its name between the first two.
    for path in (target, part_path(target)):
        with contextlib.suppress(FileNotFoundError):
            return open_regular(path, buffering=0)
    return open_regular(target, buffering=0)


def stored_bytes(target: Path) -> int:
    """Estimate how many bytes of `target` are on disk already, under its own name or as a part."""
    if target.is_file():
        return target.stat().st_size
    part = part_path(target)
    if not part.is_file():
        return 0
    return Extents(_ranges(read_journal(_journal_path(target))[1], part, part.stat().st_size)).total


def _journal_path(target: Path) -> Path:
    return target.with_name(target.name + ".part.journal")


def _ranges(entries: Iterable[str], part: Path, size: int) -> list[tuple[int, int]]:
    """Return the ranges in the entries of a journal; none where the part is not as large as it should be."""
    if not part.is_file() or part.stat().st_size != size:
        return []
    words = [entry.split() for entry in entries]
    found = [(int(pair[0]), int(pair[1])) for pair in words if len(pair) == 2 and "".join(pair).isdecimal()]
    return [(start, end) for start, end in found if end <= size]


def _entry(stretch: tuple[int, int]) -> str:
    return f"{stretch[0]} {stretch[1]}"


def _is_header(line: str) -> bool:
    """Tell whether the journal begins as one does, whatever content it is of."""
    try:
        return line == with_checksum(line.rpartition(" ")[0]) or isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
