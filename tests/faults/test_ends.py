"""The window is closed and ended by SIGTERM, and commands by SIGTERM, whatever they are at: gone in time, no
process is left, and all of it goes on at the next start.

`STILLROOM_ENDS` is how often each (20).
"""

import hashlib
import json
import os
import random
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest

from models.catalogue.starter import starter_file
from tests.support.checkpoints import rebuild_starter
from tests.support.ends import GONE_S, MOST_S, End, end_program, window
from tests.support.faults import in_words
from tests.support.hub import LoopbackHub
from tests.support.make_reference import DATA, STARTER_FOLDER

TIMES = int(os.environ.get("STILLROOM_ENDS", "20"))
REPO = "owner/starter"
RUN_S = 15.0
"""In so long a run has the first of its results."""
SLOW_BYTES_PER_S = 6e6
MOST_TWICE = 8 << 20
"""As for a download that is killed."""

LONG = "Tell me about rivers, lakes, seas, mountains and deserts. " * 25
How = Literal["close", "signal", "command", "frozen"]

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(7200),
    pytest.mark.skipif(sys.platform == "win32", reason="sends signals"),
]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    starter = starter_file()
    if starter is None:
        pytest.skip("the starter extra is not installed")
    return rebuild_starter(starter, tmp_path_factory.mktemp("starter") / STARTER_FOLDER)


