"""The models are whole in one folder or the other wherever their move is killed, and it goes on."""

import contextlib
import hashlib
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from models.store.manifest import BuiltFile
from models.store.store import ModelStore
from tests.support.move_child import place
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


def start(home: Path, target: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.support.move_child", str(home), str(target)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline() == "ready\n"
    return child


def present(home: Path) -> dict[str, str]:
    return hashes(ModelStore(place(home).folder))


def bytes_below(folder: Path) -> int:
    """Sum the files of a folder in which they come and get their names meanwhile."""
    total = 0
    for file in folder.rglob("*") if folder.exists() else ():
        with contextlib.suppress(FileNotFoundError):
            total += file.stat().st_size
    return total


def kill_and_go_on(home: Path, share: float, seed: int) -> None:
    """Kill a move when about that share of it is copied, compare, and let it go on to its end."""
    expected = make_home(home, seed)
    target = home / "other disk" / "models"
    child = start(home, target)
    until = share * MODELS * MODEL_BYTES
    wait_until(lambda: child.poll() is not None or bytes_below(target) >= until, "so much copied")
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert present(home) == expected
    if place(home).unfinished is not None:
        assert start(home, target).wait() == 0
    assert place(home).folder == target
    assert present(home) == expected
    assert not (home / "data" / "models").exists()
    assert not list(target.rglob("*.moving*"))


@pytest.mark.parametrize("share", [0.1, 0.6, 1.0])
def test_a_killed_move_goes_on(tmp_path: Path, share: float) -> None:
    kill_and_go_on(tmp_path, share, 1)


def test_a_killed_move_is_undone(tmp_path: Path) -> None:
    expected = make_home(tmp_path, 2)
    target = tmp_path / "other disk" / "models"
    child = start(tmp_path, target)
    wait_until(lambda: child.poll() is not None or bytes_below(target) >= MODEL_BYTES, "a part of it")
    child.send_signal(signal.SIGKILL)
    child.wait()
    again = place(tmp_path)
    again.undo()
    assert (again.unfinished, present(tmp_path)) == (None, expected)
    assert not target.exists()


@pytest.mark.faults
@pytest.mark.parametrize("point", range(50))
def test_a_move_is_killed_at_a_random_point(tmp_path: Path, point: int) -> None:
    kill_and_go_on(tmp_path, random.Random(point).uniform(0.0, 1.02), point)
