"""The models are whole in one folder or the other wherever their move is killed, and it goes on."""

import hashlib
import random
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from models.store.manifest import BuiltFile
from models.store.store import ModelStore
from tests.support.move_child import bytes_below, place
from tests.support.waiting import wait_until

MODELS, MODEL_BYTES = 4, 24 << 20


def make_home(root: Path, seed: int) -> dict[str, str]:
    """Make a home with models of random bytes; their hashes by name."""
    store = ModelStore(root / "data" / "models")
    rng = random.Random(seed)
    for number in range(MODELS):
        path = store.work_folder(f"m{number}") / "made.gguf"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"GGUF" + rng.randbytes(MODEL_BYTES))
        store.add(f"m{number}", [BuiltFile("Q8_0", path, "ab", path.stat().st_size)])
    return hashes(store)


def hashes(store: ModelStore) -> dict[str, str]:
    return {
        model.name: hashlib.sha256(model.path.read_bytes()).hexdigest() for model in store.listing().models
    }


def start(home: Path, target: Path, *stop_bytes: int) -> subprocess.Popen[str]:
    given = map(str, (home, target, *stop_bytes))
    command = [sys.executable, "-m", "tests.support.move_child", *given]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline() == "ready\n"
    return child


def present(home: Path) -> dict[str, str]:
    return hashes(ModelStore(place(home).folder))


def kill_stopped(home: Path, target: Path, stop_bytes: int) -> None:
    """Kill a move that has stopped by itself where so many bytes were copied."""
    child = start(home, target, stop_bytes)
    process = psutil.Process(child.pid)
    wait_until(lambda: process.status() == psutil.STATUS_STOPPED, "the move to stop")
    child.kill()
    child.wait()


def kill_in_passing(home: Path, target: Path, most_bytes: int) -> None:
    """Kill a move that goes on, or has ended, some time after so many bytes were copied."""
    child = start(home, target)
    wait_until(lambda: child.poll() is not None or bytes_below(target) >= most_bytes, "so much copied")
    child.send_signal(signal.SIGKILL)
    child.wait()


def go_on(home: Path, target: Path, expected: dict[str, str]) -> None:
    """Compare what a kill has left, and let the move go on to its end."""
    assert present(home) == expected
    if place(home).unfinished is not None:
        assert start(home, target).wait() == 0
    assert place(home).folder == target
    assert present(home) == expected
    assert not (home / "data" / "models").exists()
    assert not list(target.rglob("*.moving*"))


@pytest.mark.parametrize("share", [0.1, 0.6, 1.0])
def test_a_killed_move_goes_on(tmp_path: Path, share: float) -> None:
    expected = make_home(tmp_path, 1)
    target = tmp_path / "other disk" / "models"
    kill_stopped(tmp_path, target, int(share * MODELS * MODEL_BYTES))
    assert place(tmp_path).unfinished == target
    go_on(tmp_path, target, expected)


def test_a_killed_move_is_undone(tmp_path: Path) -> None:
    expected = make_home(tmp_path, 2)
    target = tmp_path / "other disk" / "models"
    # In its second file.
    kill_stopped(tmp_path, target, MODEL_BYTES * 3 // 2)
    again = place(tmp_path)
    assert again.unfinished == target
    again.undo()
    assert (again.unfinished, present(tmp_path)) == (None, expected)
    assert not target.exists()


@pytest.mark.faults
@pytest.mark.parametrize("point", range(50))
def test_a_move_is_killed_at_a_random_point(tmp_path: Path, point: int) -> None:
    expected = make_home(tmp_path, point)
    target = tmp_path / "other disk" / "models"
    share = random.Random(point).uniform(0.0, 1.02)
    kill_in_passing(tmp_path, target, int(share * MODELS * MODEL_BYTES))
    go_on(tmp_path, target, expected)
