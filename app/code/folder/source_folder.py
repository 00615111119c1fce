"""A folder of source code: what is in it, and which of its files there are. Nothing of it is trusted.

Links to folders are not followed, links to files only within the folder; pipes, devices and sockets are not
there at all; of too many names the first are shown, and it is said that there are more.
"""

import os
import stat
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from app.base.errors import StillroomError
from app.code.folder.gitignore import LARGEST_FILE_BYTES, IgnoreScope
from models.system.regular_file import read_regular

MOST_SHOWN = 2000
"""Names of one folder."""
MOST_SCANNED = 50_000
"""Names of one folder that are looked at to find those; more take the disk too long."""
MOST_FILES = 20_000
MOST_FOLDERS = 5_000
MOST_DEPTH = 40
INDEX_S = 4.0

Kind = Literal["folder", "file", "outside", "link"]
"""A link to a file elsewhere is `outside`, one to a folder is a `link`."""


class OutsideFolderError(StillroomError):
    """A name in the folder that leads to something elsewhere."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A name in a folder. `path` is relative to the folder that was opened, with forward slashes."""

    name: str
    path: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Listing:
    """What is in one folder: folders first, each in the order of the alphabet. `scope` are the rules that
    hold in it; `has_more` says that not all of its names are there."""

    entries: tuple[Entry, ...]
    scope: IgnoreScope
    has_more: bool = False


@dataclass(frozen=True, slots=True)
class FileIndex:
    """The files of a folder and of those in it, by their paths, as many as were found in time."""

    paths: tuple[str, ...] = ()
    is_whole: bool = True


@dataclass(slots=True)
class SourceFolder:
    """One folder that was opened. Methods read the disk: any thread but the GUI's."""

    root: Path
    _real_root: Path = field(init=False)

    def __post_init__(self) -> None:
        self._real_root = Path(os.path.realpath(self.root))

    def list_folder(self, path: str = "", scope: IgnoreScope | None = None) -> Listing:
        """List one folder; `scope` is that of the folder above it. Raises `OSError`."""
        scope = self._scope(path, scope or IgnoreScope())
        entries, has_more = self._scan(path, scope, MOST_SCANNED)
        entries.sort(key=lambda entry: (entry.kind != "folder", entry.name.casefold(), entry.name))
        return Listing(tuple(entries[:MOST_SHOWN]), scope, has_more or len(entries) > MOST_SHOWN)

    def index(self, is_stopped: Callable[[], bool] = lambda: False) -> FileIndex:
        """Find the files whose names can be typed, those near to the top first."""
        end_s = time.monotonic() + INDEX_S
        waiting: deque[tuple[str, int, IgnoreScope]] = deque([("", 0, IgnoreScope())])
        paths: list[str] = []
        seen, is_whole = 0, True
        while waiting:
            if is_stopped() or time.monotonic() > end_s or seen == MOST_FOLDERS or len(paths) >= MOST_FILES:
                return FileIndex(tuple(paths[:MOST_FILES]), is_whole=False)
            path, depth, above = waiting.popleft()
            seen += 1
            try:
                scope = self._scope(path, above)
                entries, has_more = self._scan(path, scope, MOST_FILES - len(paths) + MOST_FOLDERS)
            except OSError:
                continue
            is_whole &= not has_more
            for entry in sorted(entries, key=lambda entry: entry.name):
                if not entry.name.isprintable():
                    continue
                if entry.kind == "file":
                    paths.append(entry.path)
                elif entry.kind == "folder" and depth < MOST_DEPTH:
                    waiting.append((entry.path, depth + 1, scope))
        return FileIndex(tuple(paths[:MOST_FILES]), is_whole and len(paths) <= MOST_FILES)

    def file(self, path: str) -> Path:
        """Return where a file of the folder really is. Raises `OutsideFolderError`."""
        real = Path(os.path.realpath(self.root / path))
        if not self._is_inside(real):
            raise OutsideFolderError(
                "{name} is a link that leads out of the folder.",
                "Open it with “Open…” if it is to be edited here.",
                name=path,
            )
        return real

    def _is_inside(self, real: Path) -> bool:
        return real.is_relative_to(self._real_root)

    def _scope(self, path: str, above: IgnoreScope) -> IgnoreScope:
        rules = self.root / path / ".gitignore"
        try:
            text = read_regular(rules, LARGEST_FILE_BYTES).decode("utf-8", "replace")
        except OSError:
            return above
        return above.within(path.count("/") + 1 if path else 0, text)

    def _scan(self, path: str, scope: IgnoreScope, most: int) -> tuple[list[Entry], bool]:
        entries: list[Entry] = []
        with os.scandir(self.root / path) as names:
            for number, found in enumerate(names):
                if number >= most:
                    return entries, True
                there = f"{path}/{found.name}" if path else found.name
                kind = self._kind(found)
                if kind is not None and not scope.ignores(there, is_folder=kind == "folder"):
                    entries.append(Entry(found.name, there, kind))
        return entries, False

    def _kind(self, found: "os.DirEntry[str]") -> Kind | None:
        try:
            if not found.is_symlink():
                if found.is_dir(follow_symlinks=False):
                    return "folder"
                return "file" if found.is_file(follow_symlinks=False) else None
            real = Path(os.path.realpath(found.path))
            mode = real.stat().st_mode
        except OSError:
            return None
        if stat.S_ISDIR(mode):
            return "link"
        if not stat.S_ISREG(mode):
            return None
        return "file" if self._is_inside(real) else "outside"
