"""A file of measurements: opened, migrated, written through, set aside where it is damaged."""

import logging
import sqlite3
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from app.errors import StillroomError

log = logging.getLogger(__name__)


class BenchDatabase(ABC):
    """The base of the stores: one SQLite file (WAL, synchronous=FULL). Any thread.

    A file that is no database is kept under the name in `set_aside`, and an empty one takes its place. Every
    method raises `StillroomError`.
    """

    migrations: ClassVar[tuple[str, ...]]
    """The steps of its schema, never edited once released."""

    def __init__(self, path: Path) -> None:
        self.set_aside: Path | None = None
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = self._open(path)
        except sqlite3.OperationalError as error:
            raise self._unusable(str(error)) from error
        except sqlite3.DatabaseError:
            self.set_aside = _move_away(path)
            log.warning("%s was damaged and is kept as %s", path.name, self.set_aside)
            self._db = self._open(path)

    @abstractmethod
    def _newer(self, found: int, known: int) -> StillroomError:
        """The error for the file of a newer Stillroom: its schema is `found`, this one knows `known`."""

    @abstractmethod
    def _unusable(self, reason: str) -> StillroomError:
        """The error for a file that could not be read or written."""

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The open file; what is done in the block is on the disk after it, or nothing of it."""
        with self._lock:
            try:
                with self._db:
                    yield self._db
            except sqlite3.Error as error:
                raise self._unusable(str(error)) from error

    def _open(self, path: Path) -> sqlite3.Connection:
        db = sqlite3.connect(path, timeout=5.0, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA foreign_keys = ON")
            self._migrate(db)
        except BaseException:
            db.close()
            raise
        return db

    def _migrate(self, db: sqlite3.Connection) -> None:
        version: int = db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(self.migrations):
            raise self._newer(version, len(self.migrations))
        for number, script in enumerate(self.migrations[version:], start=version + 1):
            db.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")


def _move_away(path: Path) -> Path:
    aside = path.with_name(f"{path.stem}.damaged-{time.strftime('%Y%m%d-%H%M%S')}{path.suffix}")
    for ending in ("-wal", "-shm", ""):
        source = path.with_name(path.name + ending)
        if source.exists():
            source.replace(aside.with_name(aside.name + ending))
    return aside
