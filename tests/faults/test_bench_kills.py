"""A benchmark that is killed goes on where it was: no turn is run twice, no earlier run is lost."""

import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from app.bench.results.history import BenchmarkHistory
from tests.support.bench_child import HISTORY, SUITE
from tests.support.bench_reports import make_report
from tests.support.starter_variants import shallow_path

KILLS = int(os.environ.get("STILLROOM_BENCH_KILLS", "30"))

TURNS = len(SUITE.steps) * SUITE.repeats


def kept_turns(folder: Path) -> set[tuple[str, int]]:
    """Read what is on the disk of the run under way."""
    with closing(sqlite3.connect(folder / HISTORY)) as db:
        return set(db.execute("SELECT step, repeat FROM turns"))


def run_until(folder: Path, line: int | None) -> tuple[list[tuple[str, int]], bool]:
    """Run the benchmark and kill it when it has told so many turns; None lets it end. What it told, and
    whether it ended by itself."""
    told: list[tuple[str, int]] = []
    command = [sys.executable, "-m", "tests.support.bench_child", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for text in child.stdout:
            key, repeat = text.split()
            told.append((key, int(repeat)))
            if line is not None and len(told) >= line:
                child.kill()
                break
        child.stdout.read()
    return told, child.returncode == 0


def kill_and_go_on(folder: Path, moments: list[int]) -> int:
    """Kill the benchmark each time when it has told so many turns, then let it end, and check each part.

    Returns how often a run went on.
    """
    shallow_path()
    before = make_report("earlier")
    history = BenchmarkHistory(folder / HISTORY)
    history.add(before)
    history.close()
    finished = 0
    for moment in [*moments, None]:
        kept = kept_turns(folder)
        told, ended = run_until(folder, moment)
        measured = [turn for turn in told if turn[1]]
        assert not kept & set(measured), "a turn that was on the disk was run again"
        assert len(set(measured)) == len(measured), "a turn was run twice"
        finished += ended
        assert kept_turns(folder) == set() if ended else kept <= kept_turns(folder)
    history = BenchmarkHistory(folder / HISTORY)
    reports = history.reports()
    history.close()
    assert before in reports
    runs = [report for report in reports if report.suite == SUITE.name]
    assert len(runs) == finished >= 1
    for run in runs:
        assert [len(measure.samples) for measure in run.measures if measure.key != "peak_ram"] == [3] * 6
    return sum(run.interruptions for run in runs)


def test_a_killed_benchmark_goes_on(tmp_path: Path) -> None:
    assert kill_and_go_on(tmp_path, [11]) == 1


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_a_benchmark_killed_at_random_points_goes_on(tmp_path: Path) -> None:
    draw = random.Random(KILLS)
    moments = [draw.randint(1, TURNS) for _ in range(KILLS)]
    print(f"\n{KILLS} kills; runs went on {kill_and_go_on(tmp_path, moments)} times")
