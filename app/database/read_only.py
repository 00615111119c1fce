"""Reading a database on a disk that is full or may not be written to."""

import errno
import logging
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

from app.base.disk_reserve import LOW_BYTES
from app.database.row_sums import add_functions
from app.database.schema import Schema, migrate, schema_version
from models.system.disk_space import DiskFullError, free_bytes, is_full

log = logging.getLogger(__name__)

_MAYBE_FULL = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
_REFUSED = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}


def is_out_of_room(error: BaseException, folder: Path) -> bool:
    """Tell whether an error of SQLite or of the system comes from the full disk of `folder`."""
    code = _code(error)
    if code is None:
        return is_full(error)
    # The index of the journal that finds no room is an error of reading and writing to SQLite.
    return code == sqlite3.SQLITE_FULL or (code in _MAYBE_FULL and free_bytes(folder) < LOW_BYTES)


def cannot_write(error: BaseException, folder: Path) -> bool:
    """Tell whether the file may still be read: its disk is full, or may not be written to."""
    return isinstance(error, DiskFullError) or is_out_of_room(error, folder) or is_refusal(error)


def is_refusal(error: BaseException) -> bool:
    """Tell whether an error says that nothing may be written there."""
    if isinstance(error, OSError):
        return error.errno in (errno.EROFS, errno.EACCES, errno.EPERM)
    return _code(error) in _REFUSED


def read_only(path: Path, schema: Schema) -> sqlite3.Connection:
    """Open what is there of a database without taking space or leaving anything; with nothing in it where
    there is no file that can be read. What an earlier version wrote is brought up to date in memory. Raises
    `sqlite3.Error`.
    """
    with ExitStack() as opened:
        db = opened.enter_context(closing(_open(path)))
        if schema_version(db) < schema.version:
            memory = opened.enter_context(closing(_connect(":memory:")))
            db.backup(memory)
            migrate(memory, schema)
            db.close()
            db = memory
        add_functions(db)
        db.execute("PRAGMA query_only = ON")
        opened.pop_all()
    return db


def _open(path: Path) -> sqlite3.Connection:
    if not path.is_file() or path.stat().st_size == 0:
        return _connect(":memory:")
    # Where no lock can be had, as it lies there, without the journal.
    for place in (str(path), f"{path.absolute().as_uri()}?mode=ro&immutable=1"):
        db = _connect(place)
        try:
            # The index of the journal is in memory then, and not in a file.
            # https://www.sqlite.org/wal.html#use_of_wal_without_shared_memory
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.Error as error:
            log.warning("%s cannot be read: %s", path.name, error)
            db.close()
        else:
            return db
    # Damaged: it is put right once there is room.
    return _connect(":memory:")


def _connect(place: str) -> sqlite3.Connection:
    return sqlite3.connect(
        place, uri=place.startswith("file:"), timeout=1.0, isolation_level=None, check_same_thread=False
    )


def _code(error: BaseException) -> int | None:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
