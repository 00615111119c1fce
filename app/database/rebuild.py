"""Makes a damaged database anew: of its rows that are as they were written, else of those of its backups."""

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from app.base.errors import StillroomError
from app.database.backups import list_backups
from app.database.damage_notices import DamagedRow
from app.database.integrity_check import problem_of
from app.database.row_source import Row, RowSource, is_older, readable_copy, renumbered
from app.database.row_sums import add_functions, counted, row_sum, seal, summed_table
from app.database.schema import Schema, Table, migrate

log = logging.getLogger(__name__)

_MOST_RENUMBERED = 10_000
_DEFAULTS: dict[str, tuple[type | tuple[type, ...], object]] = {
    "TEXT": (str, ""),
    "INTEGER": (int, 0),
    "REAL": ((float, int), 0.0),
    "BLOB": (bytes, b""),
}


@dataclass(slots=True)
class Rebuilt:
    """The sources and losses of a rebuilt database. `base` is the time of the backup that most of it comes
    from, None for the damaged file itself; `found` is False where there was nothing at all."""

    found: bool = False
    base: datetime | None = None
    restored: int = 0
    """Rows that were put right from a backup, exactly as they were written."""
    unproven: int = 0
    """Rows whose checksum was lost: nothing says that they are damaged."""
    dropped: int = 0
    """Rows that are computed anew when they are needed."""
    rows: list[DamagedRow] = field(default_factory=list)
    newest_used: datetime | None = None

    def use(self, source: RowSource) -> None:
        """Note the time of a backup that a row was taken from."""
        if source.made is not None:
            self.newest_used = max(source.made, self.newest_used or source.made)


def rebuild(path: Path, target: Path, schema: Schema, seen: int, *, with_own: bool = True) -> Rebuilt:
    """Make `target` of what the file and its backups hold; `path` stays as it is.

    `seen` is how many transactions the file is known to have seen. Without `with_own` only backups count.
    Raises `sqlite3.Error` and `OSError`.
    """
    with ExitStack() as opened:
        copy = readable_copy(path, schema) if with_own else None
        if copy is not None:
            opened.callback(_delete, copy)
        own = RowSource.open(copy or path, schema, None) if with_own and path.exists() else None
        sources = [] if own is None else [own]
        for made, backup in list_backups(path):
            if (source := RowSource.open(backup, schema, made)) is not None:
                # Of what has no checksums only the whole can be believed.
                if source.has_sums or not problem_of(backup, schema):
                    sources.append(source)
                else:
                    source.close()
        for source in sources:
            opened.enter_context(closing(source))
        _delete(target)
        db = opened.enter_context(closing(sqlite3.connect(target, isolation_level=None)))
        add_functions(db)
        migrate(db, schema)
        rebuilt = _Rebuild(db, schema, sources).run()
        latest = max([seen, *(source.commits or 0 for source in sources)])
        db.execute("UPDATE row_sums SET sum = ? WHERE key = 'commits'", (counted(latest + 1),))
    if problem := problem_of(target, schema):
        # Never: but a file that is not sound takes nobody's place.
        raise sqlite3.DatabaseError(f"what was saved is damaged too: {problem}")
    return rebuilt


