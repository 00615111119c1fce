"""Kills the engine's process at a chosen moment and checks what is left."""

import os
import signal
import threading

import pytest

from app.engine.client import EngineClient
from app.engine.messages import Delta, LoadSettings, PromptProgress
from app.errors import EngineError
from tests.support.engines import ANSWER_TIMEOUT_S, GREEDY, STORY, starter_path

SETTINGS = LoadSettings(context_tokens=256, batch_tokens=32, threads=1)


def crash_and_ask_again(client: EngineClient, moment: str, sent: signal.Signals) -> None:
    """Send `sent` to the engine while "loading", in "prefill" or in "decode"; then ask again."""
    killed_pids: list[int] = []

    def kill() -> None:
        pid = client.state.pid
        assert pid is not None
        if not killed_pids:
            killed_pids.append(pid)
            os.kill(pid, sent)

    shown: list[Delta] = []
    died = threading.Event()

    def note(event: Delta | PromptProgress) -> None:
        if isinstance(event, Delta):
            shown.append(event)
        if (moment == "decode") == isinstance(event, Delta):
            kill()

    if moment == "loading":
        failing = client.load(starter_path(), SETTINGS, lambda _: kill()).future
    else:
        client.load(starter_path(), SETTINGS).future.result(ANSWER_TIMEOUT_S)
        prompt = None if moment == "decode" else list(range(100, 340))
        failing = client.generate(STORY, tokens=prompt, ignore_eog=True, on_event=note).future  # type: ignore[assignment] # either future fails
    failing.add_done_callback(lambda _: died.set())
    with pytest.raises(EngineError) as caught:
        failing.result(ANSWER_TIMEOUT_S)
    assert died.wait(ANSWER_TIMEOUT_S)
    assert caught.value.hint
    if sent != signal.SIGKILL:
        assert sent.name in str(caught.value)
        assert caught.value.native
    assert bool(shown) == (moment == "decode")
    # The next message brings the process and the model back.
    finished = client.generate(STORY, sampling=GREEDY, max_tokens=2).future.result(ANSWER_TIMEOUT_S)
    assert finished.stats.completion_tokens == 2
    assert client.state.pid not in killed_pids
