"""Quality runs on disk: an item's result is written through before the next one begins."""

import sqlite3
from functools import partial

import msgspec

from app.base.errors import StillroomError
from app.bench.quality.result import ItemResult, QualityRun
from app.bench.quality.result_checks import check_result, check_run, shown_run
from app.bench.results.run_database import RunDatabase, bounded, decoded, readable
from app.database.damage_notices import excerpt
from app.database.row_sums import CREATE_SUMS
from app.database.schema import Table, Values

MOST_RUNS = 10_000
MOST_HEAD_BYTES = 1 << 18
MOST_RESULTS = 20_000
"""Of a run: many times what the suites and data sets ask."""
MOST_RESULTS_BYTES = 256 << 20
"""Of all results of a run together."""

MIGRATIONS: tuple[str, ...] = (
    # 1: heads and results are JSON; the columns beside them are what they are looked up by.
    """
    CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        key TEXT NOT NULL,
        started_at TEXT NOT NULL,
        ended_at TEXT,
        model_sha256 TEXT NOT NULL,
        head TEXT NOT NULL,
        deleted_at REAL
    );
    CREATE INDEX runs_by_key ON runs (key);
    CREATE TABLE results (
        run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        item_id TEXT NOT NULL,
        result TEXT NOT NULL,
        PRIMARY KEY (run_id, item_id)
    );
    """,
    # 2: a checksum for each row (app/database).
    CREATE_SUMS,
)


def _run(_db: sqlite3.Connection, values: Values) -> StillroomError:
    return StillroomError("The quality run of {time}", time=excerpt(values.get("started_at", "")))


def _result(db: sqlite3.Connection, values: Values) -> StillroomError:
    row = db.execute("SELECT started_at FROM runs WHERE id = ?", (values.get("run_id"),)).fetchone()
    return StillroomError(
        "The answer {item} of the quality run of {time}",
        item=excerpt(values.get("item_id", "")),
        time="" if row is None else excerpt(row[0]),
    )


TABLES = (
    Table("runs", describe=_run, fit=readable("head", QualityRun)),
    Table("results", describe=_result, fit=readable("result", ItemResult)),
)


class QualityStore(RunDatabase):
    """All runs in one SQLite file (WAL, synchronous=FULL). Any thread. Methods raise `StillroomError`."""

    migrations = MIGRATIONS
    tables = TABLES

    def begin(self, run: QualityRun, key: str) -> None:
        """Keep the head of a new run; `key` says what a later run must share to resume it."""
        with self.transaction() as db:
            db.execute(
                "INSERT INTO runs (id, key, started_at, model_sha256, head) VALUES (?, ?, ?, ?, ?)",
                (run.id, key, run.started_at, run.model.sha256, _text(run)),
            )

    def change(self, run: QualityRun) -> None:
        """Keep what has become known about a run, such as what the engine chose."""
        with self.transaction() as db:
            db.execute("UPDATE runs SET head = ? WHERE id = ?", (_text(run), run.id))

    def unfinished(self, key: str) -> QualityRun | None:
        """Return the newest run of that key, if it has not ended: one that was begun anew takes the place of
        what was stopped before it."""
        with self.transaction() as db:
            row = db.execute(
                f"SELECT CAST(id AS BLOB), {bounded('head', MOST_HEAD_BYTES)}, ended_at FROM runs"
                " WHERE key = ? AND deleted_at IS NULL"
                " ORDER BY rowid DESC LIMIT 1",
                (key,),
            ).fetchone()
        return None if row is None or row[2] is not None else self.usable(row[1], partial(_head, row[0]))

    def add(self, run_id: str, result: ItemResult) -> None:
        """Keep an item's result. An item has one in each run; a second is an error of the program."""
        with self.transaction() as db:
            db.execute(
                "INSERT INTO results (run_id, item_id, result) VALUES (?, ?, ?)",
                (run_id, result.id, _text(result)),
            )

    def end(self, run_id: str, ended_at: str) -> None:
        """Every item of the run is done."""
        with self.transaction() as db:
            db.execute("UPDATE runs SET ended_at = ? WHERE id = ?", (ended_at, run_id))

    def results(self, run_id: str) -> list[ItemResult]:
        """The results of a run in the order in which they came."""
        with self.transaction() as db:
            rows = db.execute(
                "SELECT CAST(item_id AS BLOB), iif(sum(length(CAST(result AS BLOB))) OVER (ORDER BY rowid)"
                f" <= {MOST_RESULTS_BYTES}, {bounded('result')}, NULL)"
                f" FROM results WHERE run_id = ? ORDER BY rowid LIMIT {MOST_RESULTS + 1}",
                (run_id,),
            ).fetchall()
        if len(rows) > MOST_RESULTS:
            rows[-1] = (b"", None)
        found = (self.usable(data, partial(_item, item_id)) for item_id, data in rows)
        return [result for result in found if result is not None]

    def count(self, run_id: str) -> int:
        """Return how many results of a run are kept."""
        with self.transaction() as db:
            row = db.execute("SELECT count(*) FROM results WHERE run_id = ?", (run_id,)).fetchone()
        return int(row[0])

    def runs(self) -> list[tuple[QualityRun, bool]]:
        """All runs, newest first, and whether each has ended; those of a later version are left out."""
        with self.transaction() as db:
            rows = db.execute(
                f"SELECT CAST(id AS BLOB), {bounded('head', MOST_HEAD_BYTES)}, ended_at IS NOT NULL FROM runs"
                f" WHERE deleted_at IS NULL ORDER BY started_at DESC, rowid DESC LIMIT {MOST_RUNS}"
            ).fetchall()
        found = ((self.usable(data, partial(_head, id_)), bool(ended)) for id_, data, ended in rows)
        return [(shown_run(run), ended) for run, ended in found if run is not None]

    def _newer(self, found: int, known: int) -> StillroomError:
        return StillroomError(
            "The quality runs were written by a newer Stillroom (schema {found}, here {known}).",
            "Update Stillroom to open them. The file has not been changed.",
            found=found,
            known=known,
        )

    def unusable(self, reason: str) -> StillroomError:
        """The error for a file that could not be read or written."""
        return StillroomError(
            "The quality runs could not be read or written: {reason}.",
            "Check that the disk is not full and that Stillroom's data folder may be written to.",
            reason=reason,
        )


def _head(id_: bytes, data: bytes) -> QualityRun:
    run = decoded(data, QualityRun)
    check_run(run)
    if run.id.encode() != id_:
        raise ValueError("it is kept under another name")
    return run


def _item(item_id: bytes, data: bytes) -> ItemResult:
    result = decoded(data, ItemResult)
    check_result(result)
    if result.id.encode() != item_id:
        raise ValueError("it is kept under another name")
    return result


def _text(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()
