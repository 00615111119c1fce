"""A quality run that is killed at random points goes on, runs no item twice, and loses nothing.

`STILLROOM_QUALITY_KILLS` is how often it is killed (30).
"""

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from models.catalogue.starter import starter_file

KILLS = int(os.environ.get("STILLROOM_QUALITY_KILLS", "30"))
LONGEST_S = 2.0
COMMAND = [sys.executable, "-m", "app", "bench", "starter", "--suite", "quality", "--json"]
SMALL = ["--items", "8", "--max-tokens", "12", "--kind", "intent", "--kind", "maths", "--kind", "dialogue"]

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]


def start(home: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*COMMAND, *SMALL],
        env={**os.environ, "STILLROOM_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def wait(process: "subprocess.Popen[bytes]", seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def count(home: Path) -> int:
    """Count the results that are kept while the program works on them."""
    path = home / "data" / "quality.sqlite3"
    if not path.exists():
        return 0
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        found: int = db.execute("SELECT count(*) FROM results").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
    finally:
        db.close()
    return found


def rows(home: Path) -> list[tuple[str, str, str]]:
    """Run, item and result, in the order in which they were kept."""
    path = home / "data" / "quality.sqlite3"
    if not path.exists():
        return []
    db = sqlite3.connect(path)
    try:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return db.execute("SELECT run_id, item_id, result FROM results ORDER BY rowid").fetchall()
    except sqlite3.OperationalError:
        return []  # killed before the tables were made
    finally:
        db.close()


@pytest.mark.skipif(starter_file() is None, reason="the starter extra is not installed")
def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    die = random.Random(6)
    kept: list[tuple[str, str, str]] = []
    finished_runs = 0
    for _ in range(KILLS):
        process = start(tmp_path)
        enough = len(kept) + die.randrange(3)
        while process.poll() is None and count(tmp_path) < enough:
            wait(process, 0.1)
        wait(process, die.uniform(0.0, LONGEST_S))
        finished_runs += process.poll() == 0
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        now = rows(tmp_path)
        assert now[: len(kept)] == kept, "a kept result was lost or changed"
        assert len({(run, item) for run, item, _ in now}) == len(now), "an item was run twice"
        kept = now
    started_s = time.monotonic()
    process = start(tmp_path)
    output, _ = process.communicate()
    assert process.returncode == 0
    report = json.loads(output)
    assert report["finished"] is True
    assert len({item["id"] for item in report["items"]}) == len(report["items"]) == 24
    print(
        f"\n{KILLS} kills, {finished_runs} runs ended by themselves, {len(kept)} results kept meanwhile, "
        f"the last run took {time.monotonic() - started_s:.0f} s"
    )
