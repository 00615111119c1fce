"""A hundred cancels of a load, of a prompt and of a reply: each ends, and is measured."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from app.base.children import child_command
from app.base.errors import Cancelled
from app.engine.client.client import EngineClient
from app.engine.protocol import Delta, Finished, LoadSettings, PromptProgress
from tests.support.engines import ANSWER_TIMEOUT_S, GREEDY, STORY, starter_path
from tests.support.faults import in_words

TIMES = 100

SETTINGS = LoadSettings(context_tokens=4096, batch_tokens=512, threads=1)


@pytest.fixture
def client() -> Iterator[EngineClient]:
    client = EngineClient(child_command("engine"))
    client.start()
    yield client
    client.close()


def ended_s(future: "Future[Any]", cancel: "Any") -> float:
    """Seconds from `cancel()` to the end of the future, whatever that is."""
    ended: list[float] = []
    told = threading.Event()

    def note(_: object) -> None:
        ended.append(time.perf_counter())
        told.set()

    future.add_done_callback(note)
    began_s = time.perf_counter()
    cancel()
    assert told.wait(ANSWER_TIMEOUT_S)
    return ended[0] - began_s


def cancel_reply(client: EngineClient, moment: str) -> float:
    """Cancel a reply in its "prefill" or "decode"; seconds until it ended."""
    begun = threading.Event()
    kind = PromptProgress if moment == "prefill" else Delta
    prompt = list(range(100, 4000)) if moment == "prefill" else None
    generation = client.generate(
        STORY,
        tokens=prompt,
        ignore_eog=True,
        reuse_prefix=False,
        on_event=lambda event: begun.set() if isinstance(event, kind) else None,
    )
    assert begun.wait(ANSWER_TIMEOUT_S)
    took_s = ended_s(generation.future, generation.cancel)
    finished = generation.future.result(0)
    assert isinstance(finished, Finished)
    assert finished.reason == "cancelled"
    return took_s


def cancel_load(client: EngineClient) -> float:
    begun = threading.Event()
    load = client.load(starter_path(), SETTINGS, lambda _: begun.set())
    assert begun.wait(ANSWER_TIMEOUT_S)
    took_s = ended_s(load.future, load.cancel)
    # A load that was done first is as good an end.
    error = load.future.exception(0)
    assert error is None or isinstance(error, Cancelled)
    return took_s


@pytest.mark.faults
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("moment", ["loading", "prefill", "decode"])
def test_a_hundred_cancels_end_what_runs(
    client: EngineClient, moment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if moment != "loading":
        client.load(starter_path(), SETTINGS).future.result(ANSWER_TIMEOUT_S)
    cancels = [
        cancel_load(client) if moment == "loading" else cancel_reply(client, moment) for _ in range(TIMES)
    ]
    client.load(starter_path(), SETTINGS).future.result(ANSWER_TIMEOUT_S)
    assert client.generate(STORY, sampling=GREEDY, max_tokens=2).future.result(ANSWER_TIMEOUT_S)
    with capsys.disabled():
        print("\n" + in_words(f"cancel in {moment}", cancels))
