"""The disk fills up at a random moment of ordinary use: told with the bytes, nothing lost, no process left,
and the next start, on the full disk, works and goes on once there is space.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.ends import Tree
from tests.support.full_disk import fill, small_disk
from tests.support.full_disk_child import SENTENCE, WORKS
from tests.support.hub import LoopbackHub
from tests.support.tiny_models import make_sharded_model

TIMES = int(os.environ.get("STILLROOM_FULL_DISKS", "40"))
DISK_BYTES = 112 << 20
REPO = "owner/full"
LONGEST_S = 2.0
GONE_S = 60.0


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sharded_model(tmp_path_factory.mktemp("repository"), 4)


@pytest.fixture
def hub(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    with LoopbackHub() as server:
        server.add(REPO, repository)
        monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
        yield server


class Window:
    """A child window, what it tells, and its processes."""

    def __init__(self, home: Path, work: str) -> None:
        # Not a pipe: nobody would empty it meanwhile.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.full_disk_child", work, REPO],
            env={**os.environ, "STILLROOM_HOME": str(home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self._tree = Tree(self._process.pid)
        self.told: dict[str, Any] = {}

    def until(self, word: str = "") -> None:
        """Read what it tells until it tells this, or until its end."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said, _, value = line.decode().partition(" ")
            if value:
                self.told[said] = json.loads(value)
            self._tree.look()
            if said == word:
                return

    def go_on(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()

    def end(self) -> dict[str, Any]:
        """Wait for its end; what it told. Nothing of it may be left."""
        try:
            self.until()
            self._tree.gone_s(time.monotonic())
            status = self._process.wait(GONE_S)
            self._errors.seek(0)
            errors = self._errors.read().decode("utf-8", "replace")
            assert status == 0, errors[-3000:]
            assert "Traceback" not in errors, errors[-3000:]
            assert "failed" not in self.told, self.told["failed"]
            return self.told
        finally:
            self._tree.kill()
            for stream in (self._process.stdin, self._process.stdout, self._errors):
                if stream is not None:
                    stream.close()


def fill_at(home: Path, work: str, delay_s: float) -> dict[str, Any]:
    """Fill the disk so long after the work has begun; what the window told until its end."""
    window = Window(home, work)
    window.until("begun" if work == "start" else "at")
    time.sleep(delay_s)
    fill(home)
    if work != "close":
        window.go_on()
    return window.end()


def one_moment(folder: Path, hub: LoopbackHub, work: str, rng: random.Random) -> None:
    """One home whose disk fills up, and the next start on it."""
    with small_disk(folder, DISK_BYTES) as home:
        prepare(home)
        hub.bytes_per_s = rng.choice((2e6, 8e6)) if work == "download" else 0
        kept = fill_at(home, work, rng.uniform(0.0, 0.05 if work == "close" else LONGEST_S))
        if work != "close":
            assert SENTENCE.search(kept["told"]), kept
        hub.bytes_per_s = 0
        found = Window(home, "look").end()
        assert SENTENCE.search(found["told"])
        there = found["found"]
        assert "made before" in there["titles"]
        assert "made after" in there["titles"]
        for draft in kept["kept"]["drafts"]:
            assert draft in there["drafts"], (work, there)
        if work == "chat":
            [reply] = there["replies"][str(kept["kept"]["chat"])]
            assert reply.startswith(kept["kept"]["reply"].strip())
        if work in ("download", "build"):
            assert sorted(there["models"]) == ["Q4_K_M", "Q8_0"]


def prepare(home: Path) -> None:
    """A home with a chat, and with the reserve that an earlier start has set aside."""
    code = (
        "from contextlib import closing\nfrom app.base.disk_reserve import set_reserve_aside\n"
        "from app.base.paths import app_paths\nfrom app.chat.store.store import ChatStore\n"
        "with closing(ChatStore(app_paths().chats)) as store:\n"
        "    store.create_conversation(title='made before')\n"
        "    store.write_again()\n"
        "set_reserve_aside(app_paths().data)\n"
    )
    environment = {**os.environ, "STILLROOM_HOME": str(home)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


@pytest.mark.parametrize("work", ["chat", "start"])
def test_a_disk_that_fills_up_in_ordinary_use(tmp_path: Path, hub: LoopbackHub, work: str) -> None:
    one_moment(tmp_path / "disk", hub, work, random.Random(4))


@pytest.mark.faults
@pytest.mark.timeout(14400)
def test_disks_that_fill_up_at_forty_moments_of_ordinary_use(
    tmp_path: Path, hub: LoopbackHub, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("STILLROOM_SEED", "40"))
    rng = random.Random(seed)
    done: Counter[str] = Counter()
    for number in range(TIMES):
        work = list(WORKS)[number % len(WORKS)]
        # A failure is of the last that is named; STILLROOM_SEED brings its moment back.
        with capsys.disabled():
            print(f"\nfull disk {number + 1} of {TIMES}: {work} (seed {seed})", end="", flush=True)
        one_moment(tmp_path / "disk", hub, work, rng)
        done[work] += 1
    with capsys.disabled():
        kinds = ", ".join(f"{work} {count}" for work, count in done.items())
        print(f"\n{sum(done.values())} full disks (seed {seed}; {kinds}): told, nothing lost, gone on")
