"""One model over two computers: two of llama.cpp's own rpc-servers on loopback, the real engine process."""

import os
import signal
import sys
import threading
from collections.abc import Iterator

import psutil
import pytest

from app.base.children import child_command
from app.base.errors import EngineError
from app.engine.client.client import EngineClient
from app.engine.protocol import Delta, LoadSettings, Part, PromptProgress, RpcServer
from app.engine.rpc.rpc_lending import RpcLending
from tests.support.engines import ANSWER_TIMEOUT_S, GREEDY, STORY, starter_path
from tests.support.rpc_server import free_port, rpc_server

pytestmark = pytest.mark.rpc

ALONE = LoadSettings(context_tokens=512, batch_tokens=128, threads=1, gpu_layers=0, flash_attention="on")
QUESTIONS = ("Why is the sky blue?", "Name three uses of salt.", "Write a function that adds two numbers.")


def question(text: str) -> list[Part]:
    return [
        Part("<|im_start|>user\n", True),
        Part(text),
        Part("<|im_end|>\n<|im_start|>assistant\n", True),
    ]


def over(*servers: RpcLending) -> LoadSettings:
    return LoadSettings(
        context_tokens=512,
        batch_tokens=128,
        threads=1,
        flash_attention="on",
        rpc_servers=tuple(RpcServer(server.endpoint) for server in servers),
        rpc_use="always",
    )


