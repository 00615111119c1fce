"""A mixture by size or bits whose build is killed anywhere goes on to the bytes of one that was not killed.

`STILLROOM_MIXTURE_KILLS` is how often it is killed (50).
"""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from models.quantisation.chosen_mixture import label_of, label_of_bits
from models.store.manifest import read_manifest
from tests.support.hub import LoopbackHub
from tests.support.make_quality_reference import MODEL
from tests.support.tiny_models import make_tied_model, make_tiny_model

REPO = "owner/mixed"
SIZE, BITS = 3_100_000, 5.5
KILLS = int(os.environ.get("STILLROOM_MIXTURE_KILLS", "50"))


@dataclass(frozen=True, slots=True)
class Wish:
    """A mixture of the model that `hub` has: as it is asked for, and its label."""

    hub: LoopbackHub
    asked: str
    label: str

    def start(self, root: Path) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "tests.support.build_child", self.hub.endpoint, REPO, str(root)]
        return subprocess.Popen([*command, self.asked], stdout=subprocess.PIPE)


@pytest.fixture(params=["output", "tied"])
def wish(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wish]:
    """A size of a model with an output of its own, and bits of one whose embedding is its output."""
    monkeypatch.setenv("HF_TOKEN", "")
    folder = tmp_path / "repository"
    with LoopbackHub() as hub:
        if request.param == "tied":
            hub.add(REPO, make_tied_model(folder))
            yield Wish(hub, str(BITS), label_of_bits(BITS))
        else:
            hub.add(REPO, make_tiny_model(MODEL, folder))
            yield Wish(hub, str(SIZE), label_of(SIZE))


def run(wish: Wish, root: Path) -> tuple[str, list[str]]:
    """Build to the end: the hash of the file that was told, and the stage of each step."""
    with wish.start(root) as child:
        output, _ = child.communicate()
    lines = [line.split() for line in output.decode().splitlines()]
    assert child.returncode == 0, output.decode()[-2000:]
    built = [line for line in lines if line[0] == "built"]
    assert [line[1] for line in built] == [wish.label]
    return built[0][2], [line[0] for line in lines if line[0] != "built"]


def kill_after(wish: Wish, root: Path, steps: int) -> tuple[str, int]:
    """Start a build and kill it after so many steps; the stage it was in, "" where it had ended before, and
    the steps that were seen."""
    stage, seen = b"start", 0
    with wish.start(root) as child:
        assert child.stdout is not None
        for _ in range(steps):
            line = child.stdout.readline()
            if not line:
                break
            stage, seen = line.split()[0], seen + 1
        child.send_signal(signal.SIGKILL)
        child.wait()
    return stage.decode() if child.returncode == -signal.SIGKILL else "", seen


def assert_ended_well(wish: Wish, root: Path, right: str) -> None:
    """One file with the right bytes, and nothing that was made in passing."""
    models = root / "models"
    [file] = models.rglob("*.gguf")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == right
    [output] = read_manifest(file.parent).outputs
    assert (output.type, output.sha256) == (wish.label, right)
    assert output.mixture is not None
    assert not [path for path in models.rglob(".making/**/*") if path.is_file()]


def kill_and_rerun(wish: Wish, parent: Path, kills: int, rng: random.Random) -> Counter[str]:
    """Kill builds at random steps, several times in one build now and then; how many kills in which stage."""
    right, steps = run(wish, parent / "right")
    assert_ended_well(wish, parent / "right", right)
    assert "sensitivity" in steps
    at: Counter[str] = Counter()
    number, most = 0, len(steps)
    while at.total() < kills:
        root = parent / str(number)
        number += 1
        for attempt in range(min(rng.choice((1, 2, 3, 5)), kills - at.total())):
            stage, seen = kill_after(wish, root, rng.randrange(most))
            if not stage:
                # A computer that has become quicker tells fewer steps.
                most = max(1, seen) if attempt == 0 else most
                break
            at[stage] += 1
        assert run(wish, root)[0] == right
        assert_ended_well(wish, root, right)
        shutil.rmtree(root)
    return at


def test_two_builds_have_the_same_bytes_also_after_a_kill(wish: Wish, tmp_path: Path) -> None:
    assert kill_and_rerun(wish, tmp_path, 1, random.Random(4)).total() == 1


@pytest.mark.faults
@pytest.mark.timeout(7200)
def test_fifty_kills_of_a_mixture(wish: Wish, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("STILLROOM_SEED", "29"))
    at = kill_and_rerun(wish, tmp_path, KILLS, random.Random(seed))
    with capsys.disabled():
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(at.items()))
        print(f"\n{at.total()} kills of {wish.label} (seed {seed}; {kinds}): all files have the same bytes")
