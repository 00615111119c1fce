"""The audit log on disk: numbered files of lines, and a head that names the newest one."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from app.audit.chained_line import Link
from app.database.commit_mark import CommitMark, read_mark
from models.system.durable import write_durably
from models.system.json_file import make_way
from models.system.regular_file import open_regular, read_regular

LONGEST_LINE_BYTES = 32 << 20
"""With its end. None that Stillroom writes is longer, and nobody reads one that is."""
_MOST_HEAD_BYTES = 1 << 16
_PIECE_BYTES = 1 << 16
_FILES = "audit-*.jsonl"


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The newest line, written after it: without the head, taking away the newest lines would go unseen.

    `size` is the length of `file`, the last one, with that line.
    """

    n: int
    hash: str
    file: str
    size: int

    @property
    def link(self) -> Link:
        """Its place in the chain."""
        return Link(self.n, self.hash)


@dataclass(frozen=True, slots=True)
class RawLine:
    """A line as it lies on the disk, of `size` bytes without its end. `number` is its place in `file`,
    counted from 1; `ended` is False for the last one where its line end is missing. Of one that is too long,
    `data` is only the beginning."""

    file: Path
    number: int
    data: bytes
    size: int
    ended: bool

    @property
    def is_too_long(self) -> bool:
        """Tell whether no line of Stillroom's is as long."""
        return self.size > len(self.data)


class AuditFolder:
    """Reads and writes the files; it takes no lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.head_path = path / "head.json"
        self.lock_path = path / "lock"

    def files(self) -> list[Path]:
        """The files of lines, oldest first."""
        return sorted(path for path in self.path.glob(_FILES) if path.is_file())

    def file_starting_at(self, n: int) -> Path:
        """The name of the file whose first line has this number."""
        return self.path / f"audit-{n:012d}.jsonl"

    def head(self) -> Head | None:
        """Read the head; None where it is missing or not valid."""
        try:
            data = read_regular(self.head_path, _MOST_HEAD_BYTES)
            head = msgspec.json.decode(data, type=Head)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return head if msgspec.json.encode(head) == data else None

    def write_head(self, head: Head) -> None:
        """Write the head and sync it to the disk."""
        write_durably(self.head_path, msgspec.json.encode(head))

    def newest_number(self) -> int:
        """The number of the newest line, as it is noted beside the folder; 0 where nothing is."""
        return read_mark(self.path) or 0

    def note_number(self, n: int) -> None:
        """Note it: without this, taking away the newest lines with the head would go unseen."""
        with closing(CommitMark(self.path)) as mark:
            mark.write(n)

    def lines(self, files: list[Path] | None = None) -> Iterator[RawLine]:
        """The lines of these files, or of all, in their order. Raises `OSError`."""
        for path in self.files() if files is None else files:
            with open_regular(path) as file:
                lines = iter(lambda: file.readline(LONGEST_LINE_BYTES), b"")
                for number, data in enumerate(lines, start=1):
                    size, end = len(data), data[-1:]
                    while end != b"\n" and (more := file.readline(_PIECE_BYTES)):
                        size, end = size + len(more), more[-1:]
                    ended = end == b"\n"
                    yield RawLine(path, number, data.removesuffix(b"\n"), size - ended, ended)

    def make(self) -> None:
        """Make the folder, for this user alone, in which nothing has a file's name that is none."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.name != "nt":
            self.path.chmod(0o700)
        for path in (self.head_path, self.lock_path, *self.path.glob(_FILES)):
            make_way(path)
