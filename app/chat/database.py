"""The file of the chats: opened, checked, restored where it is damaged, backed up, migrated."""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from app.chat import backups
from app.chat.migrations import SCHEMA_VERSION, migrate, schema_version
from app.errors import StillroomError

log = logging.getLogger(__name__)

BUSY_S = 5.0


class ChatStoreError(StillroomError):
    """The chat database could not be read or written."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What happened to a database that was found damaged: the user must be told."""

    damaged: Path
    restored_from: datetime | None
    """The local time of the backup that took its place; None when there was none: the chats start empty."""


class ChatDatabase:
    """A connection that writes, under a lock, and one that reads: a reader never waits for the disk.

    Any thread. Raises `ChatStoreError`.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file: check it, restore it from a backup if it is damaged (see `recovery`), and
        back it up before a migration."""
        self._path = path
        self.recovery: Recovery | None = None
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        with _readable_errors(), ExitStack() as opened:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not backups.is_sound(path):
                now = datetime.now()
                self.recovery = Recovery(backups.set_aside(path, now), backups.restore_newest(path))
                log.error("The chat database was damaged and has been set aside")
            self._writer = opened.enter_context(closing(_connect(path)))
            if 0 < schema_version(self._writer) < SCHEMA_VERSION:
                backups.make_backup(path, datetime.now())
            migrate(self._writer)
            self._reader = opened.enter_context(closing(_connect(path)))
            self._reader.execute("PRAGMA query_only = ON")
            opened.pop_all()

    def close(self) -> None:
        """Close the file."""
        with self._write_lock, self._read_lock:
            self._reader.close()
            self._writer.close()

    def back_up_if_due(self) -> Path | None:
        """Make a backup if the newest is more than an hour old. Takes as long as copying the file."""
        if not backups.backup_is_due(self._path, datetime.now()):
            return None
        with _readable_errors():
            return backups.make_backup(self._path, datetime.now())

    def read(self, query: str, values: tuple[object, ...] = ()) -> list[Any]:
        """The rows of a query."""
        with self.reading() as db:
            return db.execute(query, values).fetchall()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection that reads."""
        with self._read_lock, _readable_errors():
            yield self._reader

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: on the disk at the end, undone by an exception."""
        with self._write_lock, _readable_errors():
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.commit()
            except BaseException:
                self._writer.rollback()
                raise


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    with ExitStack() as opened:
        opened.enter_context(closing(connection))
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # What is purged is overwritten, not only unlinked.
        connection.execute("PRAGMA secure_delete = ON")
        opened.pop_all()
    return connection


@contextmanager
def _readable_errors() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise ChatStoreError(
            "The chats could not be read or saved: {reason}.",
            "Check that the disk has free space and that Stillroom may write to its data folder.",
            reason=str(error),
        ) from error
