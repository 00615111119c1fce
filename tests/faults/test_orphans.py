"""A parent that is killed a hundred times, in load, prefill and decode: no engine is left behind."""

import itertools
import os
import select
import subprocess
import sys
import time

import pytest

from tests.support.engines import ANSWER_TIMEOUT_S, starter_path
from tests.support.faults import MOMENTS, in_words

TIMES = 100

PARENT = """
import sys
from app.base.children import child_command
from app.engine.client.client import EngineClient
from app.engine.protocol import Delta, LoadSettings, Part, PromptProgress
moment, path = sys.argv[1:]
tell = lambda: print(client.state.pid, flush=True)
client = EngineClient(child_command("engine"))
settings = LoadSettings(context_tokens=4096, batch_tokens=32, threads=1)
load = client.load(path, settings, lambda _: tell() if moment == "loading" else None)
load.future.result()
kind = PromptProgress if moment == "prefill" else Delta
client.generate(
    [Part("A long story. " * (200 if moment == "prefill" else 1))],
    ignore_eog=True,
    on_event=lambda event: tell() if isinstance(event, kind) else None,
).future.result()
"""


def child_outlives_s(moment: str) -> float:
    """Kill a program in the `moment` of its engine; seconds until the engine's process is gone."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, moment, starter_path()],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert parent.stdout is not None
    with parent.stdout:
        child = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
        killed_s = time.perf_counter()
        try:
            ended, _, _ = select.select([child], [], [], ANSWER_TIMEOUT_S)
        finally:
            os.close(child)
        parent.wait()
    assert ended, "the engine outlived the program"
    return time.perf_counter() - killed_s


@pytest.mark.faults
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for a stranger's process by pidfd")
def test_a_hundred_killed_parents_leave_no_engine(capsys: pytest.CaptureFixture[str]) -> None:
    gone_s = [child_outlives_s(moment) for moment in itertools.islice(itertools.cycle(MOMENTS), TIMES)]
    with capsys.disabled():
        print("\n" + in_words("an engine without its program ended after", gone_s))
