"""A file of rows, damaged perhaps: reads what can still be read of it, row by row."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from app.database.integrity_check import HEADER, VERSIONS_AT, header_problem, is_foreign, open_to_read
from app.database.row_sums import (
    SummedTable,
    add_functions,
    commits,
    has_sums,
    noted_schema_sum,
    row_sum,
    schema_sum,
    summed_table,
)
from app.database.schema import Schema, migrate, schema_version

Row = tuple[Any, ...]
"""A row's key, then type and value of each column; a text as its bytes."""


@dataclass(slots=True)
class RowSource:
    """The database itself (`made` None) or a backup of it. One thread; methods raise nothing of SQLite's."""

    db: sqlite3.Connection
    made: datetime | None
    tables: dict[str, SummedTable]
    has_sums: bool
    commits: int | None
    rows_torn: set[str] = field(default_factory=set)
    sums_torn: set[str] = field(default_factory=set)
    """The tables whose rows, and whose checksums, could not all be read."""
    _sums: dict[str, dict[object, int]] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path, schema: Schema, made: datetime | None) -> "RowSource | None":
        """The rows of a file; None where not even its tables can be told."""
        try:
            if path.stat().st_size == 0:
                return None
            db = open_to_read(path)
        except (OSError, sqlite3.Error):
            return None
        try:
            db.execute("PRAGMA cell_size_check = ON")
            db.execute("BEGIN")
            tables = {table.name: summed_table(db, table.name, table.key) for table in schema.tables}
            tables = {name: table for name, table in tables.items() if table.columns}
            if not tables:
                db.close()
                return None
            summed = has_sums(db)
            seen = None
            with suppress(sqlite3.Error):
                seen = commits(db)
            return cls(db, made, tables, summed, seen)
        except sqlite3.Error:
            db.close()
            return None

    def sums(self, name: str) -> dict[object, int]:
        """The checksums of a table by the rows' keys, as many as can be read."""
        if name not in self._sums:
            found: dict[object, int] = {}
            for order in ("", " DESC") if self.has_sums else ():
                try:
                    query = f"SELECT key, sum FROM row_sums WHERE tbl = ? ORDER BY key{order}"
                    for key, value in self.db.execute(query, (name,)):
                        if isinstance(value, int):
                            found[key] = value
                    break
                except (sqlite3.Error, OverflowError):
                    self.sums_torn.add(name)
            self._sums[name] = found
        return self._sums[name]

    def row(self, name: str, key: object) -> Row | None:
        """One row by its key."""
        table = self.tables.get(name)
        if table is None:
            return None
        try:
            place = "t.rowid" if table.key == ("rowid",) else table.key_of("t")
            query = f"SELECT {table.values_of('t')} FROM {name} t NOT INDEXED WHERE {place} = ?"
            row: Row | None = self.db.execute(query, (key,)).fetchone()
        except (sqlite3.Error, OverflowError):
            return None
        return row

    def verified(self, name: str, key: object) -> Row | None:
        """One row, if it agrees with its checksum, or none is kept in this file."""
        row = self.row(name, key)
        if row is None or (self.has_sums and self.sums(name).get(key) != row_sum(name, *row)):
            return None
        return row

    def rows(self, name: str) -> Iterator[Row]:
        """The rows in their order; behind a damaged page from the end, then those whose keys are known."""
        table = self.tables.get(name)
        if table is None:
            return
        met: set[object] = set()
        is_whole = False
        by_rowid = table.key == ("rowid",)
        orders = (" ORDER BY t.rowid", " ORDER BY t.rowid DESC") if by_rowid else ("",)
        for order in orders:
            try:
                for row in self.db.execute(f"SELECT {table.values_of('t')} FROM {name} t NOT INDEXED{order}"):
                    if row[0] in met:
                        # Behind the damage; or a page that leads back to one before.
                        break
                    met.add(row[0])
                    yield row
                else:
                    is_whole = True
            except (sqlite3.Error, OverflowError):
                pass
            if is_whole:
                return
            self.rows_torn.add(name)
        for key in self.sums(name):
            if key not in met and (row := self.row(name, key)) is not None:
                yield row

    def values(self, name: str, row: Row) -> dict[str, object]:
        """A row by the names of its columns, damaged texts with marks in the place of what is no text."""
        kinds, found = row[1::2], row[2::2]
        return {
            column: value.decode("utf-8", "replace") if kind == "text" and isinstance(value, bytes) else value
            for column, kind, value in zip(self.tables[name].columns, kinds, found, strict=True)
        }

    def close(self) -> None:
        """Close the file."""
        self.db.close()


def readable_copy(path: Path, schema: Schema) -> Path | None:
    """A copy of a file with its header and its tables' definitions put right, where they are not; else None.

    Raises `OSError`. The caller deletes it, and what lies beside it.
    """
    if (
        not path.exists()
        or path.stat().st_size < 512
        or not (header_problem(path) or _is_misnamed(path, schema))
    ):
        return None
    copy = path.with_name(path.name + ".reading")
    for ending in ("-wal", ""):
        if path.with_name(path.name + ending).exists():
            shutil.copyfile(path.with_name(path.name + ending), copy.with_name(copy.name + ending))
    with copy.open("r+b") as file:
        for place, expected in HEADER.items():
            file.seek(place)
            file.write(expected)
        file.seek(VERSIONS_AT)
        file.write(b"\2\2")
    if _is_misnamed(copy, schema):
        # Else it is read as far as it can be.
        with suppress(sqlite3.Error):
            _define_anew(copy, schema)
    return copy


def _is_misnamed(path: Path, schema: Schema) -> bool:
    """Tell whether the definitions of the tables are not what they were."""
    try:
        with closing(open_to_read(path)) as db:
            if has_sums(db):
                return noted_schema_sum(db) != schema_sum(db)
            if is_foreign(db, schema):
                return False
            # A file from before the checksums has nothing to compare with.
            return schema_version(db) in (0, schema.version)
    except sqlite3.Error:
        return True


def _define_anew(path: Path, schema: Schema) -> None:
    """Write the definitions that the migrations lead to over those in the file, one by one in their order."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as model:
        add_functions(model)
        migrate(model, schema)
        definitions = model.execute("SELECT type, name, tbl_name, sql, rowid FROM sqlite_schema").fetchall()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        # Without this what is no definition is an error at once.
        db.execute("PRAGMA writable_schema = ON")
        db.execute("BEGIN IMMEDIATE")
        db.executemany(
            "UPDATE sqlite_schema SET type = ?, name = ?, tbl_name = ?, sql = ? WHERE rowid = ?", definitions
        )
        db.execute(f"PRAGMA user_version = {schema.version}")
        db.execute("COMMIT")


def renumbered(table: SummedTable, row: Row, key: object) -> Row:
    """A row as it would be under another number."""
    columns = [
        value
        for column, kind, old in zip(table.columns, row[1::2], row[2::2], strict=True)
        for value in (kind, key if column == table.number else old)
    ]
    return (key, *columns)


def is_older(source: RowSource, other: RowSource) -> bool:
    """Tell whether a file has seen fewer transactions than another one of the same database."""
    return source.commits is not None and other.commits is not None and source.commits < other.commits
