"""A checksum for each row, kept by triggers in a table beside them.

A flipped bit in a row, a row that is gone and one that nobody wrote all show. The triggers are the
connection's own (TEMP), so that other tools can still open the file.
"""

import sqlite3
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b

SUMS = "row_sums"
CREATE_SUMS = """
    CREATE TABLE row_sums (
        tbl TEXT NOT NULL,
        key NOT NULL,
        sum INTEGER NOT NULL,
        PRIMARY KEY (tbl, key)
    ) WITHOUT ROWID;
    INSERT INTO row_sums VALUES ('', 'commits', 0);
"""
"""The migration that begins with checksums. Rows whose `tbl` is empty are about the file: how many
transactions were committed (`counted`), and the checksum of its schema."""
_CHECK_BITS = 16

MOST_VALUE_BYTES = 256 << 20
"""Of a value, and of a row: as much as the chats of an imported file take together. SQLite refuses a longer
one by its length, before it is read or written."""

_NUMBER = struct.Struct("<q")
_REAL = struct.Struct("<d")


@dataclass(frozen=True, slots=True)
class SummedTable:
    """A table, the columns of a row's key, and all its columns in their order. `number` is the column that is
    the row's number under another name; empty where none is."""

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    number: str

    def key_of(self, prefix: str) -> str:
        """The key of a row as SQL, without an affinity: `row_sums` is searched by it."""
        # https://www.sqlite.org/datatype3.html#affinity_of_expressions
        return " || '/' || ".join(f"+{prefix}.{column}" for column in self.key)

    def values_of(self, prefix: str) -> str:
        """The key, then type and value of each column, as SQL: what `row_sum` takes.

        A text goes as bytes, for one with a flipped bit may be no text any more.
        """
        pairs = (
            f"typeof({prefix}.{column}), iif(typeof({prefix}.{column}) = 'text',"
            f" CAST({prefix}.{column} AS BLOB), {prefix}.{column})"
            for column in self.columns
        )
        return ", ".join((self.key_of(prefix), *pairs))

    def sum_of(self, prefix: str) -> str:
        """A row's checksum as SQL."""
        return f"row_sum('{self.name}', {self.values_of(prefix)})"


def summed_table(db: sqlite3.Connection, name: str, key: tuple[str, ...]) -> SummedTable:
    """A table as it is in a file."""
    found = db.execute(f"PRAGMA table_info({name})").fetchall()
    number = next((row[1] for row in found if row[5] == 1 and row[2] == "INTEGER"), "")
    return SummedTable(name, key, tuple(row[1] for row in found), number if key == ("rowid",) else "")


def row_sum(*values: object) -> int:
    """The 64-bit checksum of a table's name, a row's key, and types and values in turn."""
    digest = blake2b(digest_size=8)
    for value in values:
        if isinstance(value, bytes):
            data, tag = value, b"b"
        elif isinstance(value, str):
            data, tag = value.encode("utf-8", "surrogatepass"), b"s"
        elif isinstance(value, int):
            data, tag = _NUMBER.pack(value), b"i"
        elif isinstance(value, float):
            data, tag = _REAL.pack(value), b"f"
        else:
            data, tag = b"", b"n"
        digest.update(b"%s%d:" % (tag, len(data)))
        digest.update(data)
    return _NUMBER.unpack(digest.digest())[0]  # type: ignore[no-any-return]  # what "<q" gives


def moved_sum(noted: int, before: int, after: int) -> int:
    """The checksum of a changed row: `after`, and still a wrong one where `noted` was wrong before."""
    return noted ^ before ^ after


def add_functions(db: sqlite3.Connection) -> None:
    """Let a connection compute checksums, of values that are no longer than `MOST_VALUE_BYTES`."""
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_VALUE_BYTES)
    db.create_function("row_sum", -1, row_sum, deterministic=True)
    db.create_function("moved_sum", 3, moved_sum, deterministic=True)


def keep_sums(db: sqlite3.Connection, tables: Iterable[SummedTable]) -> None:
    """From now on, whatever this connection writes into the tables has its checksum."""
    # Else REPLACE deletes without its trigger.
    db.execute("PRAGMA recursive_triggers = ON")
    for table in tables:
        name, where = table.name, f"WHERE tbl = '{table.name}' AND key = {table.key_of('old')}"
        db.execute(
            f"CREATE TEMP TRIGGER {name}_sums_insert AFTER INSERT ON main.{name} BEGIN"
            f" INSERT OR REPLACE INTO row_sums"
            f" VALUES ('{name}', {table.key_of('new')}, {table.sum_of('new')}); END"
        )
        db.execute(
            f"CREATE TEMP TRIGGER {name}_sums_update AFTER UPDATE ON main.{name} BEGIN"
            f" UPDATE row_sums SET key = {table.key_of('new')},"
            f" sum = moved_sum(sum, {table.sum_of('old')}, {table.sum_of('new')}) {where}; END"
        )
        db.execute(
            f"CREATE TEMP TRIGGER {name}_sums_delete AFTER DELETE ON main.{name} BEGIN"
            f" DELETE FROM row_sums {where}; END"
        )


