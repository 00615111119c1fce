"""Check that a database is as it was written: header, pages and indexes, and the checksum of each row."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from app.database.row_sums import (
    add_functions,
    has_sums,
    noted_schema_sum,
    schema_sum,
    summed_table,
    sums_problems,
)
from app.database.schema import Schema, schema_version

_NO_DAMAGE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOMEM,
}
_STEPS_BETWEEN_LOOKS = 2000
HEADER = {
    0: b"SQLite format 3\0",
    16: (4096).to_bytes(2, "big"),
    20: bytes((0, 64, 32, 32)),
    44: (4).to_bytes(4, "big"),
    56: (1).to_bytes(4, "big"),
}
"""The bytes that never change in the header of a file of ours: magic, size of a page, reserved bytes and
payload fractions, schema format, UTF-8. https://www.sqlite.org/fileformat2.html#the_database_header"""
VERSIONS_AT = 18
"""Two bytes, each 1, or 2 with a write-ahead log."""


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether an error comes from what is in the file, not from a lock, the disk or a permission."""
    # Errors that Python raises itself, as for a text that is none, have no code.
    code: int | None = getattr(error, "sqlite_errorcode", None)
    # The file ends where a page should go on.
    is_short = code == sqlite3.SQLITE_IOERR_SHORT_READ
    return code is None or is_short or code & 0xFF not in _NO_DAMAGE


def open_to_read(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing: its end leaves the journal where it is. Raises `sqlite3.Error`."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    db = sqlite3.connect(uri, uri=True, timeout=5.0, isolation_level=None, check_same_thread=False)
    add_functions(db)
    return db


def open_unchanging(path: Path) -> sqlite3.Connection:
    """A connection to a file that nobody writes, which may be renamed meanwhile: it takes no locks, and opens
    and leaves nothing beside the file. Raises `sqlite3.Error`."""
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    add_functions(db)
    return db


def header_problem(path: Path) -> str:
    """Give what is wrong in the first bytes of a file that is not empty. Raises `OSError`.

    SQLite would read the file otherwise with some of it, and say nothing.
    """
    with path.open("rb") as file:
        header = file.read(100)
    # With no table in the file yet, only in its journal, these are not written.
    is_new = header[40:48] == bytes(8) and header[56:60] == bytes(4)
    for place, expected in HEADER.items():
        if is_new and place >= 40:
            continue
        if header[place : place + len(expected)] != expected:
            return f"the header at byte {place}"
    versions = header[VERSIONS_AT : VERSIONS_AT + 2]
    return "" if versions in (b"\1\1", b"\2\2") else "the header's versions"


def is_foreign(db: sqlite3.Connection, schema: Schema) -> bool:
    """Tell whether a file is another program's database: it has tables, and nothing of ours."""
    if schema_version(db) > schema.version or has_sums(db):
        return False
    if any(summed_table(db, table.name, table.key).columns for table in schema.tables):
        return False
    return db.execute("SELECT 1 FROM sqlite_schema").fetchone() is not None


def problem_of(
    path: Path, schema: Schema, *, thorough: bool = True, is_enough: Callable[[], bool] = lambda: False
) -> str:
    """The first damage that is found in a file, in English for the log; empty where there is none.

    Without `thorough` the content of indexes is not looked at; once `is_enough` nothing more is. Raises
    `sqlite3.Error` and `OSError` where the file cannot be looked at.
    """
    if problem := header_problem(path):
        return problem
    try:
        with closing(open_to_read(path)) as db:
            db.set_progress_handler(is_enough, _STEPS_BETWEEN_LOOKS)
            # What is looked at is one moment, whatever is written meanwhile.
            db.execute("BEGIN")
            return next(_problems(db, schema, thorough), "")
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            return ""
        if is_damage(error):
            return str(error)
        raise


def _problems(db: sqlite3.Connection, schema: Schema, thorough: bool) -> Iterator[str]:
    db.execute("PRAGMA cell_size_check = ON")
    version = schema_version(db)
    tables = [summed_table(db, table.name, table.key) for table in schema.tables]
    ours = [table for table in tables if table.columns]
    # Before anything is written: the name may be a link to somebody's file.
    if is_foreign(db, schema):
        yield "its tables are another program's"
    if not version and ours:
        yield "the version is gone"
    if version == schema.version and len(ours) < len(tables):
        yield "a table is missing"
    if has_sums(db):
        if version > schema.version:
            # A newer Stillroom's file, which may have other checksums; or a flipped bit in the version.
            if (version ^ schema.version).bit_count() == 1 and noted_schema_sum(db) == schema_sum(
                db, schema.version
            ):
                yield "the version"
        else:
            yield from sums_problems(db, ours)
    elif version == schema.version:
        yield "the checksums are gone"
    check = "integrity_check" if thorough else "quick_check"
    [finding] = db.execute(f"PRAGMA {check}(1)").fetchone()
    if finding != "ok":
        yield finding
    if db.execute("PRAGMA foreign_key_check").fetchone():
        yield "a row that another needs is missing"
    if (
        thorough
        and version == schema.version
        and schema.derived_problem is not None
        and (problem := schema.derived_problem(db))
    ):
        yield problem
