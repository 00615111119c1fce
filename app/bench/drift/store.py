"""Golden runs on disk."""

import sqlite3
from pathlib import PurePath

import msgspec

from app.base.errors import StillroomError
from app.bench.drift.golden import GoldenRun
from app.bench.results.run_database import BenchDatabase, readable
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
        "A run of golden answers of {file}", file=excerpt(PurePath(str(values.get("path", ""))).name)
    )


TABLES = (Table("runs", describe=_run, fit=readable("run", GoldenRun)),)


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
        with self.transaction() as db:
            for column, value in (("sha256", sha256), ("path", path)):
                row = db.execute(
                    f"SELECT run FROM runs WHERE id = baseline_id AND {column} = ?"
                    " ORDER BY rowid DESC LIMIT 1",
                    (value,),
                ).fetchone()
                if row is not None:
                    return msgspec.json.decode(row[0], type=GoldenRun)
        return None

    def history(self, baseline_id: str) -> list[GoldenRun]:
        """The runs that were compared with a baseline, itself first, oldest first."""
        with self.transaction() as db:
            rows = db.execute(
                "SELECT run FROM runs WHERE baseline_id = ? ORDER BY rowid", (baseline_id,)
            ).fetchall()
        return [msgspec.json.decode(text, type=GoldenRun) for (text,) in rows]

    def newest(self, path: str) -> GoldenRun | None:
        """The newest run of the file at that place."""
        with self.transaction() as db:
            row = db.execute(
                "SELECT run FROM runs WHERE path = ? ORDER BY rowid DESC LIMIT 1", (path,)
            ).fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=GoldenRun)

    def newest_of_content(self, sha256: str) -> GoldenRun | None:
        """The newest run of a file with that content, wherever it is."""
        with self.transaction() as db:
            row = db.execute(
                "SELECT run FROM runs WHERE sha256 = ? ORDER BY rowid DESC LIMIT 1", (sha256,)
            ).fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=GoldenRun)

    def accept(self, run_id: str) -> None:
        """Make a run the baseline of those to come; what was compared before stays as it is."""
        with self.transaction() as db:
            row = db.execute("SELECT run FROM runs WHERE id = ?", (run_id,)).fetchone()
            if row is not None:
                run = msgspec.json.decode(row[0], type=GoldenRun)
                run = msgspec.structs.replace(run, baseline_id=run.id)
                db.execute("DELETE FROM runs WHERE id = ?", (run_id,))
                db.execute(
                    "INSERT INTO runs (id, baseline_id, path, sha256, run) VALUES (?, ?, ?, ?, ?)",
                    (run.id, run.id, run.path, run.circumstances.sha256, msgspec.json.encode(run).decode()),
                )

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
