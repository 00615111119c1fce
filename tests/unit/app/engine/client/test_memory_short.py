"""Memory that is really too short: the engine's process may not take more address space."""

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from app.base.children import child_command
from app.base.errors import EngineError
from app.engine.client.client import EngineClient
from app.engine.planning.load_history import LoadMemory
from app.engine.protocol import Generate, LoadSettings
from tests.support.engines import GREEDY, STORY, starter_path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_AS of another process")

WAIT_S = 60
MIB = 1 << 20

# 30 layers x 3 heads x (64 + 64) x 2 bytes: 22.5 KiB a token, 720 MiB for this context in f16, 383 in q8_0.
CONTEXT_TOKENS = 32768
ASKED = LoadSettings(context_tokens=CONTEXT_TOKENS, context_stretch=4, threads=1, weights="copied")
WEIGHTS_BYTES = 100 * MIB


@pytest.fixture
def memory(tmp_path: Path) -> LoadMemory:
    return LoadMemory(tmp_path / "loads.json")


@pytest.fixture
def client(memory: LoadMemory) -> Iterator[EngineClient]:
    made = EngineClient(child_command("engine"), memory)
    yield made
    made.close()


def allow(client: EngineClient, more_bytes: int) -> None:
    """Let the engine's process grow by so much from where it is with its libraries."""
    pid = client.list_devices().result(WAIT_S) and client.state.pid
    assert pid is not None
    process = psutil.Process(pid)
    limit = process.memory_info().vms + more_bytes
    process.rlimit(psutil.RLIMIT_AS, (limit, limit))


def test_a_cache_that_cannot_be_had_is_made_smaller_and_said(
    client: EngineClient, memory: LoadMemory
) -> None:
    allow(client, WEIGHTS_BYTES + 1000 * MIB)
    info = client.load(starter_path(), ASKED).future.result(WAIT_S)
    assert info.planned.sequences == 4
    assert (info.plan.sequences, info.plan.context_tokens) == (1, CONTEXT_TOKENS)
    assert "4 replies side by side, so there are 2" in str(info.notices[-2])
    assert "2 replies side by side, so one is written" in str(info.notices[-1])
    end = client.generate(STORY, sampling=GREEDY, max_tokens=4).future.result(WAIT_S)
    assert end.stats.completion_tokens == 4
    known = memory.of(starter_path()).lowered
    assert known is not None
    assert known.given_up == ("sequences",)


def test_what_failed_is_not_tried_again(client: EngineClient, memory: LoadMemory) -> None:
    allow(client, WEIGHTS_BYTES + 600 * MIB)
    asked = msgspec.structs.replace(ASKED, sequences=1)
    first = client.load(starter_path(), asked).future.result(WAIT_S)
    assert first.plan.kv_type == "q8_0"
    client.unload().result(WAIT_S)
    second = client.load(starter_path(), asked).future.result(WAIT_S)
    assert second.plan == first.plan
    assert second.asked.kv_type == "q8_0"
    assert "the last time" in str(second.notices[0])
    memory.forget(starter_path())
    third = client.load(starter_path(), asked).future.result(WAIT_S)
    assert third.asked.kv_type == "auto"


def test_a_model_that_guesses_ahead_goes_before_anything_else(
    client: EngineClient, memory: LoadMemory
) -> None:
    asked = LoadSettings(
        context_tokens=8192,
        sequences=1,
        threads=1,
        weights="copied",
        flash_attention="on",
        draft_path=starter_path(),
    )
    # One takes 100 MiB of weights and 180 of cache, two do not fit.
    allow(client, WEIGHTS_BYTES + 420 * MIB)
    info = client.load(starter_path(), asked).future.result(WAIT_S)
    assert (info.plan.draft_path, info.plan.context_tokens, info.plan.kv_type) == ("", 8192, "f16")
    assert "should guess ahead" in str(info.notices[-1])
    request = Generate(request_id=0, parts=STORY, sampling=GREEDY, max_tokens=4, speculation="draft")
    assert client.ask(request).future.result(WAIT_S).stats.completion_tokens == 4
    known = memory.of(starter_path()).lowered
    assert known is not None
    assert known.given_up == ("draft_path",)
    again = client.load(starter_path(), asked).future.result(WAIT_S)
    assert str(again.notices[0]).startswith("More failed the last time")


def test_weights_that_cannot_be_had_end_with_the_reason(client: EngineClient) -> None:
    allow(client, WEIGHTS_BYTES // 2)
    with pytest.raises(EngineError) as caught:
        client.load(starter_path(), LoadSettings(threads=1, weights="copied")).future.result(WAIT_S)
    assert "not enough memory" in str(caught.value)
    assert "alloc" in caught.value.native


def test_memory_comes_back_after_unload(client: EngineClient) -> None:
    client.list_devices().result(WAIT_S)
    assert client.state.pid is not None
    process = psutil.Process(client.state.pid)
    fresh = process.memory_info().rss
    unloaded = []
    for _ in range(4):
        client.load(starter_path(), LoadSettings(threads=1, sequences=4)).future.result(WAIT_S)
        client.generate(STORY, sampling=GREEDY, max_tokens=4).future.result(WAIT_S)
        assert process.memory_info().rss > fresh + 700 * MIB
        client.unload().result(WAIT_S)
        unloaded.append(process.memory_info().rss)
    # The code that a first load brings in stays.
    assert unloaded[-1] < fresh + 60 * MIB
    # After a first large block was given back, glibc keeps some of the next ones at hand, once.
    assert unloaded[-1] < unloaded[1] + 8 * MIB
