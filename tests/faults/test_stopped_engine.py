"""The engine's process is stopped at random moments under an open window, which goes on and closes in time.

`STILLROOM_STOPS` is how often it is stopped (100).
"""

import itertools
import os
import random
import signal
from pathlib import Path
from typing import Any

import pytest

from app.base.shutdown import ENDING_S
from app.ui.shell.callback_watch import Callback
from tests.support.ends import GONE_S, MOST_S, End, end_program, window
from tests.support.faults import in_words

STOPS = int(os.environ.get("STILLROOM_STOPS", "100"))
WORKS = ("load", "prefill", "decode", "typing", "closing")

MOST_WAITED_S = 0.05
"""Promised of each callback of the GUI thread."""

MOST_LATE_S = 0.5
"""Fails the test: a busy disk holds a thread as well. The pipe held it for nine seconds."""

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(7200),
    pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="nothing can be stopped here"),
]


def assert_clean(end: End, work: str) -> None:
    """The program ended by itself, and the one before had left nothing broken."""
    assert end.status == 0, (work, end.status, end.told)
    assert "failed" not in end.told, (work, end.told)
    assert "errors" not in end.told, (work, end.told["errors"])
    for role, outcome, _ in messages(end):
        assert (role, outcome) != ("assistant", "running"), (work, end.told)


def messages(end: End) -> list[Any]:
    found: list[Any] = end.told["kept"]["messages"]
    return found


def test_the_window_lives_and_closes_with_a_stopped_engine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    die = random.Random(11)
    gone_s, waited_s, wall_s = [], [], []
    worst: list[Callback] = []
    most_computed: list[Callback] = []
    before = ""
    forced = 0
    for work in itertools.islice(itertools.cycle(WORKS), STOPS):
        end = end_program(window(work, "stopped", die.uniform(0.0, 0.3)), tmp_path)
        assert_clean(end, work)
        if before == "decode":
            assert messages(end)[-1][2].strip(), "what had come of the reply is kept"
        before = work
        gone_s.append(end.gone_s)
        assert gone_s[-1] < MOST_S, work
        if end.figures is None:
            # Only what ends by itself writes them.
            assert gone_s[-1] >= ENDING_S, work
            forced += 1
            continue
        waited_s.append(end.figures.most_waited[0].waited_s)
        wall_s.append(end.figures.longest[0].wall_s)
        worst.append(end.figures.most_waited[0])
        most_computed += end.figures.most_computed
        assert waited_s[-1] < MOST_LATE_S, (
            work,
            end.figures.most_waited[0].what + end.figures.most_waited[0].stack,
        )
    # The last one has left nothing broken either.
    assert_clean(end_program(window("decode", "close"), tmp_path), "the start after")
    with capsys.disabled():
        print()
        print(in_words("closed with a stopped engine after", gone_s))
        print(f"  {sum(one > GONE_S for one in gone_s)} of {len(gone_s)} took longer than {GONE_S} s")
        print(f"  {forced} of them by force")
        print(in_words("longest wait of a callback of the GUI thread", waited_s))
        print(in_words("longest callback, with its computing and the other programs'", wall_s))
        print(f"  {sum(one > MOST_WAITED_S for one in waited_s)} waited longer than 50 ms; the worst:")
        print(f"  {max(worst).what}\n{max(worst).stack}")
        print("the most computing:")
        for one in sorted(most_computed, key=lambda callback: -callback.cpu_s)[:3]:
            print(f"  {one.cpu_s:.4f} s, {one.what}\n{one.stack}")
