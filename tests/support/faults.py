"""Kills the engine's process at a chosen moment and checks what is left."""

import os
import signal
import statistics
import threading
import time
from collections.abc import Sequence

import pytest

from app.base.errors import EngineError
from app.engine.client.client import EngineClient
from app.engine.protocol import Delta, LoadSettings
from tests.support.engines import ANSWER_TIMEOUT_S, GREEDY, STORY, starter_path

SETTINGS = LoadSettings(context_tokens=256, batch_tokens=32, threads=1)

MOMENTS = ("loading", "prefill", "decode")

FATAL = tuple(
    getattr(signal, name)
    for name in ("SIGABRT", "SIGSEGV", "SIGBUS", "SIGKILL", "SIGSTOP")
    if hasattr(signal, name)
)


def crash_and_ask_again(client: EngineClient, moment: str, sent: signal.Signals) -> float:
    """Send `sent` to the engine while "loading", in "prefill" or in "decode"; then ask again.

    Returns how many seconds later the failure was told.
    """
    killed_pids: list[int] = []
    times_s: list[float] = []

    def kill() -> None:
        pid = client.state.pid
        assert pid is not None
        if not killed_pids:
            killed_pids.append(pid)
            times_s.append(time.perf_counter())
            os.kill(pid, sent)

    shown: list[Delta] = []
    died = threading.Event()

    def note(event: object) -> None:
        if isinstance(event, Delta):
            shown.append(event)
        if (moment == "decode") == isinstance(event, Delta):
            kill()

    def note_end(_: object) -> None:
        times_s.append(time.perf_counter())
        died.set()

    if moment == "loading":
        failing = client.load(starter_path(), SETTINGS, lambda _: kill()).future
    else:
        client.load(starter_path(), SETTINGS).future.result(ANSWER_TIMEOUT_S)
        prompt = None if moment == "decode" else list(range(100, 340))
        failing = client.generate(STORY, tokens=prompt, ignore_eog=True, on_event=note).future  # type: ignore[assignment] # either future fails
    failing.add_done_callback(note_end)
    with pytest.raises(EngineError) as caught:
        failing.result(ANSWER_TIMEOUT_S)
    assert died.wait(ANSWER_TIMEOUT_S)
    assert caught.value.hint
    if sent == signal.SIGSTOP:
        assert "no sign of life" in str(caught.value)
    elif sent != signal.SIGKILL:
        assert sent.name in str(caught.value)
        assert caught.value.native
    assert bool(shown) == (moment == "decode")
    # The next message brings the process and the model back.
    finished = client.generate(STORY, sampling=GREEDY, max_tokens=2).future.result(ANSWER_TIMEOUT_S)
    assert finished.stats.completion_tokens == 2
    assert client.state.pid not in killed_pids
    killed_s, told_s = times_s
    return told_s - killed_s


def in_words(name: str, seconds: Sequence[float]) -> str:
    """Count, median, 99th percentile and maximum of some times, for a test to print."""
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, round(0.99 * (len(ordered) - 1)))]
    return (
        f"{name}: n {len(ordered)}, median {1000 * statistics.median(ordered):.1f} ms, "
        f"p99 {1000 * p99:.1f} ms, most {1000 * ordered[-1]:.1f} ms"
    )
