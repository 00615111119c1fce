"""The window lives on when the engine's process dies under it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.faults import FATAL, MOMENTS


def kill_under_a_window(home: Path, *times: str) -> dict[str, int]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.window_kills", *times],
        env=os.environ | {"STILLROOM_HOME": str(home), "QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.PIPE,
        check=True,
    )
    counts: dict[str, int] = json.loads(done.stdout)
    return counts


@pytest.mark.timeout(600)
def test_each_death_costs_one_reply(tmp_path: Path) -> None:
    counts = kill_under_a_window(tmp_path)
    assert len(counts) == len(FATAL)
    assert set(counts.values()) == {1}


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_ten_of_each_death_cost_one_reply_each(tmp_path: Path) -> None:
    counts = kill_under_a_window(tmp_path, "10")
    assert len(counts) == len(FATAL) * len(MOMENTS)
    assert set(counts.values()) == {10}
