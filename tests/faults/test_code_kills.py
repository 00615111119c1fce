"""SIGKILL in the middle of work in the Code tab: text, cursor, language and conversation are back."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.code.draft import DraftFile
from app.code.kept_conversation import MOST_EXCHANGES, ConversationFile
from app.ui.base.draft_keeper import EVERY_MS

TIMES = int(os.environ.get("STILLROOM_CODE_KILLS", "50"))
LONGEST_S = 6.0
SLACK_S = 1.0
"""A busy disk may take so much beside the time that the window waits."""


def kill_once(home: Path, enough: Callable[[], bool]) -> tuple[list[dict[str, Any]], float]:
    """Let a child work from where it shows the text until it is enough, kill it, and say what it showed, and
    when."""
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
        while not enough():
            told.append(next_line())
        os.kill(child.pid, signal.SIGKILL)
        killed_s = time.monotonic()
        told += [json.loads(line) for line in lines.read().splitlines() if line.endswith(b"}")]
    child.wait()
    return told, killed_s


def time_is_over(wait_s: float) -> Callable[[], bool]:
    """Tell whether so long has passed since the first time that it was asked."""
    began_s: list[float] = []

    def is_over() -> bool:
        now_s = time.monotonic()
        began_s.append(now_s)
        return now_s > began_s[0] + wait_s

    return is_over


def lost_s(told: list[dict[str, Any]], killed_s: float, restored: dict[str, Any]) -> float:
    """Return how long before the kill the window first showed what the next one does not: text or replies."""
    shown_as = {shown["text"]: shown for shown in told}
    assert restored["text"] in shown_as
    before = shown_as[restored["text"]]
    assert (restored["cursor"], restored["language"]) == (before["cursor"], before["language"])
    # Each text is kept for itself, so what is beside it may be of another moment.
    beside = "".join(restored["beside"])
    assert beside in {"".join(shown["beside"]) for shown in told}
    replies = {title: (answer, ended) for title, answer, ended in restored["exchanges"]}
    newest = {title for title, *_ in told[-1]["exchanges"][-MOST_EXCHANGES:]}
    for shown in told:
        missing = len(shown["text"]) > len(restored["text"])
        missing |= len("".join(shown["beside"])) > len(beside)
        for title, answer, ended in shown["exchanges"]:
            if title not in newest:
                # Older ones are let go, killed or not.
                continue
            kept, kept_end = replies.get(title, ("", ""))
            missing |= len(answer) > len(kept) or bool(ended and ended != kept_end)
        if missing:
            return killed_s - float(shown["at_s"])
    return 0.0


def kill_many(home: Path, times: int) -> list[float]:
    """Kill it so often; the seconds of text and replies that were lost each time."""
    draw = random.Random(5)
    told, killed_s = kill_once(home, time_is_over(LONGEST_S))
    lost = []
    for _ in range(times):
        again, killed_again_s = kill_once(home, time_is_over(draw.uniform(0.5, LONGEST_S)))
        lost.append(lost_s(told, killed_s, again[0]))
        told, killed_s = again, killed_again_s
    print(
        f"{times} kills; of text and replies at most {max(lost):.2f} s, {sorted(lost)[times // 2]:.2f} s mid"
    )
    assert list(home.rglob("*.damaged-*")) == []
    return lost


@pytest.mark.timeout(300)
def test_a_killed_code_tab_shows_again_what_was_kept(tmp_path: Path) -> None:
    draft, conversation = (tmp_path / "data" / f"code-{name}.json" for name in ("draft", "conversation"))

    def is_kept() -> bool:
        if not (draft.exists() and conversation.exists()):
            return False
        text, asked = DraftFile(draft).load(), ConversationFile(conversation).load()
        return bool(text and text.text and asked and any(each.answer for each in asked.exchanges))

    told, killed_s = kill_once(tmp_path, is_kept)
    kept_text = DraftFile(draft).load()
    kept = ConversationFile(conversation).load()
    again, _ = kill_once(tmp_path, lambda: True)
    assert kept_text is not None
    assert kept is not None
    assert again[0]["text"].startswith(kept_text.text)
    answers = {title: answer for title, answer, _ in again[0]["exchanges"]}
    for exchange in kept.exchanges:
        assert answers[exchange.asked.title].startswith(exchange.answer)
    # Seen before it was killed, with its cursor and its language.
    lost_s(told, killed_s, again[0])
    assert list(tmp_path.rglob("*.damaged-*")) == []


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_many_killed_code_tabs_are_as_they_were(tmp_path: Path) -> None:
    assert max(kill_many(tmp_path, TIMES)) <= EVERY_MS / 1000 + SLACK_S
