"""The stores of measurements have much in common; with their real SQLite files."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.base.errors import StillroomError
from app.bench.drift.store import DriftStore
from app.bench.quality.store import QualityStore
from app.bench.results.history import BenchmarkHistory
from app.bench.results.run_database import BenchDatabase

NO_DATABASE = b"this is not SQLite, it is a text of some length, longer than a header" * 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "runs.sqlite3"


@pytest.fixture(params=[BenchmarkHistory, QualityStore, DriftStore])
def store(request: pytest.FixtureRequest) -> type[BenchDatabase]:
    kind: type[BenchDatabase] = request.param
    return kind


@pytest.fixture
def opened(store: type[BenchDatabase], path: Path) -> Iterator[BenchDatabase]:
    with closing(store(path)) as made:
        yield made


def test_is_written_through(opened: BenchDatabase, path: Path) -> None:
    with opened.transaction() as db:
        assert db.execute("PRAGMA synchronous").fetchone()[0] == 2
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert db.execute("PRAGMA user_version").fetchone()[0] == len(opened.migrations)


def test_nothing_of_a_transaction_that_fails_is_kept(opened: BenchDatabase) -> None:
    def half() -> None:
        with opened.transaction() as db:
            db.execute("INSERT INTO extra VALUES (1)")
            db.execute("INSERT INTO nowhere VALUES (1)")

    with opened.transaction() as db:
        db.execute("CREATE TABLE extra (n INTEGER)")
    with pytest.raises(StillroomError, match="could not be read or written"):
        half()
    with opened.transaction() as db:
        assert db.execute("SELECT count(*) FROM extra").fetchone()[0] == 0


def test_a_file_that_is_no_database_is_set_aside(store: type[BenchDatabase], path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(NO_DATABASE)
    with closing(store(path)) as made:
        assert made.recovery is not None
        assert made.recovery.damaged is not None
        assert made.recovery.damaged.read_bytes() == NO_DATABASE
        with made.transaction() as db:
            assert db.execute("SELECT count(*) FROM runs").fetchone()[0] == 0


def test_a_newer_file_is_refused_and_left_alone(
    store: type[BenchDatabase], opened: BenchDatabase, path: Path
) -> None:
    opened.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StillroomError, match="newer Stillroom"):
        store(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == 99


def test_a_folder_that_cannot_hold_it_is_an_error_in_words(
    store: type[BenchDatabase], tmp_path: Path
) -> None:
    (tmp_path / "runs").write_text("It is no folder.")
    with pytest.raises(StillroomError, match="could not be read or written"):
        store(tmp_path / "runs" / "runs.sqlite3")
