"""A window that is killed or ended while somebody types: the last half second is missing, and no draft."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from app.base.paths import app_paths
from app.chat.store.store import ChatStore

EVERYDAY = 2
TIMES = int(os.environ.get("STILLROOM_DRAFT_KILLS", "100"))
LOST_S = 0.5
SLACK_S = 1.0
"""Time that a busy processor may take beside it."""
LONGEST_S = 3.0


def end_while_typing(seed: int, after_s: float, how: signal.Signals) -> tuple[list[dict[str, object]], float]:
    """Let a child type for so long after its first key and end it; what it typed, and when it was ended."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.support.draft_child", str(seed)], stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    lines: list[bytes] = []
    with child.stdout as told:
        lines.append(told.readline())
        end_s = time.monotonic() + after_s
        while time.monotonic() < end_s:
            lines.append(told.readline())
            assert lines[-1], "the child ended by itself"
        child.send_signal(how)
        ended_s = time.monotonic()
        lines += told.read().splitlines()
    child.wait(30)
    return [json.loads(line) for line in lines if line.strip().endswith(b"}")], ended_s


def check(typed: list[dict[str, object]], ended_s: float, lost_s: float) -> None:
    """Compare what was typed with what is in the store: `lost_s` may be missing at the end of each draft."""
    with closing(ChatStore(app_paths().chats)) as store:
        drafts = {chat.draft.split(" ")[0]: chat.draft for chat in store.conversations()}
    for mark in {str(piece["chat"]) for piece in typed}:
        texts = [
            str(piece["text"])
            for piece in typed
            if piece["chat"] == mark and float(str(piece["at_s"])) <= ended_s - lost_s
        ]
        if texts:
            assert mark in drafts, f"{mark} is lost, {len(texts)} pieces long"
            assert drafts[mark].startswith(texts[-1]), mark


def run(times: int, how: signal.Signals, lost_s: float) -> None:
    randomly = random.Random(int(how))
    for number in range(times):
        typed, ended_s = end_while_typing(number, randomly.random() * LONGEST_S, how)
        check(typed, ended_s, lost_s)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(("how", "lost_s"), [(signal.SIGKILL, LOST_S + SLACK_S), (signal.SIGTERM, 0.1)])
def test_a_draft_outlives_the_window(how: signal.Signals, lost_s: float) -> None:
    run(EVERYDAY, how, lost_s)


@pytest.mark.faults
@pytest.mark.timeout(7200)
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(("how", "lost_s"), [(signal.SIGKILL, LOST_S), (signal.SIGTERM, 0.1)])
def test_a_draft_outlives_the_window_every_time(how: signal.Signals, lost_s: float) -> None:
    run(TIMES, how, lost_s)
