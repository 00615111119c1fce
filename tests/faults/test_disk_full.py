"""A disk that fills up anywhere in a hub build: a clear message, nothing half-made, and then it goes on."""

import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.test_hub_build_kills import REPO, SHARDS, TYPES, assert_only_finished_models, run
from tests.support.full_disk import fill, small_disk
from tests.support.hub import LoopbackHub
from tests.support.tiny_models import make_sharded_model

DISK_BYTES = 96 << 20
NEEDED = re.compile(r"refused .*\bneeds? [\d.]+ [kMG]?B\b|refused .*\b[\d.]+ [kMG]?B more are needed")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own; needs the right to mount one."""
    with small_disk(tmp_path / "disk", DISK_BYTES) as folder:
        yield folder


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    monkeypatch.setenv("HF_TOKEN", "")
    with LoopbackHub() as server:
        server.add(REPO, make_sharded_model(tmp_path, SHARDS))
        yield server


def build_and_fill(hub: LoopbackHub, disk: Path, steps: int, left_bytes: int) -> tuple[int, str, Path]:
    """Start a build, fill the disk after so many steps; its exit code and what it printed."""
    command = [sys.executable, "-m", "tests.support.build_child", hub.endpoint, REPO, str(disk), *TYPES]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(steps)]
        filler = fill(disk, left_bytes)
        rest, problems = child.communicate()
        assert b"Traceback" not in problems, problems.decode()
    return child.returncode, (b"".join(told) + rest).decode(), filler


def fill_and_rerun(hub: LoopbackHub, disk: Path, right_at: Path, points: int) -> int:
    """Fill the disk at that many points; how many builds it stopped."""
    rng = random.Random(20)
    right, steps = run(hub, right_at)
    stopped = 0
    while stopped < points:
        hub.bytes_per_s = rng.choice((0, 40e6))
        code, told, filler = build_and_fill(
            hub, disk, rng.randrange(0, steps), rng.choice((0, 1 << 20, 4 << 20))
        )
        assert_only_finished_models(disk, right)
        if code:
            assert NEEDED.search(told), told[-600:]
            stopped += 1
        filler.unlink()
        assert run(hub, disk)[0] == right
        shutil.rmtree(disk / "models")
    return stopped


def test_a_disk_that_fills_up(hub: LoopbackHub, disk: Path, tmp_path: Path) -> None:
    fill_and_rerun(hub, disk, tmp_path / "right", 1)


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_a_disk_that_fills_up_at_twenty_points(
    hub: LoopbackHub, disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = fill_and_rerun(hub, disk, tmp_path / "right", 20)
    with capsys.disabled():
        print(f"\n{stopped} builds stopped by a full disk: each said what it needs, and went on after")
