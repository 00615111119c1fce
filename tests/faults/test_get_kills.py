"""A window that is killed while it gets and loads a model: in the next one the table, the cards, the
recommendation and the model picker agree with the disk: at once, at the end, once the model is deleted.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.catalogue.catalogue import catalogue
from tests.support.hub import LoopbackHub
from tests.support.tiny_models import make_sharded_model

KILLS = int(os.environ.get("STILLROOM_GET_KILLS", "100"))
SHARDS = 4
COMPARED = 3
"""So often each start compares."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    folder = make_sharded_model(tmp_path, SHARDS)
    with LoopbackHub() as server:
        for model in catalogue():
            server.add(model.repo, folder)
        monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
        yield server


def compare_and_kill(seed: int, points: random.Random) -> tuple[str, int]:
    """Start a window, let it compare, and kill it while it does all of it again; at what it was killed, and
    how many of its comparisons agreed."""
    command = [sys.executable, "-m", "tests.support.get_child", str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            agreed, steps, after, at = 0, 0, -1, ""
            for line in child.stdout:
                word, _, value = line.decode().partition(" ")
                if word == "again":
                    # As far as it went the first time, its load among it.
                    after = points.randrange(1, max(steps, 20) + 1)
                    steps, at = 0, "again"
                elif word == "step":
                    steps += 1
                    at = str(json.loads(value)[0])
                else:
                    assert word == "agrees", line.decode()
                    agreed += 1
                if 0 <= after <= steps or (after > 0 and at == "loaded"):
                    # Between two steps, too.
                    time.sleep(points.uniform(0.0, 0.1))
                    break
            else:
                assert child.stderr is not None
                raise AssertionError(child.stderr.read().decode()[-3000:])
        finally:
            child.send_signal(signal.SIGKILL)
    return at, agreed


def kill_and_compare(hub: LoopbackHub, times: int, seed: int) -> tuple[Counter[str], int]:
    """Kill so often, each time compared by the next start; at what, and how many comparisons agreed."""
    points = random.Random(seed)
    at: Counter[str] = Counter()
    agreed = 0
    for number in range(times + 1):
        hub.bytes_per_s = points.choice((0, 8e6, 20e6))
        killed_at, agrees = compare_and_kill(seed + number, points)
        assert agrees == COMPARED
        agreed += agrees
        # The last start only compares.
        if number < times:
            at[killed_at] += 1
    return at, agreed


def test_what_is_shown_after_a_kill_agrees_with_the_disk(hub: LoopbackHub) -> None:
    kill_and_compare(hub, 1, 3)


@pytest.mark.faults
@pytest.mark.timeout(14400)
def test_what_is_shown_after_a_hundred_kills_agrees_with_the_disk(
    hub: LoopbackHub, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("STILLROOM_SEED", "25"))
    at, agreed = kill_and_compare(hub, KILLS, seed)
    with capsys.disabled():
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(at.items()))
        print(f"\n{sum(at.values())} kills (seed {seed}; {kinds}): {agreed} comparisons after them agreed")
