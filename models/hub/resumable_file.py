"""A file that arrives in pieces, and the journal that remembers them across a crash."""

import asyncio
import contextlib
import json
import os
import zlib
from pathlib import Path
from typing import BinaryIO

from models.system.durable import rename_durably, sync_folder, write_durably
from models.system.errors import StillroomError
from models.system.extents import Extents
from models.system.notices import tell
from models.system.regular_file import open_regular

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
        self._journal_path = target.with_name(target.name + ".part.journal")
        self._header = _header(size, identity)
        self._unsaved: list[tuple[int, int]] = []
        self._unsaved_bytes = 0
        self._save_bytes = COARSE_SAVE_BYTES if coarse else SAVE_BYTES
        self._saving = asyncio.Lock()
        self._open()

    def _open(self) -> None:
        self.written = Extents(read_journal(self._journal_path, self.path, self._header, self.size))
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
        lines = [self._header, *(_line(start, end) for start, end in self.written)]
        journal = "".join(f"{line}\n" for line in lines).encode()
        if lasts:
            write_durably(self._journal_path, journal)
        else:
            self._journal_path.write_bytes(journal)
        self._file = self.path.open("r+b", buffering=0)
        self._journal = self._journal_path.open("ab", buffering=0)

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
        lines = "".join(f"{_line(start, end)}\n" for start, end in Extents(ranges))
        if lines:
            self._journal.write(lines.encode())


def part_path(target: Path) -> Path:
    """Return the path of a file that is to become `target` until it is whole and verified."""
    return target.with_name(target.name + ".part")


def open_arriving(target: Path) -> BinaryIO:
    """Open `target`, or its part where it is not whole yet; unbuffered. Raises `OSError`."""
    # It may get its name between the first two.
    for path in (target, part_path(target)):
        with contextlib.suppress(FileNotFoundError):
            return open_regular(path, buffering=0)
    return open_regular(target, buffering=0)


def read_journal(journal: Path, part: Path, header: str, size: int) -> list[tuple[int, int]]:
    """Read the ranges of `part` that are safely stored; none where the journal is of something else.

    A damaged line costs only its own ranges, which are fetched again.
    """
    try:
        lines = journal.read_bytes().split(b"\n")
        whole = part.stat().st_size == size
    except FileNotFoundError:
        return []
    if not _is_header(lines[0]):
        # Of smaller files nothing is synced before they are whole, and nothing is lost worth a word.
        if size > SAVE_BYTES:
            tell(
                StillroomError(
                    "What has arrived of {file} is not known any more, so it is fetched from its beginning.",
                    "The list of it, {journal}, was damaged.",
                    file=str(part.with_suffix("")),
                    journal=journal.name,
                )
            )
        return []
    # Earlier versions wrote the header without a check sum.
    if not whole or lines[0].decode() not in (header, header.rpartition(" ")[0]):
        return []
    ranges = []
    for line in lines[1:]:
        words = line.split()
        if len(words) != 3 or not (words[0].isdigit() and words[1].isdigit()):
            continue
        start, end = int(words[0]), int(words[1])
        if line != _line(start, end).encode() or end > size:
            continue
        ranges.append((start, end))
    return ranges


def _line(start: int, end: int) -> str:
    return _with_checksum(f"{start} {end}")


def _header(size: int, identity: str) -> str:
    return _with_checksum(json.dumps({"version": 1, "bytes": size, "content": identity}))


def _is_header(line: bytes) -> bool:
    """Tell whether the journal begins as one does, whatever content it is of."""
    text = line.decode("utf-8", "replace")
    try:
        return text == _with_checksum(text.rpartition(" ")[0]) or isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _with_checksum(text: str) -> str:
    return f"{text} {zlib.crc32(text.encode()):08x}"


def stored_bytes(target: Path) -> int:
    """Estimate how many bytes of `target` are on disk already, under its own name or as a part."""
    if target.is_file():
        return target.stat().st_size
    journal = target.with_name(target.name + ".part.journal")
    part = part_path(target)
    try:
        header = journal.read_bytes().split(b"\n", 1)[0].decode("utf-8", "replace")
        size = part.stat().st_size
    except FileNotFoundError:
        return 0
    return Extents(read_journal(journal, part, header, size)).total
