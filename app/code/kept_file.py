"""A small file that outlives restarts and crashes, such as the editor's unsaved text."""

import logging
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from models.durable import write_durably

T = TypeVar("T", bound=msgspec.Struct)

log = logging.getLogger(__name__)


class KeptFile(Generic[T]):
    """One struct on disk as JSON. Methods may run in any thread, one at a time."""

    def __init__(self, path: Path, kind: type[T]) -> None:
        self._path = path
        self._kind = kind

    def load(self) -> T | None:
        """What the last run kept; None when that was nothing. A damaged file is set aside, not deleted."""
        try:
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return msgspec.json.decode(raw, type=self._kind)
        except msgspec.DecodeError:
            aside = self._path.with_suffix(".damaged.json")
            self._path.replace(aside)
            log.warning("%s was damaged and is kept as %s", self._path, aside)
            return None

    def save(self, kept: T) -> None:
        """Keep `kept` instead of the one before; a crash leaves one of the two. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(self._path, msgspec.json.encode(kept))
