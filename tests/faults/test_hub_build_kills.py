"""A hub build that is killed anywhere: its rerun gives the same bytes, and nothing is loadable before."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.store.manifest import read_manifest
from tests.support.hub import LoopbackHub
from tests.support.tiny_models import make_sharded_model

REPO = "owner/killed"
TYPES = ("Q4_K_M", "Q8_0", "BF16")
SHARDS = 4
KILLS = 200


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sharded_model(tmp_path_factory.mktemp("repository"), SHARDS)


@pytest.fixture
def hub(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    monkeypatch.setenv("HF_TOKEN", "")
    with LoopbackHub() as server:
        server.add(REPO, repository)
        yield server


def start(hub: LoopbackHub, root: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.support.build_child", hub.endpoint, REPO, str(root), *TYPES]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def run(hub: LoopbackHub, root: Path) -> tuple[dict[str, str], int]:
    """Build to the end: the hash of each file by its type, and the number of steps that were told."""
    with start(hub, root) as child:
        output, _ = child.communicate()
    lines = [line.split() for line in output.decode().splitlines()]
    assert child.returncode == 0, output.decode()[-2000:]
    return {line[1]: line[2] for line in lines if line[0] == "built"}, len(lines)


def kill_after(hub: LoopbackHub, root: Path, steps: int) -> bool:
    """Start a build and kill it after so many steps; whether it was killed before its end."""
    with start(hub, root) as child:
        assert child.stdout is not None
        for _ in range(steps):
            if not child.stdout.readline():
                break
        child.send_signal(signal.SIGKILL)
        child.wait()
    return child.returncode == -signal.SIGKILL


def assert_only_finished_models(root: Path, right: dict[str, str]) -> None:
    models = root / "models"
    loadable = [file for file in models.rglob("*.gguf") if ".making" not in file.parts]
    for file in loadable:
        assert hashlib.sha256(file.read_bytes()).hexdigest() == right[file.stem]
    for file in models.rglob(".making/**/*.gguf"):
        # Named and whole, on its way into the store.
        assert hashlib.sha256(file.read_bytes()).hexdigest() in right.values()
    for folder in {file.parent for file in loadable if (file.parent / "manifest.json").exists()}:
        for output in read_manifest(folder).outputs:
            assert output.sha256 == right[output.type]


def kill_and_rerun(hub: LoopbackHub, parent: Path, kills: int, rng: random.Random) -> int:
    """Kill builds at random steps, several times in one build now and then; how many kills there were."""
    right, steps = run(hub, parent / "right")
    done = number = 0
    while done < kills:
        root = parent / str(number)
        number += 1
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            hub.bytes_per_s = rng.choice((0, 20e6, 60e6))
            done += kill_after(hub, root, rng.randrange(1, steps + len(TYPES)))
            assert_only_finished_models(root, right)
        hub.bytes_per_s = 0
        assert run(hub, root)[0] == right
        assert sorted(file.stem for file in (root / "models").rglob("*.gguf")) == sorted(TYPES)
        assert not [file for file in (root / "models").rglob(".making/**/*") if file.is_file()]
        assert not any((root / "checkpoints").iterdir())
        shutil.rmtree(root)
    return done


def test_a_kill_of_a_hub_build(hub: LoopbackHub, tmp_path: Path) -> None:
    kill_and_rerun(hub, tmp_path, 1, random.Random(3))


@pytest.mark.faults
@pytest.mark.timeout(7200)
def test_two_hundred_kills_of_a_hub_build(
    hub: LoopbackHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("STILLROOM_SEED", "200"))
    done = kill_and_rerun(hub, tmp_path, KILLS, random.Random(seed))
    with capsys.disabled():
        print(f"\n{done} kills of a hub build (seed {seed}): every rerun ended with the same bytes")
