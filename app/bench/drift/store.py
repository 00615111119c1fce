"""Golden runs on disk."""

import sqlite3
from pathlib import PurePath

import msgspec

from app.base.errors import StillroomError
from app.bench.drift.golden import GoldenRun, check_golden_run
from app.bench.results.run_database import BenchDatabase, bounded, decoded, readable
from app.database.damage_notices import excerpt
from app.database.row_sums import CREATE_SUMS
from app.database.schema import Table, Values

MIGRATIONS: tuple[str, ...] = (
    # 1: a run is JSON; the columns beside it are what it is looked up by.
    """
    CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        baseline_id TEXT NOT NULL,
        path TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        run TEXT NOT NULL
    );
    CREATE INDEX runs_by_baseline ON runs (baseline_id);
    """,
    # 2: a checksum for each row (app/database).
    CREATE_SUMS,
)


def _run(_db: sqlite3.Connection, values: Values) -> StillroomError:
    return StillroomError(
        "A run of golden answers of {file}", file=excerpt(PurePath(str(values.get("path") or "–")).name)
    )


TABLES = (Table("runs", describe=_run, fit=readable("run", GoldenRun)),)


MOST_COMPARED = 1000
"""So many runs are read at once."""

_COLUMNS = f"CAST(id AS BLOB), CAST(baseline_id AS BLOB), {bounded('run', 1 << 20)}"


class DriftStore(BenchDatabase):
    """All golden runs in one SQLite file (WAL, synchronous=FULL). Any thread. Raises `StillroomError`."""

    migrations = MIGRATIONS
    tables = TABLES

    def add(self, run: GoldenRun) -> None:
        """Keep a run."""
        with self.transaction() as db:
            db.execute(
                "INSERT INTO runs (id, baseline_id, path, sha256, run) VALUES (?, ?, ?, ?, ?)",
                (
                    run.id,
                    run.baseline_id,
                    run.path,
                    run.circumstances.sha256,
                    msgspec.json.encode(run).decode(),
                ),
            )

    def baseline(self, path: str, sha256: str) -> GoldenRun | None:
        """Return the run to compare a file with: the newest baseline of its content, else of its path."""
        for column, value in (("sha256", sha256), ("path", path)):
            found = self._newest(f"id = baseline_id AND {column} = ?", value)
            if found is not None:
                return found
        return None

    def history(self, baseline_id: str) -> list[GoldenRun]:
        """The runs that were compared with a baseline, itself first, oldest first: it and the newest ones."""
        with self.transaction() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM runs WHERE id = ?1 OR rowid IN (SELECT rowid FROM runs"
                f" WHERE baseline_id = ?1 ORDER BY rowid DESC LIMIT {MOST_COMPARED}) ORDER BY rowid",
                (baseline_id,),
            ).fetchall()
        found = [run for row in rows if (run := self._run(row)) is not None]
        return [run for run in found if run.baseline_id == baseline_id]

    def newest(self, path: str) -> GoldenRun | None:
        """The newest run of the file at that place."""
        return self._newest("path = ?", path)

    def newest_of_content(self, sha256: str) -> GoldenRun | None:
        """The newest run of a file with that content, wherever it is."""
        return self._newest("sha256 = ?", sha256)

    def accept(self, run_id: str) -> None:
        """Make a run the baseline of those to come; what was compared before stays as it is."""
        with self.transaction() as db:
            row = db.execute(f"SELECT {_COLUMNS} FROM runs WHERE id = ?", (run_id,)).fetchone()
            if row is not None and (run := self._run(row)) is not None:
                run = msgspec.structs.replace(run, baseline_id=run.id)
                db.execute("DELETE FROM runs WHERE id = ?", (run_id,))
                db.execute(
                    "INSERT INTO runs (id, baseline_id, path, sha256, run) VALUES (?, ?, ?, ?, ?)",
                    (run.id, run.id, run.path, run.circumstances.sha256, msgspec.json.encode(run).decode()),
                )

    def _newest(self, condition: str, value: str) -> GoldenRun | None:
        with self.transaction() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM runs WHERE {condition} ORDER BY rowid DESC LIMIT {MOST_COMPARED}",
                (value,),
            )
            return next((run for row in rows if (run := self._run(row)) is not None), None)

    def _run(self, row: tuple[object, object, bytes | None]) -> GoldenRun | None:
        id_, baseline_id, data = row

        def read(data: bytes) -> GoldenRun:
            run = decoded(data, GoldenRun)
            check_golden_run(run)
            if (run.id.encode(), run.baseline_id.encode()) != (id_, baseline_id):
                raise ValueError("it is kept under another name")
            return run

        return self.usable(data, read)

    def _newer(self, found: int, known: int) -> StillroomError:
        return StillroomError(
            "The golden answers were written by a newer Stillroom (schema {found}, here {known}).",
            "Update Stillroom to open them. The file has not been changed.",
            found=found,
            known=known,
        )

    def unusable(self, reason: str) -> StillroomError:
        """The error for a file that could not be read or written."""
        return StillroomError(
            "The golden answers could not be read or written: {reason}.",
            "Check that the disk is not full and that Stillroom's data folder may be written to.",
            reason=reason,
        )