class _Rebuild:
    def __init__(self, db: sqlite3.Connection, schema: Schema, sources: Sequence[RowSource]) -> None:
        self._db = db
        self._schema = schema
        self._sources = list(sources)
        self._result = Rebuilt()
        self._tables = {table.name: summed_table(db, table.name, table.key) for table in schema.tables}
        self._damaged: list[tuple[Table, object, dict[str, object], bool, datetime | None]] = []

    def run(self) -> Rebuilt:
        result = self._result
        db = self._db
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute("BEGIN")
        if self._sources:
            base = self._base()
            result.found, result.base = True, base.made
            result.use(base)
            for table in self._schema.tables:
                self._take(table, base)
            self._keep_sequences(base)
            if self._schema.adopt is not None:
                self._schema.adopt(db)
            self._loosen()
            result.rows += [
                DamagedRow(self._name(table, key, values), lost, older)
                for table, key, values, lost, older in self._damaged
            ]
        if self._schema.fill is not None:
            self._schema.fill(db)
        seal(db, self._tables.values())
        db.execute("COMMIT")
        return result

    def _base(self) -> RowSource:
        """The file itself, or the newest backup where that has seen more: then the file lost its journal."""
        first = self._sources[0]
        for other in self._sources[1:]:
            if is_older(first, other) or (other.has_sums and not first.has_sums and not _has_rows(first)):
                self._sources.remove(other)
                self._sources.insert(0, other)
                return other
        return first

    def _take(self, table: Table, base: RowSource) -> None:
        name = table.name
        sums = base.sums(name)
        met: set[object] = set()
        wrong: list[Row] = []
        for row in base.rows(name):
            met.add(row[0])
            if (base.has_sums and sums.get(row[0]) != row_sum(name, *row)) or not self._insert(
                table, base, row
            ):
                wrong.append(row)
        lost = {key: value for key, value in sums.items() if key not in met}
        for row in wrong:
            self._put_right(table, base, row, sums, lost)
        for key, expected in lost.items():
            self._bring_back(table, base, key, expected)
        if name in base.rows_torn and (not base.has_sums or name in base.sums_torn):
            # Nothing says which rows there were: those of the newest backup, at least.
            self._bring_back_unknown(table, base, met | set(sums))

    def _put_right(
        self, table: Table, base: RowSource, row: Row, sums: dict[object, int], lost: dict[object, int]
    ) -> None:
        name, key = table.name, row[0]
        expected, actual = sums.get(key), row_sum(name, *row)
        if expected is not None and self._restored(table, base, key, expected):
            return
        if expected is None and base.has_sums:
            if (other := next((key for key, value in lost.items() if value == actual), None)) is not None:
                # It is the checksum that lies under a wrong number.
                del lost[other]
                self._insert(table, base, row)
                return
            if (other := _number_of(base, name, row, lost)) is not None:
                del lost[other]
                self._insert(table, base, renumbered(base.tables[name], row, other))
                return
        if any(
            source is not base and (known := source.verified(name, key)) and row_sum(name, *known) == actual
            for source in self._sources
        ):
            # The row is what it was; its checksum is not.
            self._insert(table, base, row)
            return
        if expected is None and self._insert(table, base, row):
            self._result.unproven += 1
            return
        if table.derived:
            self._result.dropped += 1
            return
        values = base.values(name, row)
        fitted = self._fitted(table, values)
        if fitted is not None and self._insert_values(table, fitted, key):
            self._damaged.append((table, key, values, False, None))
        elif (older := self._older(table, base, key)) is not None:
            self._damaged.append((table, key, values, False, older))
        else:
            self._damaged.append((table, key, values, True, None))

    def _bring_back(self, table: Table, base: RowSource, key: object, expected: int) -> None:
        if self._restored(table, base, key, expected):
            return
        if table.derived:
            self._result.dropped += 1
            return
        older = self._older(table, base, key)
        self._damaged.append((table, key, {}, older is None, older))

    def _bring_back_unknown(self, table: Table, base: RowSource, known: set[object]) -> None:
        for source in self._sources:
            if source is base or table.derived:
                continue
            for row in source.rows(table.name):
                if row[0] in known or source.verified(table.name, row[0]) is None:
                    continue
                known.add(row[0])
                if self._insert(table, source, row):
                    self._result.restored += 1
                    self._result.use(source)
            return

    def _restored(self, table: Table, base: RowSource, key: object, expected: int) -> bool:
        """Take a row from a backup where it has the checksum that was noted: what was written, to the bit."""
        for source in self._sources:
            row = None if source is base else source.row(table.name, key)
            if row is not None and row_sum(table.name, *row) == expected and self._insert(table, source, row):
                self._result.restored += 1
                self._result.use(source)
                return True
        return False

    def _older(self, table: Table, base: RowSource, key: object) -> datetime | None:
        """Take the newest form of a row that a backup has; the time of that backup."""
        for source in self._sources:
            row = None if source is base else source.verified(table.name, key)
            if row is not None and self._insert(table, source, row):
                self._result.use(source)
                return source.made
        return None

    def _insert(self, table: Table, source: RowSource, row: Row) -> bool:
        return self._insert_values(table, source.values(table.name, row), row[0])

    def _insert_values(self, table: Table, values: dict[str, object], key: object) -> bool:
        if table.key == ("rowid",):
            values = values | {self._tables[table.name].number or "rowid": key}
        columns, marks = ", ".join(values), ", ".join("?" * len(values))
        try:
            self._db.execute(f"INSERT INTO {table.name} ({columns}) VALUES ({marks})", tuple(values.values()))
        except (sqlite3.Error, OverflowError) as error:
            log.info("a row of %s cannot be taken over: %s", table.name, error)
            return False
        return True

    def _fitted(self, table: Table, values: dict[str, object]) -> dict[str, object] | None:
        """Give what is left of a damaged row, in the types of its columns; None where that is of no use."""
        fitted = dict(values)
        for _, column, kind, required, *_ in self._db.execute(f"PRAGMA table_info({table.name})"):
            expected, empty = _DEFAULTS.get(kind, (object, None))
            value = fitted.get(column)
            if column in fitted and not (isinstance(value, expected) or (value is None and not required)):
                fitted[column] = str(value) if kind == "TEXT" and value is not None else empty
        if table.fit is not None:
            try:
                table.fit(fitted)
            except ValueError:
                return None
        return fitted

    def _name(self, table: Table, key: object, values: dict[str, object]) -> StillroomError:
        """Give what to call a row: by what stands in its place now, else by what could be read of it."""
        stands = next(_named_rows(self._db, table.name, key), values)
        return table.describe(self._db, stands)

    def _keep_sequences(self, base: RowSource) -> None:
        """Numbers that were given out are not given out again."""
        try:
            kept = base.db.execute("SELECT name, seq FROM sqlite_sequence").fetchall()
        except sqlite3.Error:
            return
        for name, number in kept:
            if isinstance(number, int) and number < 1 << 40:
                self._db.execute(
                    "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (number, name)
                )

    def _loosen(self) -> None:
        """Rows whose parent is lost stand alone where they may, and go where not."""
        tables = {table.name: table for table in self._schema.tables}
        while found := self._db.execute("PRAGMA foreign_key_check").fetchall():
            for name, rowid, _, number in found:
                columns = [
                    row[3] for row in self._db.execute(f"PRAGMA foreign_key_list({name})") if row[0] == number
                ]
                required = {row[1] for row in self._db.execute(f"PRAGMA table_info({name})") if row[3]}
                if rowid is None:
                    # A table without row numbers holds derived rows alone.
                    self._db.execute(f"DELETE FROM {name}")
                    break
                if not required & set(columns):
                    cleared = ", ".join(f"{column} = NULL" for column in columns)
                    self._db.execute(f"UPDATE {name} SET {cleared} WHERE rowid = ?", (rowid,))
                    continue
                [row] = list(_named_rows(self._db, name, rowid))
                self._db.execute(f"DELETE FROM {name} WHERE rowid = ?", (rowid,))
                self._damaged.append((tables[name], rowid, row, True, None))


def _named_rows(db: sqlite3.Connection, name: str, rowid: object) -> Iterator[dict[str, object]]:
    found = db.execute(f"SELECT * FROM {name} WHERE rowid = ?", (rowid,))
    for row in found:
        yield dict(zip([column[0] for column in found.description], row, strict=True))


def _number_of(base: RowSource, name: str, row: Row, lost: dict[object, int]) -> object | None:
    """The number that a row was written with, where that is what changed."""
    if len(lost) > _MOST_RENUMBERED:
        return None
    table = base.tables[name]
    return next(
        (key for key, expected in lost.items() if row_sum(name, *renumbered(table, row, key)) == expected),
        None,
    )


def _has_rows(source: RowSource) -> bool:
    return any(next(source.rows(name), None) is not None for name in source.tables)


def _delete(path: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
