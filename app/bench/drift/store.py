"""Golden runs on disk."""

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from app.bench.drift.golden import GoldenRun
from app.errors import StillroomError

log = logging.getLogger(__name__)

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
)


class DriftStore:
    """All golden runs in one SQLite file (WAL, synchronous=FULL). Any thread. Raises `StillroomError`."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = _open(path)
        except sqlite3.OperationalError as error:
            raise _unusable(error) from error
        except sqlite3.DatabaseError:
            aside = path.with_name(f"{path.stem}.damaged{path.suffix}")
            log.warning("the golden answers were damaged and are kept as %s", aside)
            for ending in ("-wal", "-shm", ""):
                with contextlib.suppress(FileNotFoundError):
                    path.with_name(path.name + ending).replace(aside.with_name(aside.name + ending))
            self._db = _open(path)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def add(self, run: GoldenRun) -> None:
        """Keep a run."""
        with self._transaction() as db:
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
        """What a file is compared with: the newest baseline of that file's content, else of its place."""
        with self._transaction() as db:
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
        with self._transaction() as db:
            rows = db.execute(
                "SELECT run FROM runs WHERE baseline_id = ? ORDER BY rowid", (baseline_id,)
            ).fetchall()
        return [msgspec.json.decode(text, type=GoldenRun) for (text,) in rows]

    def newest(self, path: str) -> GoldenRun | None:
        """The newest run of the file at that place."""
        with self._transaction() as db:
            row = db.execute(
                "SELECT run FROM runs WHERE path = ? ORDER BY rowid DESC LIMIT 1", (path,)
            ).fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=GoldenRun)

    def newest_of_content(self, sha256: str) -> GoldenRun | None:
        """The newest run of a file with that content, wherever it is."""
        with self._transaction() as db:
            row = db.execute(
                "SELECT run FROM runs WHERE sha256 = ? ORDER BY rowid DESC LIMIT 1", (sha256,)
            ).fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=GoldenRun)

    def accept(self, run_id: str) -> None:
        """Make a run the baseline of those to come; what was compared before stays as it is."""
        with self._transaction() as db:
            row = db.execute("SELECT run FROM runs WHERE id = ?", (run_id,)).fetchone()
            if row is not None:
                run = msgspec.json.decode(row[0], type=GoldenRun)
                run = msgspec.structs.replace(run, baseline_id=run.id)
                db.execute("DELETE FROM runs WHERE id = ?", (run_id,))
                db.execute(
                    "INSERT INTO runs (id, baseline_id, path, sha256, run) VALUES (?, ?, ?, ?, ?)",
                    (run.id, run.id, run.path, run.circumstances.sha256, msgspec.json.encode(run).decode()),
                )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                with self._db:
                    yield self._db
            except sqlite3.Error as error:
                raise _unusable(error) from error


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=5.0, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        version: int = db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise StillroomError(
                "The golden answers were written by a newer Stillroom (schema {found}, here {known}).",
                "Update Stillroom to open them. The file has not been changed.",
                found=version,
                known=len(MIGRATIONS),
            )
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            db.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")
    except BaseException:
        db.close()
        raise
    return db


def _unusable(error: sqlite3.Error) -> StillroomError:
    return StillroomError(
        "The golden answers could not be read or written: {reason}.",
        "Check that the disk is not full and that Stillroom's data folder may be written to.",
        reason=str(error),
    )
