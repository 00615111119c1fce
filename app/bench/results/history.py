"""All benchmark runs, in one SQLite file."""

import hashlib
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from app.base.errors import StillroomError
from app.bench.results.report import Report, report_from_json, report_to_json
from app.bench.results.report_checks import check_report
from app.bench.results.run_database import MOST_ROW_BYTES, RunDatabase, bounded, readable
from app.database.damage_notices import excerpt
from app.database.row_sums import CREATE_SUMS
from app.database.schema import Table, Values
from models.system.progress import raise_if_cancelled

MIGRATIONS: tuple[str, ...] = (
    # 1: a run is its JSON report; the columns beside it are what runs are looked up by.
    """
    CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        started_at TEXT NOT NULL,
        suite TEXT NOT NULL,
        model_sha256 TEXT NOT NULL,
        report TEXT NOT NULL,
        deleted_at REAL
    );
    CREATE INDEX runs_by_time ON runs (started_at);
    CREATE TABLE file_hashes (
        path TEXT PRIMARY KEY,
        size_bytes INTEGER NOT NULL,
        modified_ns INTEGER NOT NULL,
        sha256 TEXT NOT NULL
    );
    """,
    # 2: a run under way; `setting` says what a run that goes on must have in common with it.
    """
    CREATE TABLE unfinished (
        id TEXT PRIMARY KEY,
        began_s REAL NOT NULL,
        suite TEXT NOT NULL,
        model_sha256 TEXT NOT NULL,
        setting TEXT NOT NULL,
        interruptions INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE turns (
        run_id TEXT NOT NULL REFERENCES unfinished (id) ON DELETE CASCADE,
        step TEXT NOT NULL,
        repeat INTEGER NOT NULL,
        record TEXT NOT NULL,
        PRIMARY KEY (run_id, step, repeat)
    );
    CREATE TABLE run_notes (
        run_id TEXT NOT NULL REFERENCES unfinished (id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        note TEXT NOT NULL,
        PRIMARY KEY (run_id, key)
    );
    """,
    # 3: a checksum for each row (app/database).
    CREATE_SUMS,
)


def _run(_db: sqlite3.Connection, values: Values) -> StillroomError:
    return StillroomError("The benchmark run of {time}", time=excerpt(values.get("started_at", "")))


def _unfinished_run(_db: sqlite3.Connection, _values: Values) -> StillroomError:
    return StillroomError("A benchmark run that is not finished")


TABLES = (
    Table("runs", describe=_run, fit=readable("report", Report)),
    Table("file_hashes", derived=True),
    Table("unfinished", describe=_unfinished_run),
    # A turn that is missing is measured again when the run goes on.
    Table("turns", derived=True),
    Table("run_notes", derived=True),
)


def _report(data: bytes) -> Report:
    report = report_from_json(data)
    check_report(report)
    return report


def _keep(db: sqlite3.Connection, report: Report) -> None:
    db.execute("DELETE FROM unfinished WHERE id = ?", (report.id,))
    db.execute(
        "INSERT OR REPLACE INTO runs (id, started_at, suite, model_sha256, report) VALUES (?, ?, ?, ?, ?)",
        (report.id, report.started_at, report.suite, report.model.sha256, report_to_json(report).decode()),
    )


class BenchmarkHistory(RunDatabase):
    """The runs on disk. Any thread; each write is on the disk before it returns.

    Every method raises `StillroomError`.
    """

    migrations = MIGRATIONS
    tables = TABLES

    def add(self, report: Report) -> None:
        """Keep a run; one with the same id is replaced. What was kept of it while it was under way goes."""
        with self.transaction() as db:
            _keep(db, report)

    def take_in(self, reports: Sequence[Report], cancel: threading.Event | None = None) -> list[Report]:
        """Keep runs from elsewhere, all or none; returns them as they are kept. A run here whose id
        another one has stays: the new one gets an id by its content. The same one twice is kept once, and
        a deleted one comes back. Raises `Cancelled` once `cancel` is set, and none is kept.
        """
        kept = []
        with self.transaction() as db:
            for report in reports:
                raise_if_cancelled(cancel)
                row = db.execute(
                    "SELECT CAST(report AS BLOB) FROM runs WHERE id = ?", (report.id,)
                ).fetchone()
                text = report_to_json(report)
                if row is not None and row[0] != text:
                    new_id = f"imported-{hashlib.sha256(text).hexdigest()[:24]}"
                    report = msgspec.structs.replace(report, id=new_id)
                _keep(db, report)
                kept.append(report)
            raise_if_cancelled(cancel)
        return kept

    def reports(self) -> list[Report]:
        """All runs, newest first; one that a later version wrote in a new format is left out, not deleted."""
        with self.transaction() as db:
            rows = db.execute(
                f"SELECT {bounded('report', 4 * MOST_ROW_BYTES)} FROM runs WHERE deleted_at IS NULL"
                " ORDER BY started_at DESC, rowid DESC"
            ).fetchall()
        found = (self.usable(data, _report) for (data,) in rows)
        return [report for report in found if report is not None]

    def latest(self, suite: str, model_sha256: str) -> Report | None:
        """The newest run of that suite with that model file."""
        runs = (run for run in self.reports() if (run.suite, run.model.sha256) == (suite, model_sha256))
        return next(runs, None)

    def known_sha256(self, path: Path) -> str | None:
        """The SHA-256 noted for that file, if its size and time of change are still the same."""
        state = path.stat()
        with self.transaction() as db:
            row = db.execute(
                "SELECT sha256 FROM file_hashes WHERE path = ? AND size_bytes = ? AND modified_ns = ?",
                (str(path), state.st_size, state.st_mtime_ns),
            ).fetchone()
        return row[0] if row else None

    def note_sha256(self, path: Path, sha256: str) -> None:
        """Note the SHA-256 of that file as it is now."""
        state = path.stat()
        with self.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO file_hashes (path, size_bytes, modified_ns, sha256)"
                " VALUES (?, ?, ?, ?)",
                (str(path), state.st_size, state.st_mtime_ns, sha256),
            )

    def _newer(self, found: int, known: int) -> StillroomError:
        return StillroomError(
            "The benchmark history was written by a newer Stillroom (schema {found}, here {known}).",
            "Update Stillroom to open it. The file has not been changed.",
            found=found,
            known=known,
        )

    def unusable(self, reason: str) -> StillroomError:
        """The error for a file that could not be read or written."""
        return StillroomError(
            "The benchmark history could not be read or written: {reason}.",
            "Check that the disk is not full and that Stillroom's data folder may be written to.",
            reason=reason,
        )
