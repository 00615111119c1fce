"""A list of the user's own things (presets, prompts) in one JSON file, also to give away and to take in."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from app.base.errors import StillroomError
from app.base.newest_writer import NewestWriter
from models.system.disk_space import told_when_full
from models.system.durable import write_durably
from models.system.json_file import DamagedJsonError, load_json, read_json, write_json
from models.system.notices import tell

VERSION = 1
LARGEST_BYTES = 4 << 20
MOST_ITEMS = 1000
"""Of a file that somebody else made: empty lists take twenty times its size, and each item is in a menu."""

T = TypeVar("T")

_WITHOUT = "The list begins empty; what is in the old file can be taken over by hand."


class LibraryFile(Generic[T]):
    """Any thread. A file that cannot be read is set aside, and the list begins empty.

    `form` names what is in it ("stillroom-presets"): of other files, those of something else are refused. Who
    changes the list waits for nobody: it is written a moment later, by a thread of its own. Where that cannot
    be, the user is told, and the list holds until the program ends.
    """

    def __init__(self, path: Path, form: str, item: type[T]) -> None:
        self._path = path
        self._form = form
        self._type = item
        self._lock = threading.RLock()
        """For the items alone; whoever holds it waits for no disk."""
        self._writer = NewestWriter("library", self._write_newest)
        self._is_refused = False
        document = read_json(path, _Document[item], without=_WITHOUT, changed="use")  # type: ignore[valid-type]
        self._items: tuple[T, ...] = () if document is None else document.items

    @property
    def items(self) -> tuple[T, ...]:
        """The items of the list."""
        return self._items

    def keep(self, items: tuple[T, ...]) -> "Change[T]":
        """Put these in the place of all that was there; returns what `undo` takes back."""
        with self._lock:
            before, self._items = self._items, items
            self._writer.wake()
            return Change(
                tuple(item for item in items if item not in before),
                tuple(item for item in before if item not in items),
            )

    def undo(self, change: "Change[T]") -> None:
        """Take one change back; what was changed since stays."""
        with self._lock:
            kept = tuple(item for item in self._items if item not in change.added)
            self.keep((*kept, *(item for item in change.removed if item not in kept)))

    def close(self) -> None:
        """Wait until all is written; what was refused is tried once more."""
        self._writer.flush()
        if self._is_refused:
            self._writer.wake()
            self._writer.flush()

    def export(self, path: Path, items: tuple[T, ...]) -> None:
        """Write some of them to a file of their own; waits for the disk. Raises `StillroomError`."""
        # No checksum: whoever gets the file may change it.
        self._write(path, items, _write_plain)

    def read(self, path: Path) -> tuple[T, ...]:
        """Read the items of another file of this kind, and keep nothing yet; waits for the disk. Raises
        `StillroomError`."""
        try:
            document = load_json(path, _Document[self._type], LARGEST_BYTES).value  # type: ignore[name-defined]
            if document.format != self._form:
                raise DamagedJsonError("it holds something else")
            if len(document.items) > MOST_ITEMS:
                raise DamagedJsonError(f"it holds more than {MOST_ITEMS} items")
            return document.items
        except OSError as error:
            raise StillroomError(
                "{name} could not be read: {reason}.",
                "Choose another file.",
                name=path.name,
                reason=error.strerror or str(error),
            ) from error
        except DamagedJsonError as error:
            raise StillroomError(
                "{name} cannot be used: {reason}.",
                "Choose a file that Stillroom has exported.",
                name=path.name,
                reason=str(error),
            ) from error

    def _write_newest(self) -> None:
        try:
            self._write(self._path, self._items, partial(write_json, indent=True))
            self._is_refused = False
        except StillroomError as error:
            self._is_refused = True
            tell(error)

    def _write(self, path: Path, items: tuple[T, ...], write: Callable[[Path, object], None]) -> None:
        try:
            with told_when_full(path.parent):
                write(path, _Document(format=self._form, version=VERSION, items=items))
        except OSError as error:
            raise StillroomError(
                "{path} could not be written: {reason}.",
                "Check that the disk has free space, or choose another folder.",
                path=str(path),
                reason=error.strerror or str(error),
            ) from error


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """The items that one change added to a list and removed from it."""

    added: tuple[T, ...]
    removed: tuple[T, ...]


class _Document(msgspec.Struct, Generic[T]):
    format: str
    version: int
    items: tuple[T, ...]


def _write_plain(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, msgspec.json.format(msgspec.json.encode(value), indent=2))


def free_name(name: str, taken: set[str]) -> str:
    """`name`, with a number where something has it already."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} {number}"
    return free
