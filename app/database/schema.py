"""The shape of a database: its tables, the steps that lead to it, and what is derived from its rows."""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.base.errors import StillroomError

Values = Mapping[str, object]
"""A row by the names of its columns."""


def _entry(_db: sqlite3.Connection, _values: Values) -> StillroomError:
    return StillroomError("An entry")


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose rows have checksums.

    `describe` names a row for people; it gets a connection on which the rest can be read. `fit` makes what is
    left of a damaged row one that the rest of the program can read, or raises `ValueError`. Rows of a
    `derived` table are computed anew where they are missing, so that damaged ones are left out.
    """

    name: str
    key: tuple[str, ...] = ("rowid",)
    derived: bool = False
    describe: Callable[[sqlite3.Connection, Values], StillroomError] = _entry
    fit: Callable[[dict[str, object]], None] | None = None


@dataclass(frozen=True, slots=True)
class Schema:
    """Numbered migrations that are never edited once released, and the tables after the last one.

    `tables` has parents before their children. `fill` makes what is derived from all rows (an index of
    words), and `derived_problem` says what is wrong with that; both may be None. `adopt` makes the rows that
    others need and that are lost, before the check of foreign keys. `newer` is the error for the file of a
    newer Stillroom: found and known version.
    """

    migrations: tuple[str, ...]
    tables: tuple[Table, ...]
    newer: Callable[[int, int], StillroomError]
    filled_by: Mapping[int, Callable[[sqlite3.Connection], None]]
    fill: Callable[[sqlite3.Connection], None] | None = None
    derived_problem: Callable[[sqlite3.Connection], str] | None = None
    adopt: Callable[[sqlite3.Connection], None] | None = None

    @property
    def version(self) -> int:
        """Give what `PRAGMA user_version` is in a file that is up to date."""
        return len(self.migrations)


def schema_version(connection: sqlite3.Connection) -> int:
    """The version written in the file; 0 for a new one."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def migrate(connection: sqlite3.Connection, schema: Schema) -> None:
    """Bring the schema up to date, each step in a transaction of its own.

    Raises `StillroomError` for a file that a newer Stillroom wrote; that file is left as it is.
    """
    version = schema_version(connection)
    if version > schema.version:
        raise schema.newer(version, schema.version)
    for number, script in enumerate(schema.migrations[version:], start=version + 1):
        try:
            connection.executescript(f"BEGIN IMMEDIATE;\n{script}")
            if number in schema.filled_by:
                schema.filled_by[number](connection)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.commit()
        except BaseException:
            if connection.in_transaction:
                connection.rollback()
            raise
