"""A small file that outlives restarts and crashes, such as the editor's unsaved text."""

from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from models.system.json_file import read_json, write_json

T = TypeVar("T", bound=msgspec.Struct)


class KeptFile(Generic[T]):
    """One struct on disk as JSON. Methods may run in any thread, one at a time."""

    def __init__(self, path: Path, kind: type[T]) -> None:
        self._path = path
        self._kind = kind

    def load(self) -> T | None:
        """Read what the last run kept; None if nothing. A damaged file is set aside, not deleted."""
        # A text with one wrong letter is worth more than none.
        return read_json(self._path, self._kind, without="The Code tab begins empty.", changed="use")

    def save(self, kept: T) -> None:
        """Keep `kept` instead of the one before; a crash leaves one of the two. Raises OSError."""
        write_json(self._path, kept)

    def delete(self) -> None:
        """Keep nothing any more. Raises OSError."""
        self._path.unlink(missing_ok=True)