@pytest.fixture
def hub(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    monkeypatch.setenv("HF_TOKEN", "")
    with LoopbackHub(bytes_per_s=SLOW_BYTES_PER_S) as server:
        server.add(REPO, checkpoint)
        monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
        yield server


class Ends:
    """Ends one kind of work again and again in one home, and looks each time at what is there."""

    def __init__(self, work: str, how: How, home: Path, model: str = "") -> None:
        self._work = work
        self._how = how
        self._home = home
        self._model = model
        self._die = random.Random(f"{work} {how}")
        self.gone_s: list[float] = []
        self.asked = 0
        """Count how often it was asked to end while it was at work."""

    def once(self, longest_s: float = 1.5) -> End:
        """Begin the work, end it at a random moment, and see that it is gone."""
        delay_s = self._die.uniform(0.0, longest_s)
        if self._how == "close":
            end = end_program(window(self._work, "close", delay_s, self._model), self._home)
        elif self._how in ("signal", "frozen"):
            end = end_program(
                window(self._work, "wait", 0.0, self._model),
                self._home,
                sent=signal.SIGTERM,
                delay_s=delay_s,
                freezes=self._how == "frozen",
            )
        else:
            # A command begins with itself, not with its work.
            end = end_program(
                [sys.executable, "-m", "app", *command(self._work, self._model)],
                self._home,
                sent=signal.SIGTERM,
                mark=b"",
                delay_s=delay_s,
            )
        # A command may have been done, or not have got as far as to listen: then it has no other process.
        right = (128 + signal.SIGTERM, 0, -signal.SIGTERM) if self._how == "command" else (0,)
        assert end.status in right, (end.status, end.told)
        self.asked += end.status == right[0]
        assert "failed" not in end.told, end.told
        assert "errors" not in end.told, end.told["errors"]
        assert end.gone_s < MOST_S
        self.gone_s.append(end.gone_s)
        return end

    def __str__(self) -> str:
        late = sum(one > GONE_S for one in self.gone_s)
        what = {
            "close": "window",
            "signal": "window, SIGTERM",
            "command": "command, SIGTERM",
            "frozen": "window, SIGTERM, its other processes stopped",
        }[self._how]
        return (
            in_words(f"{self._work} ({what}) gone after", self.gone_s)
            + f", {late} later than {GONE_S} s, {self.asked} ended in order"
        )


def command(work: str, model: str) -> list[str]:
    """The command that does this."""
    local = ["--local", "--threads", "1"]
    return {
        "load": ["chat", "starter", "Hello.", *local],
        "prefill": ["chat", "starter", LONG, *local],
        "decode": ["chat", "starter", "Tell me a long story about the sea.", "--max-tokens", "1500", *local],
        "download": ["pull", model],
        "build": ["build", model, "--type", "Q8_0", "--type", "Q4_K_M"],
        "benchmark": ["bench", "starter", "--json"],
        "quality": ["bench", "starter", "--suite", "quality", "--json"],
        "code": ["code-tasks", "starter", "--temperature", "0"],
    }[work]


def say(ends: Ends, capsys: pytest.CaptureFixture[str], more: str = "") -> None:
    with capsys.disabled():
        print(f"\n{ends}{more}", flush=True)


def rows(home: Path, file: str, query: str) -> list[tuple[object, ...]]:
    path = home / "data" / file
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        try:
            return db.execute(query).fetchall()
        except sqlite3.OperationalError:
            return []


@pytest.mark.parametrize("how", ["close", "signal", "command"])
@pytest.mark.parametrize("work", ["load", "prefill", "decode"])
def test_a_reply_that_is_under_way(
    work: str, how: How, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = Ends(work, how, tmp_path)
    for number in range(TIMES):
        end = ends.once(0.3 if work == "load" else 0.8)
        if how == "command" or work == "load" or not number:
            continue
        asked, reply = end.told["kept"]["messages"][-2:]
        assert asked[0] == "user"
        assert reply[1] in ("cancelled", "interrupted", "stop", "length"), reply
        if work == "decode":
            assert reply[2].strip(), "what had come is kept"
    say(ends, capsys)


@pytest.mark.parametrize("how", ["close", "signal", "command"])
def test_a_download(how: How, hub: LoopbackHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ends = Ends("download", how, tmp_path / "home", REPO)
    total = sum(file.stat().st_size for file in hub.repos[REPO].files())
    for _ in range(TIMES):
        ends.once()
    hub.bytes_per_s = 0
    _finish(how, "download", tmp_path / "home", REPO)
    twice = hub.bytes_served.total() - total
    assert twice <= TIMES * MOST_TWICE
    if how != "command":
        # Such as it is when nobody ends it.
        _finish("command", "build", tmp_path / "other", REPO)
        assert _made(tmp_path / "home") == _made(tmp_path / "other")
    say(ends, capsys, f"; {twice / 1e6:.1f} MB of {total / 1e6:.0f} were fetched twice in all")


@pytest.mark.parametrize("how", ["close", "signal", "command"])
def test_a_build(how: How, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ends = Ends("build", how, tmp_path, str(checkpoint))
    for _ in range(TIMES):
        ends.once()
    _finish(how, "build", tmp_path, str(checkpoint))
    right = json.loads((DATA / "starter.json").read_text("utf-8"))["outputs"]["Q8_0"]["sha256"]
    assert _made(tmp_path) == right
    say(ends, capsys)


def _finish(how: How, work: str, home: Path, model: str) -> None:
    """Let it end."""
    run = command(work, model) if how == "command" else []
    end = end_program([sys.executable, "-m", "app", *run] if run else window(work, "end", 0.0, model), home)
    assert end.status == 0, end.told


def _made(home: Path) -> str:
    """The hash of the file in 8 bits."""
    [path] = [path for path in home.rglob("*Q8_0*.gguf") if path.is_file()]
    return hashlib.sha256(path.read_bytes()).hexdigest()


KEPT: dict[str, tuple[str, str]] = {
    "benchmark": ("benchmarks.sqlite3", "SELECT step, repeat FROM turns"),
    "quality": ("quality.sqlite3", "SELECT run_id, item_id, result FROM results ORDER BY rowid"),
}


@pytest.mark.parametrize("how", ["close", "signal", "command"])
@pytest.mark.parametrize("work", list(KEPT))
def test_a_run_keeps_its_results(
    work: str, how: How, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = Ends(work, how, tmp_path)
    kept: list[tuple[object, ...]] = []
    for _ in range(TIMES):
        ends.once(2.0 if how != "command" else RUN_S)
        now = rows(tmp_path, *KEPT[work])
        assert set(kept) <= set(now), "a kept result was lost or changed"
        assert len(set(now)) == len(now)
        kept = now
    assert kept or how == "command"
    say(ends, capsys, f"; {len(kept)} results are kept")


@pytest.mark.parametrize("how", ["close", "signal", "command"])
def test_a_program_in_the_sandbox(how: How, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ends = Ends("code", how, tmp_path)
    for _ in range(TIMES):
        ends.once()
    say(ends, capsys)


@pytest.mark.parametrize("work", ["decode", "build", "benchmark", "quality", "code", "api"])
def test_all_of_the_other_processes_are_stopped(
    work: str, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = Ends(work, "frozen", tmp_path, str(checkpoint))
    for _ in range(TIMES):
        ends.once()
    say(ends, capsys)


@pytest.mark.parametrize("how", ["close", "signal"])
def test_clients_that_hold_connections(how: How, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ends = Ends("api", how, tmp_path)
    for _ in range(TIMES):
        ends.once()
    say(ends, capsys)
