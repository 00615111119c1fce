"""Tell whether a file is still what it was when somebody looked, without reading it.

llama.cpp maps a model's file into memory, so whoever writes into it changes the weights in use, and whoever
shortens it ends the process with SIGBUS.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class FileMark(NamedTuple):
    """A file's inode, size and time of change: they tell contents apart without reading them."""

    inode: int
    size: int
    changed_ns: int


def mark(path: str | Path) -> FileMark | None:
    """Stat the file as it is now; None where there is none."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return FileMark(found.st_ino, found.st_size, found.st_mtime_ns)


def was_changed(path: str, before: FileMark | None) -> bool:
    """Tell whether the file that `before` was taken of was written into.

    Not so where it was removed, or another file took its name: what is mapped stays as it was.
    """
    now = mark(path)
    return before is not None and now is not None and now.inode == before.inode and now != before


def first_changed(files: Iterable[tuple[str, FileMark | None]]) -> str:
    """Name of the first of the files that was written into; empty where all are as they were."""
    return next((Path(path).name for path, before in files if was_changed(path, before)), "")