def is_as_written(db: sqlite3.Connection, name: str) -> str:
    """The condition that a row of a table agrees with its checksum, as SQL."""
    table = summed_table(db, name, ("rowid",))
    noted = f"(SELECT sum FROM row_sums WHERE tbl = '{name}' AND key = {table.key_of(name)})"
    return f"{noted} = {table.sum_of(name)}"


def seal(db: sqlite3.Connection, tables: Iterable[SummedTable]) -> None:
    """Compute the checksums of all rows and of the schema anew, within the caller's transaction."""
    db.execute("DELETE FROM row_sums WHERE tbl <> ''")
    for table in tables:
        db.execute(
            f"INSERT INTO row_sums SELECT '{table.name}', {table.key_of('t')}, {table.sum_of('t')}"
            f" FROM {table.name} t"
        )
    db.execute("INSERT OR REPLACE INTO row_sums VALUES ('', 'schema', ?)", (schema_sum(db),))


def schema_sum(db: sqlite3.Connection, version: int | None = None) -> int:
    """The checksum of the tables' definitions and of the version: the file's own, or the one given."""
    rows = db.execute(
        "SELECT CAST(type AS BLOB), CAST(name AS BLOB), CAST(tbl_name AS BLOB), CAST(sql AS BLOB)"
        " FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' ORDER BY 2, 1"
    ).fetchall()
    if version is None:
        version = db.execute("PRAGMA user_version").fetchone()[0]
    return row_sum(version, *(value for row in rows for value in row))


def noted_schema_sum(db: sqlite3.Connection) -> int | None:
    """The checksum of the schema that was noted; None where it is lost."""
    row = db.execute("SELECT sum FROM row_sums WHERE tbl = '' AND key = 'schema'").fetchone()
    return None if row is None else row[0]


def has_sums(db: sqlite3.Connection) -> bool:
    """Tell whether the file has checksums; one of an earlier version has none."""
    found = db.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (SUMS,)).fetchone()
    return found is not None


def commits(db: sqlite3.Connection) -> int | None:
    """Return how many transactions the file has seen: 0 in one of an earlier version, None if damaged."""
    if not has_sums(db):
        return 0
    row = db.execute("SELECT sum FROM row_sums WHERE tbl = '' AND key = 'commits'").fetchone()
    if row is None or not isinstance(row[0], int) or counted(row[0] >> _CHECK_BITS) != row[0]:
        return None
    return row[0] >> _CHECK_BITS


def counted(number: int) -> int:
    """A number of transactions with a check of itself, as it stands in the file."""
    return number << _CHECK_BITS | (row_sum(number) & (1 << _CHECK_BITS) - 1 if number else 0)


def count_commit(db: sqlite3.Connection) -> int:
    """Count the transaction that is open; the number it gets."""
    number = (commits(db) or 0) + 1
    db.execute("UPDATE row_sums SET sum = ? WHERE tbl = '' AND key = 'commits'", (counted(number),))
    return number


def sums_problems(db: sqlite3.Connection, tables: Iterable[SummedTable]) -> Iterator[str]:
    """Give what does not agree with the checksums, for the log. Raises `sqlite3.Error`."""
    if noted_schema_sum(db) != schema_sum(db):
        yield "the schema"
    if commits(db) is None:
        yield "the count of transactions"
    for table in tables:
        name = table.name
        for (key,) in db.execute(
            f"SELECT {table.key_of('t')} FROM {name} t LEFT JOIN row_sums s"
            f" ON s.tbl = '{name}' AND s.key = {table.key_of('t')}"
            f" WHERE s.sum IS NOT {table.sum_of('t')} LIMIT 5"
        ):
            yield f"row {key} of {name}"
        [(rows, sums)] = db.execute(
            f"SELECT (SELECT count(*) FROM {name} NOT INDEXED),"
            f" (SELECT count(*) FROM row_sums WHERE tbl = '{name}')"
        ).fetchall()
        if rows != sums:
            yield f"{name} has {rows} rows and {sums} checksums"
