"""Append to the audit log: under a lock that other processes take too, synced to disk before it returns."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from app.audit.chained_line import START, Link, chained, line_hash, now_text, parsed
from app.audit.folder import LONGEST_LINE_BYTES, AuditFolder, Head
from app.audit.reading import Cutter
from models.system.durable import sync_folder

FILE_SHARE = 8
"""The log is kept in about so many files; the oldest one goes when all together are too large."""

LOCK_S = 10.0
Fields = dict[str, Any]


class AuditWriter:
    """Adds lines; one thread at a time. Several processes may have a writer each.

    A line that a killed process left unfinished is cut off, and a line says so. Where the files do not hold
    what the head says, the chain goes on from the head: what is missing stays visible.
    """

    def __init__(self, path: Path, limit_bytes: int) -> None:
        """`limit_bytes` is about how large all files together get."""
        self.folder = AuditFolder(path)
        self._limit_bytes = limit_bytes

    def append(self, entries: Sequence[Fields]) -> Link:
        """Add lines and sync them to the disk; gives the place of the last.

        Raises `OSError`, and `filelock.Timeout` (a `TimeoutError`) when another process does not let go.
        """
        self.folder.make()
        with FileLock(self.folder.lock_path, timeout=LOCK_S):
            head, notes = self._place()
            return self._write([*notes, *entries], head)

    def _place(self) -> tuple[Head, list[Fields]]:
        """Find the place for the next line, and the notes on damage that have to be written before it."""
        head = self.folder.head()
        files = self.folder.files()
        newest = self.folder.newest_number()
        if (
            head is not None
            and head.n >= newest
            and files
            and files[-1].name == head.file
            and _size(files[-1]) == head.size
        ):
            return head, []
        if head is None and not files and not newest:
            return Head(n=0, hash=START.hash, file="", size=0), []
        notes = []
        link = head.link if head is not None else START
        has_moved = True
        if head is None:
            # The head was deleted: go on from what is there, and say so.
            last = None
            for raw in self.folder.lines():
                fields = parsed(raw.data) if raw.ended and not raw.is_too_long else None
                if fields is not None:
                    last = Link(fields["n"], line_hash(raw.data))
            link = last or START
            notes.append(_note("break", reason="the head was missing"))
        else:
            found = self._lines_after(link, files)
            if found is None:
                notes.append(
                    _note("break", reason="the files do not hold what the head names", head_n=link.n)
                )
            else:
                # Lines that a killed process had no time to name in the head.
                has_moved = found != link
                link = found
        if files:
            torn = self._cut_torn_line(files[-1])
            if torn:
                notes.append(_note("repaired", lost_bytes=torn))
            elif head is not None and not has_moved and not _names(head, files[-2:]):
                notes.append(_note("break", reason="the head was changed", head_n=head.n))
        if link.n < newest:
            # Gone with the head that named them: their numbers stay free.
            notes.append(_note("break", reason="the newest lines were missing", newest_n=newest))
            link = Link(newest, link.hash)
        name = files[-1].name if files else ""
        return Head(n=link.n, hash=link.hash, file=name, size=_size(files[-1]) if files else 0), notes

    def _lines_after(self, link: Link, files: list[Path]) -> Link | None:
        """The end of the lines that follow the head's in order; None where the head's own is not there."""
        seen = False
        for raw in self.folder.lines(files[-2:]):
            if not raw.ended or raw.is_too_long:
                break
            if not seen:
                seen = line_hash(raw.data) == link.hash
                continue
            fields = parsed(raw.data)
            if fields is None or fields["n"] != link.n + 1 or fields["prev"] != link.hash:
                break
            link = Link(fields["n"], line_hash(raw.data))
        return link if seen or link == START else None

    def _cut_torn_line(self, path: Path) -> int:
        """Take away an unfinished last line; gives how many bytes it had."""
        with path.open("r+b") as file:
            size = whole = file.seek(0, os.SEEK_END)
            end = b""
            while whole and not end:
                start = max(0, whole - LONGEST_LINE_BYTES)
                file.seek(start)
                before, end, _ = file.read(whole - start).rpartition(b"\n")
                whole = start + len(before) + len(end)
            if whole == size:
                return 0
            file.truncate(whole)
            file.flush()
            os.fsync(file.fileno())
        return size - whole

    def _write(self, entries: Sequence[Fields], head: Head) -> Link:
        link = head.link
        if not entries:
            return link
        path, size = self.folder.path / head.file, head.size
        if not head.file or size >= self._limit_bytes // FILE_SHARE:
            path, size = self.folder.file_starting_at(link.n + 1), 0
        oldest = self._too_much(size)
        if oldest:
            last = _last_link(self.folder, oldest[-1])
            entries = [*entries, _note("pruned", through=last.n, hash=last.hash)]
        data = bytearray()
        for entry in entries:
            line, link = _shortened(entry, link)
            data += line + b"\n"
        is_new = not path.exists()
        with path.open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        if is_new:
            if os.name != "nt":
                path.chmod(0o600)
            sync_folder(self.folder.path)
        self.folder.write_head(Head(n=link.n, hash=link.hash, file=path.name, size=size))
        self.folder.note_number(link.n)
        # Only now, as the log says by whom and up to where.
        for old in oldest:
            old.unlink(missing_ok=True)
        return link

    def _too_much(self, new_file_size: int) -> list[Path]:
        """The oldest files, when a file is begun that does not fit beside them."""
        if new_file_size:
            return []
        files = self.folder.files()
        total = sum(_size(path) for path in files) + self._limit_bytes // FILE_SHARE
        gone = []
        while files and total > self._limit_bytes:
            gone.append(files.pop(0))
            total -= _size(gone[-1])
        return gone


def _shortened(fields: Fields, before: Link) -> tuple[bytes, Link]:
    """The line of `fields`, without the end of its texts where it gets too long; it says how many characters
    are left out."""
    line, link = chained(fields, before)
    room = LONGEST_LINE_BYTES
    while len(line) >= LONGEST_LINE_BYTES and room:
        room //= 2
        cutter = Cutter(room)
        cut = cutter.cut(fields)
        line, link = chained({**cut, "left_out": cutter.left_out}, before)
    return line, link


def _note(kind: str, **fields: object) -> Fields:
    return {"time": now_text(), "kind": kind, **fields}


def _names(head: Head, files: Sequence[Path]) -> bool:
    """Tell whether one of the files ends where the head says; a new one may have been begun after it."""
    return any(path.name == head.file and _size(path) == head.size for path in files)


def _size(path: Path) -> int:
    return path.stat().st_size


def _last_link(folder: AuditFolder, path: Path) -> Link:
    last = START
    for raw in folder.lines([path]):
        fields = None if raw.is_too_long else parsed(raw.data)
        if fields is not None:
            last = Link(fields["n"], line_hash(raw.data))
    return last
