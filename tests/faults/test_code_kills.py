"""SIGKILL in the middle of work in the Code tab: text, cursor, language and conversation are back."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from app.code.kept_conversation import MOST_EXCHANGES
from app.ui.base.draft_keeper import EVERY_MS

EVERYDAY = 2
TIMES = int(os.environ.get("STILLROOM_CODE_KILLS", "50"))
LONGEST_S = 6.0
SLACK_S = 1.0
"""A busy disk may take so much beside the time that the window waits."""


def kill_once(home: Path, after_s: float) -> tuple[list[dict[str, Any]], float]:
    """Let a child work for so long after it shows the text, kill it, and say what it showed, and when."""
    child = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-m", "tests.support.code_child"],
        env=os.environ | {"STILLROOM_HOME": str(home), "QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    with child.stdout as lines:

        def next_line() -> dict[str, Any]:
            line = lines.readline()
            assert line, f"the child ended by itself with {child.wait()}"
            shown: dict[str, Any] = json.loads(line)
            return shown

        told = [next_line()]
        end_s = time.monotonic() + after_s
        while time.monotonic() < end_s:
            told.append(next_line())
        os.kill(child.pid, signal.SIGKILL)
        killed_s = time.monotonic()
        told += [json.loads(line) for line in lines.read().splitlines() if line.endswith(b"}")]
    child.wait()
    return told, killed_s


def lost_s(told: list[dict[str, Any]], killed_s: float, restored: dict[str, Any]) -> float:
    """Return how long before the kill the window first showed what the next one does not: text or replies."""
    shown_as = {shown["text"]: shown for shown in told}
    assert restored["text"] in shown_as
    before = shown_as[restored["text"]]
    assert (restored["cursor"], restored["language"]) == (before["cursor"], before["language"])
    replies = {title: (answer, ended) for title, answer, ended in restored["exchanges"]}
    newest = {title for title, *_ in told[-1]["exchanges"][-MOST_EXCHANGES:]}
    for shown in told:
        missing = len(shown["text"]) > len(restored["text"])
        for title, answer, ended in shown["exchanges"]:
            if title not in newest:
                # Older ones are let go, killed or not.
                continue
            kept, kept_end = replies.get(title, ("", ""))
            missing |= len(answer) > len(kept) or bool(ended and ended != kept_end)
        if missing:
            return killed_s - float(shown["at_s"])
    return 0.0


def kill_many(home: Path, times: int) -> None:
    draw = random.Random(5)
    told, killed_s = kill_once(home, LONGEST_S)
    lost = []
    for _ in range(times):
        again, killed_again_s = kill_once(home, draw.uniform(0.5, LONGEST_S))
        lost.append(lost_s(told, killed_s, again[0]))
        told, killed_s = again, killed_again_s
    print(
        f"{times} kills; of text and replies at most {max(lost):.2f} s, {sorted(lost)[times // 2]:.2f} s mid"
    )
    assert list(home.rglob("*.damaged-*")) == []
    assert max(lost) <= EVERY_MS / 1000 + SLACK_S


@pytest.mark.timeout(300)
def test_a_killed_code_tab_is_as_it_was(tmp_path: Path) -> None:
    kill_many(tmp_path, EVERYDAY)


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_many_killed_code_tabs_are_as_they_were(tmp_path: Path) -> None:
    kill_many(tmp_path, TIMES)
