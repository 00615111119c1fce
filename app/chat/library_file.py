"""A list of the user's own things (presets, prompts) in one JSON file, also to give away and to take in."""

import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from app.errors import StillroomError
from models.durable import write_durably
from models.regular_file import open_regular

log = logging.getLogger(__name__)

VERSION = 1
MOST_BYTES = 16 << 20
T = TypeVar("T")


class LibraryFile(Generic[T]):
    """Any thread. A file that cannot be read is kept under another name (`set_aside`), and the list begins
    empty.

    `form` names what is in it ("stillroom-presets"): a file of something else is refused.
    """

    def __init__(self, path: Path, form: str, item: type[T]) -> None:
        self._path = path
        self._form = form
        self._type = item
        self._lock = threading.Lock()
        self.set_aside: Path | None = None
        self._items: tuple[T, ...] = ()
        try:
            self._items = self._read(path)
        except FileNotFoundError:
            pass
        except (OSError, StillroomError) as error:
            log.warning("%s cannot be read: %s", path.name, error)
            self.set_aside = path.with_name(path.name + ".damaged")
            if path.exists():
                path.replace(self.set_aside)

    @property
    def items(self) -> tuple[T, ...]:
        """What is in the list."""
        return self._items

    def keep(self, items: tuple[T, ...]) -> "Change[T]":
        """Put these in the place of all that was there, on the disk too; returns what `undo` takes back.

        Raises `StillroomError`; nothing changes then.
        """
        with self._lock:
            before = self._items
            self._write(self._path, items)
            self._items = items
            return Change(
                tuple(item for item in items if item not in before),
                tuple(item for item in before if item not in items),
            )

    def undo(self, change: "Change[T]") -> None:
        """Take one change back; what was changed since stays."""
        kept = tuple(item for item in self._items if item not in change.added)
        self.keep((*kept, *(item for item in change.removed if item not in kept)))

    def export(self, path: Path, items: tuple[T, ...]) -> None:
        """Write some of them to a file of their own. Raises `StillroomError`."""
        self._write(path, items)

    def read(self, path: Path) -> tuple[T, ...]:
        """What is in another file of this kind. Raises `StillroomError`; nothing is kept yet."""
        try:
            return self._read(path)
        except OSError as error:
            raise StillroomError(
                "{name} could not be read: {reason}.",
                "Choose another file.",
                name=path.name,
                reason=error.strerror or str(error),
            ) from error

    def _read(self, path: Path) -> tuple[T, ...]:
        with open_regular(path) as file:
            data = file.read(MOST_BYTES)
        try:
            document = msgspec.json.decode(data, type=_Document)
            if document.format != self._form:
                raise msgspec.ValidationError("it holds something else")
            return msgspec.convert(document.items, tuple[self._type, ...])  # type: ignore[name-defined]
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StillroomError(
                "{name} cannot be used: {reason}.",
                "Choose a file that Stillroom has exported.",
                name=path.name,
                reason=str(error),
            ) from error

    def _write(self, path: Path, items: tuple[T, ...]) -> None:
        document = _Document(format=self._form, version=VERSION, items=list(items))
        data = msgspec.json.format(msgspec.json.encode(document), indent=2)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(path, data)
        except OSError as error:
            raise StillroomError(
                "{path} could not be written: {reason}.",
                "Check that the disk has free space, or choose another folder.",
                path=str(path),
                reason=error.strerror or str(error),
            ) from error


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """What one change did to a list."""

    added: tuple[T, ...]
    removed: tuple[T, ...]


class _Document(msgspec.Struct):
    format: str
    version: int
    items: list[object]


def free_name(name: str, taken: set[str]) -> str:
    """`name`, with a number where something has it already."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} {number}"
    return free
