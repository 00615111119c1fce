"""What the engine promises of a graphics card, on whichever of CUDA and Vulkan this llama.cpp has.

`make vulkan-test` runs it. Where there is no card, Mesa's lavapipe is the Vulkan device: it computes on the
processor, so offload, memory and fallback are real, and speed is not.
"""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.children import child_command
from app.engine.client import EngineClient
from app.engine.messages import Delta, Device, Generate, LoadSettings, ModelInfo, Part, TokenLogprob
from app.engine.offload import usable_bytes
from app.errors import EngineError
from tests.support.engines import ANSWER_TIMEOUT_S, GREEDY, STORY, starter_path

GPUS = [
    pytest.param("Vulkan", marks=pytest.mark.vulkan),
    pytest.param("CUDA", marks=pytest.mark.cuda),
]
NEAR_TIE = 0.05
"""Two back ends add in another order: tokens whose log probabilities lie closer may change places."""


def device_of(client: EngineClient, backend: str) -> Device:
    """The card of a back end, with what is free now; the test is skipped where there is none."""
    for device in client.list_devices().result(ANSWER_TIMEOUT_S).devices:
        if device.backend == backend and device.kind in ("gpu", "igpu"):
            return device
    pytest.skip(f"llama.cpp has no {backend} device here")


@pytest.fixture(scope="module", params=GPUS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(backend: str) -> Iterator[EngineClient]:
    client = EngineClient(child_command("engine"))
    client.start()
    try:
        device_of(client, backend)
        yield client
    finally:
        client.close()


def load(client: EngineClient, gpu_layers: int, **changes: int) -> ModelInfo:
    settings = LoadSettings(
        context_tokens=changes.get("context_tokens", 256), batch_tokens=64, gpu_layers=gpu_layers
    )
    return client.load(starter_path(), settings).future.result(ANSWER_TIMEOUT_S)


def there_bytes(info: ModelInfo, device: Device) -> int:
    return info.buffers.get(device.name, 0)


def reply(client: EngineClient, parts: list[Part], max_tokens: int) -> list[TokenLogprob]:
    rows: list[TokenLogprob] = []

    def note(event: object) -> None:
        if isinstance(event, Delta):
            rows.extend(event.logprobs)

    request = Generate(request_id=0, parts=parts, sampling=GREEDY, max_tokens=max_tokens, logprobs=2)
    client.ask(request, note).future.result(ANSWER_TIMEOUT_S)
    return rows


def test_the_card_is_listed_with_its_memory(client: EngineClient, backend: str) -> None:
    device = device_of(client, backend)
    assert 0 < device.memory_free_bytes <= device.memory_total_bytes
    assert device.description
    states = {state.name: state for state in client.list_devices().result(ANSWER_TIMEOUT_S).backends}
    assert states[backend].loaded
    assert not states[backend].reason
    assert states["CPU"].loaded


def test_layers_go_where_they_are_told(client: EngineClient, backend: str) -> None:
    device = device_of(client, backend)
    every = load(client, 1000)
    assert every.gpu_layers == every.layers + 1
    assert every.backend == backend
    half = load(client, 15)
    assert half.gpu_layers == 15
    none = load(client, 0)
    assert none.gpu_layers == 0
    assert none.backend == "CPU"
    assert there_bytes(none, device) == 0
    assert 0 < there_bytes(half, device) < there_bytes(every, device)
    # The weights but the token embeddings, which stay here, and the cache.
    assert there_bytes(every, device) > 0.8 * every.size_bytes


def test_automatic_takes_every_layer_where_they_fit(client: EngineClient, backend: str) -> None:
    if usable_bytes(device_of(client, backend)) < 1 << 30:
        pytest.skip("less than 1 GiB is free on the card")
    info = load(client, -1)
    assert info.gpu_layers == info.layers + 1
    assert info.notices == []


def test_greedy_replies_are_the_processor_s_up_to_near_ties(client: EngineClient) -> None:
    load(client, 0)
    here = reply(client, STORY, 12)
    load(client, 1000)
    there = reply(client, STORY, 12)
    assert len(here) == len(there) == 12
    for ours, theirs in zip(here, there, strict=True):
        if ours.drawn.token != theirs.drawn.token:
            best, second = ours.top
            assert best.logprob - second.logprob < NEAR_TIE
            assert theirs.drawn.token == second.token
            break
        assert abs(ours.drawn.logprob - theirs.drawn.logprob) < NEAR_TIE


def test_a_reply_is_cancelled_within_a_step(client: EngineClient) -> None:
    load(client, 1000)
    begun = threading.Event()
    generation = client.generate(STORY, ignore_eog=True, on_event=lambda _: begun.set())
    assert begun.wait(ANSWER_TIMEOUT_S)
    generation.cancel()
    assert generation.future.result(ANSWER_TIMEOUT_S).reason == "cancelled"


def test_unloading_gives_the_memory_back(client: EngineClient, backend: str) -> None:
    load(client, 1000, context_tokens=2048)
    client.unload().result(ANSWER_TIMEOUT_S)
    process = psutil.Process(client.state.pid)
    resident_bytes = process.memory_info().rss
    free_bytes = device_of(client, backend).memory_free_bytes
    # The second time nothing is kept that the first had not kept: drivers and shaders stay.
    load(client, 1000, context_tokens=2048)
    client.unload().result(ANSWER_TIMEOUT_S)
    assert process.memory_info().rss - resident_bytes < 30_000_000
    if device_of(client, backend).memory_total_bytes < psutil.virtual_memory().total:
        # Of lavapipe it is the RAM that is free, which others take too.
        assert free_bytes - device_of(client, backend).memory_free_bytes < 30_000_000


def test_layers_are_chosen_by_the_free_memory(backend: str) -> None:
    """On a card with little memory: a larger one is told to have less, by the line that reads its memory."""
    program = (
        "import app.engine.llama.backend as native, msgspec, sys\n"
        "from app.engine import worker\n"
        "real = native.device_of\n"
        "def small(ggml, handle):\n"
        "    device = real(ggml, handle)\n"
        "    if device.kind == 'cpu': return device\n"
        "    free = (400 + 90) << 20\n"
        "    return msgspec.structs.replace(device, memory_total_bytes=0, memory_free_bytes=free)\n"
        "native.device_of = small\n"
        "worker.main()\n"
    )
    client = EngineClient([child_command("engine")[0], "-c", program])
    try:
        device_of(client, backend)
        info = load(client, -1)
        assert 0 < info.gpu_layers <= info.layers
        assert any("the rest on the processor" in str(notice) for notice in info.notices)
        assert reply(client, STORY, 2)
    finally:
        client.close()


@pytest.mark.vulkan
def test_a_card_that_cannot_take_the_model_leaves_it_to_the_processor() -> None:
    """ggml's own variable limits a buffer to 8 MiB: the output matrix of 17 MB finds no place."""
    client = engine_with({"GGML_VK_FORCE_MAX_BUFFER_SIZE": str(8 << 20)})
    try:
        device_of(client, "Vulkan")
        info = load(client, -1)
        assert info.gpu_layers == 0
        assert info.backend == "CPU"
        assert any("graphics card" in str(notice) for notice in info.notices)
        assert reply(client, STORY, 2)
    finally:
        client.close()


@pytest.mark.vulkan
def test_a_card_that_is_lost_costs_one_reply(tmp_path: Path) -> None:
    """A stand-in between ggml and the driver says that the device is lost, as a driver does."""
    when = tmp_path / "lost"
    client = engine_with({"LD_PRELOAD": str(lost_gpu(tmp_path)), "LOST_GPU_WHEN": str(when)})
    try:
        device_of(client, "Vulkan")
        load(client, 1000)
        begun = threading.Event()
        lost = client.generate(STORY, sampling=GREEDY, ignore_eog=True, on_event=lambda _: begun.set())
        assert begun.wait(ANSWER_TIMEOUT_S)
        when.touch()
        with pytest.raises(EngineError, match="graphics card stopped working"):
            lost.future.result(ANSWER_TIMEOUT_S)
        when.unlink()
        assert reply(client, STORY, 2)
        model = client.state.model
        assert model is not None
        assert model.gpu_layers == model.layers + 1
    finally:
        client.close()


def engine_with(environment: dict[str, str]) -> EngineClient:
    """A client whose engine's process has these variables."""
    if os.name != "posix":
        pytest.skip("sets variables by `env`")
    pairs = [f"{name}={value}" for name, value in environment.items()]
    return EngineClient(["env", *pairs, *child_command("engine")])


def lost_gpu(folder: Path) -> Path:
    """The stand-in, compiled."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("the stand-in for a lost card needs a C compiler")
    library = folder / "liblost_gpu.so"
    source = Path(__file__).parents[1] / "support" / "lost_gpu.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    return library
