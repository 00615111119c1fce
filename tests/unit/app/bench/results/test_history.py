"""The real SQLite file."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.bench.results.history import MIGRATIONS, BenchmarkHistory
from app.bench.results.report import report_to_json
from tests.support.bench_reports import make_report


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "benchmarks.sqlite3"


@pytest.fixture
def history(path: Path) -> Iterator[BenchmarkHistory]:
    history = BenchmarkHistory(path)
    yield history
    history.close()


def test_runs_come_back_newest_first(path: Path, history: BenchmarkHistory) -> None:
    older = make_report("a", started_at="2026-11-01T10:00:00Z")
    newer = make_report("b", started_at="2026-11-02T10:00:00Z")
    history.add(newer)
    history.add(older)
    assert history.reports() == [newer, older]
    history.close()
    again = BenchmarkHistory(path)
    assert again.reports() == [newer, older]
    again.close()


def test_a_deleted_run_comes_back_until_the_next_opening(path: Path, history: BenchmarkHistory) -> None:
    history.add(make_report("a"))
    history.add(make_report("b"))
    history.delete(["a"])
    assert [run.id for run in history.reports()] == ["b"]
    history.restore(["a"])
    assert {run.id for run in history.reports()} == {"a", "b"}
    history.delete(["a"])
    history.close()
    again = BenchmarkHistory(path)
    again.restore(["a"])
    assert [run.id for run in again.reports()] == ["b"]
    again.close()


def test_the_latest_run_of_a_model_and_suite(history: BenchmarkHistory) -> None:
    history.add(make_report("a", started_at="2026-11-01T10:00:00Z"))
    history.add(make_report("b", started_at="2026-11-02T10:00:00Z"))
    history.add(make_report("c", started_at="2026-11-03T10:00:00Z", sha256="cd" * 32))
    latest = history.latest("speed", "ab" * 32)
    assert latest is not None
    assert latest.id == "b"
    assert history.latest("quick", "ab" * 32) is None


def test_a_hash_is_known_until_the_file_changes(tmp_path: Path, history: BenchmarkHistory) -> None:
    model = tmp_path / "m.gguf"
    model.write_bytes(b"one")
    assert history.known_sha256(model) is None
    history.note_sha256(model, "11" * 32)
    assert history.known_sha256(model) == "11" * 32
    model.write_bytes(b"three")
    assert history.known_sha256(model) is None


def test_a_run_survives_a_killed_writer(path: Path) -> None:
    script = """
import os, signal, sys
from pathlib import Path
from app.bench.results.history import BenchmarkHistory
from tests.support.bench_reports import make_report
BenchmarkHistory(Path(sys.argv[1])).add(make_report("kept"))
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script, str(path)], check=False, timeout=60)
    history = BenchmarkHistory(path)
    assert [run.id for run in history.reports()] == ["kept"]
    history.close()


def test_runs_of_an_earlier_version_stay(path: Path) -> None:
    report = make_report()
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as db:
        db.executescript(f"{MIGRATIONS[0]}; PRAGMA user_version = 1;")
        document = json.loads(report_to_json(report))
        # What that version did not know yet.
        for field in ("ceilings", "limits", "not_measured", "sections", "source", "interruptions"):
            del document[field]
        db.execute(
            "INSERT INTO runs (id, started_at, suite, model_sha256, report) VALUES (?, ?, ?, ?, ?)",
            (report.id, report.started_at, report.suite, report.model.sha256, json.dumps(document)),
        )
        db.commit()
    with closing(BenchmarkHistory(path)) as history:
        assert history.reports() == [report]