@pytest.fixture(autouse=True)
def same_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of llama.cpp has weights as the file has them, and here they would be laid out anew, where
    products of Q4_1 are rounded otherwise."""
    monkeypatch.setenv("STILLROOM_AS_LLAMA_CPP", "1")


@pytest.fixture
def client() -> Iterator[EngineClient]:
    client = EngineClient(child_command("engine"))
    client.start()
    yield client
    client.close()


@pytest.fixture
def den() -> Iterator[RpcLending]:
    with rpc_server() as server:
        yield server


@pytest.fixture
def attic() -> Iterator[RpcLending]:
    with rpc_server() as server:
        yield server


def reply(client: EngineClient, parts: list[Part], max_tokens: int = 32) -> str:
    texts: list[str] = []

    def note(event: Delta | PromptProgress) -> None:
        if isinstance(event, Delta):
            texts.append(event.text)

    generation = client.generate(parts, sampling=GREEDY, max_tokens=max_tokens, on_event=note)
    generation.future.result(ANSWER_TIMEOUT_S)
    return "".join(texts)


def test_other_computers_are_listed_with_their_memory(
    client: EngineClient, den: RpcLending, attic: RpcLending
) -> None:
    silent = RpcServer(f"127.0.0.1:{free_port()}")
    settings = over(den, attic)
    listed = client.list_devices((*settings.rpc_servers, silent)).result(ANSWER_TIMEOUT_S)
    remote = [device for device in listed.devices if device.backend == "RPC"]
    assert [device.description for device in remote] == [den.endpoint, attic.endpoint]
    assert all(0 < device.memory_free_bytes <= device.memory_total_bytes for device in remote)
    assert all(device.kind == "gpu" for device in remote)
    assert [problem.address for problem in listed.problems] == [silent.address]


def test_a_split_model_answers_as_alone(client: EngineClient, den: RpcLending, attic: RpcLending) -> None:
    client.load(starter_path(), ALONE).future.result(ANSWER_TIMEOUT_S)
    alone = [reply(client, question(text)) for text in QUESTIONS]
    info = client.load(starter_path(), over(den, attic)).future.result(ANSWER_TIMEOUT_S)
    assert info.backend == "RPC"
    assert info.gpu_layers == info.layers + 1
    there = {name: size for name, size in info.buffers.items() if name.startswith("RPC")}
    assert len(there) == 2
    assert min(there.values()) > 60_000_000
    assert [reply(client, question(text)) for text in QUESTIONS] == alone


def test_a_computer_that_is_lost_costs_one_reply(
    client: EngineClient, den: RpcLending, attic: RpcLending
) -> None:
    client.load(starter_path(), over(den, attic)).future.result(ANSWER_TIMEOUT_S)
    whole = reply(client, STORY)
    begun = threading.Event()
    texts: list[str] = []

    def note(event: Delta | PromptProgress) -> None:
        if isinstance(event, Delta):
            texts.append(event.text)
            begun.set()

    lost = client.generate(STORY, sampling=GREEDY, max_tokens=400, on_event=note)
    assert begun.wait(ANSWER_TIMEOUT_S)
    attic.close()
    with pytest.raises(EngineError, match="Another computer"):
        lost.future.result(ANSWER_TIMEOUT_S)
    assert whole.startswith("".join(texts)[: len(whole)])
    assert reply(client, STORY) == whole
    model = client.state.model
    assert model is not None
    assert model.backend == "RPC"
    assert any(attic.endpoint in str(notice) for notice in model.notices)


def test_without_any_of_them_the_model_runs_here(client: EngineClient, den: RpcLending) -> None:
    settings = over(den)
    den.close()
    info = client.load(starter_path(), settings).future.result(ANSWER_TIMEOUT_S)
    assert info.backend == "CPU"
    assert any("cannot be reached" in str(notice) for notice in info.notices)
    assert reply(client, STORY)


def test_a_computer_that_holds_a_model_is_listed_and_one_that_died_meanwhile_is_said(
    client: EngineClient, den: RpcLending
) -> None:
    settings = over(den)
    client.load(starter_path(), settings).future.result(ANSWER_TIMEOUT_S)
    listed = client.list_devices(settings.rpc_servers).result(ANSWER_TIMEOUT_S)
    assert not listed.problems
    den.close()
    listed = client.list_devices(settings.rpc_servers).result(ANSWER_TIMEOUT_S)
    assert [problem.address for problem in listed.problems] == [den.endpoint]


def test_a_computer_that_is_busy_with_another_program_does_not_block(
    client: EngineClient, den: RpcLending
) -> None:
    client.load(starter_path(), over(den)).future.result(ANSWER_TIMEOUT_S)
    second = EngineClient(child_command("engine"))
    try:
        listed = second.list_devices(over(den).rpc_servers).result(ANSWER_TIMEOUT_S)
        assert "one program at a time" in listed.problems[0].hint
    finally:
        second.close()


def test_unloading_gives_the_memory_there_back(client: EngineClient, den: RpcLending) -> None:
    settings = over(den)
    client.load(starter_path(), settings).future.result(ANSWER_TIMEOUT_S)
    process = psutil.Process(den.pid)
    loaded_bytes = process.memory_info().rss
    client.unload().result(ANSWER_TIMEOUT_S)
    # The next connection is accepted after the last one's memory is freed.
    client.list_devices(settings.rpc_servers).result(ANSWER_TIMEOUT_S)
    assert loaded_bytes - process.memory_info().rss > 80_000_000


@pytest.mark.faults
@pytest.mark.skipif(sys.platform == "win32", reason="stops a process by a signal")
def test_a_computer_that_freezes_costs_one_reply(client: EngineClient, den: RpcLending) -> None:
    client.load(starter_path(), over(den)).future.result(ANSWER_TIMEOUT_S)
    whole = reply(client, STORY)
    begun = threading.Event()
    lost = client.generate(STORY, sampling=GREEDY, max_tokens=400, on_event=lambda _: begun.set())
    assert begun.wait(ANSWER_TIMEOUT_S)
    os.kill(den.pid, signal.SIGSTOP)
    with pytest.raises(EngineError, match="no sign of life"):
        lost.future.result(ANSWER_TIMEOUT_S)
    assert reply(client, STORY) == whole
    model = client.state.model
    assert model is not None
    assert any("does not answer" in str(notice) for notice in model.notices)
