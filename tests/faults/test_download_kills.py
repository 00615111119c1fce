"""A download that is killed goes on, ends with the right bytes, and fetches little twice."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hub import LoopbackHub

REPO = "owner/large-model"
FILES = {"model-00001-of-00002.safetensors": 40 << 20, "model-00002-of-00002.safetensors": 24 << 20}
TOTAL = sum(FILES.values())
MOST_TWICE = 8 << 20


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large-model")
    rng = random.Random(3)
    for name, size in FILES.items():
        (folder / name).write_bytes(rng.randbytes(size))
    (folder / "config.json").write_text(json.dumps({"architectures": ["Qwen2ForCausalLM"]}))
    return folder


@pytest.fixture
def hub(repository: Path) -> Iterator[LoopbackHub]:
    with LoopbackHub() as server:
        server.add(REPO, repository)
        yield server


def start(hub: LoopbackHub, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.support.download_child", hub.endpoint, REPO, str(folder)]
    return subprocess.Popen(command, env={**os.environ, "HF_TOKEN": ""})


def kill_after(hub: LoopbackHub, folder: Path, served_bytes: int) -> int:
    """Start a download, kill it once `served_bytes` more have been sent; bytes the server sent to it."""
    before = hub.bytes_served.total()
    child = start(hub, folder)
    with hub.served:
        assert hub.served.wait_for(lambda: hub.bytes_served.total() - before >= served_bytes, 60)
    child.send_signal(signal.SIGKILL)
    child.wait()
    for name in FILES:
        assert_whole_or_absent(hub, folder, name)
    return hub.bytes_served.total() - before


def assert_whole_or_absent(hub: LoopbackHub, folder: Path, name: str) -> None:
    file = folder / name
    if file.exists():
        expected, _ = hub.hashes(hub.repos[REPO].folder / name)
        assert hashlib.sha256(file.read_bytes()).hexdigest() == expected


def finish(hub: LoopbackHub, folder: Path) -> None:
    child = start(hub, folder)
    assert child.wait(timeout=120) == 0
    for name in FILES:
        assert (folder / name).is_file()
        assert_whole_or_absent(hub, folder, name)
    assert not list(folder.glob("*.part*"))


@pytest.mark.parametrize("megabytes_per_s", [0, 60])
def test_three_kills_in_one_download(hub: LoopbackHub, tmp_path: Path, megabytes_per_s: int) -> None:
    hub.bytes_per_s = megabytes_per_s * 1e6
    for _ in range(3):
        kill_after(hub, tmp_path, 16 << 20)
    hub.bytes_per_s = 0
    finish(hub, tmp_path)
    assert hub.bytes_served.total() - TOTAL <= 3 * MOST_TWICE


@pytest.mark.faults
def test_fifty_kills_at_random_points(
    hub: LoopbackHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random()
    twice = []
    for number in range(50):
        hub.bytes_served.clear()
        hub.bytes_per_s = rng.choice([0, 20e6, 100e6])
        point = rng.randrange(1, TOTAL)
        folder = tmp_path / str(number)
        kill_after(hub, folder, point)
        hub.bytes_per_s = 0
        finish(hub, folder)
        twice.append(hub.bytes_served.total() - TOTAL)
        assert twice[-1] <= MOST_TWICE, f"killed after {point} bytes"
        for file in folder.iterdir():
            file.unlink()
    with capsys.disabled():
        mean = sum(twice) / len(twice)
        print(f"\n50 kills: {mean / 1e6:.2f} MB fetched twice on average, {max(twice) / 1e6:.2f} MB at most")
