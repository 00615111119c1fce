"""The engine keeps its promises on a graphics card, on whichever of CUDA and Vulkan this llama.cpp has.

`make vulkan-test` runs it. Where there is no card, Mesa's lavapipe is the Vulkan device: it computes on the
processor, so offload, memory and fallback are real, and speed is not. It gets a tiny model, for each token of
the starter takes it seconds.
"""

import itertools
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.base.children import child_command
from app.base.errors import EngineError
from app.engine.client.client import EngineClient
from app.engine.devices.native_log import NativeLog
from app.engine.llama.backend import Backend
from app.engine.planning.cards import usable_bytes
from app.engine.planning.gguf_shape import read_facts
from app.engine.planning.load_plan import Room, plan_load
from app.engine.protocol import (
    CardsRead,
    Delta,
    Device,
    Generate,
    LoadSettings,
    ModelInfo,
    Part,
    TokenLogprob,
)
from app.telemetry.nvml import GpuReading
from app.telemetry.other_gpus import LOADED_PERIOD_S, CardMonitor
from converters.build.build_client import build
from converters.process.messages import BuildRequest
from tests.support.engines import GREEDY, STORY, starter_path
from tests.support.tiny_models import make_tiny_model

GPUS = [
    pytest.param("Vulkan", marks=pytest.mark.vulkan),
    pytest.param("CUDA", marks=pytest.mark.cuda),
]
WAIT_S = 600
"""Lavapipe compiles each shader when it is first used."""

pytestmark = pytest.mark.timeout(3 * WAIT_S)

BATCH_TOKENS = 8
"""Up to eight ggml's Vulkan multiplies with vectors; lavapipe compiles the matrix shaders for minutes."""

NO_NVIDIA = GpuReading("no_driver")

NEAR_TIE = 0.05
"""Two back ends add in another order: tokens whose log probabilities lie closer may change places."""


def device_of(client: EngineClient, backend: str) -> Device:
    """The card of a back end, with what is free now; the test is skipped where there is none."""
    for device in client.list_devices().result(WAIT_S).devices:
        if device.backend == backend and device.kind in ("gpu", "igpu"):
            return device
    pytest.skip(f"llama.cpp has no {backend} device here")


@pytest.fixture(scope="module", params=GPUS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def client(backend: str) -> Iterator[EngineClient]:
    """One for all, because lavapipe compiles the shaders anew in each process."""
    client = EngineClient(child_command("engine"))
    client.start()
    try:
        device_of(client, backend)
        yield client
    finally:
        client.close()


@pytest.fixture(scope="module")
def model(backend: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The starter for a card, or the file that `make gpu-check` names; a tiny R1 with random weights for
    lavapipe."""
    if named := os.environ.get("STILLROOM_GPU_MODEL"):
        return named
    client = EngineClient(child_command("engine"))
    try:
        on_lavapipe = "llvmpipe" in device_of(client, backend).description
    finally:
        client.close()
    if not on_lavapipe:
        return starter_path()
    folder = tmp_path_factory.mktemp("tiny")
    checkpoint = make_tiny_model("llama", folder)
    command = child_command("build")
    built = build(BuildRequest(checkpoint, ["Q8_0"], folder, "tiny"), command)
    return str(built.outputs[0].path)


def load(client: EngineClient, model: str, gpu_layers: int, context_tokens: int = 256) -> ModelInfo:
    settings = LoadSettings(context_tokens=context_tokens, batch_tokens=BATCH_TOKENS, gpu_layers=gpu_layers)
    return client.load(model, settings).future.result(WAIT_S)


def there_bytes(info: ModelInfo, device: Device) -> int:
    return info.buffers.get(device.name, 0)


def reply(client: EngineClient, parts: list[Part], max_tokens: int) -> list[TokenLogprob]:
    rows: list[TokenLogprob] = []

    def note(event: object) -> None:
        if isinstance(event, Delta):
            rows.extend(event.logprobs)

    request = Generate(request_id=0, parts=parts, sampling=GREEDY, max_tokens=max_tokens, logprobs=2)
    client.ask(request, note).future.result(WAIT_S)
    return rows


def test_the_card_is_listed_with_its_memory(client: EngineClient, backend: str) -> None:
    device = device_of(client, backend)
    assert 0 < device.memory_free_bytes <= device.memory_total_bytes
    assert device.description
    states = {state.name: state for state in client.list_devices().result(WAIT_S).backends}
    assert states[backend].loaded
    assert not states[backend].reason
    assert states["CPU"].loaded


def test_layers_go_where_they_are_told(client: EngineClient, backend: str, model: str) -> None:
    device = device_of(client, backend)
    every = load(client, model, 1000)
    assert every.gpu_layers == every.layers + 1
    assert every.backend == backend
    half = load(client, model, every.layers // 2)
    assert half.gpu_layers == every.layers // 2
    none = load(client, model, 0)
    assert none.gpu_layers == 0
    assert none.backend == "CPU"
    assert there_bytes(none, device) == 0
    assert 0 < there_bytes(half, device) < there_bytes(every, device)
    # Of the weights all but the token embeddings, which stay here, and beside them the cache.
    assert there_bytes(every, device) > 0.5 * every.size_bytes


def test_automatic_takes_every_layer_where_they_fit(client: EngineClient, backend: str, model: str) -> None:
    if usable_bytes(device_of(client, backend)) < 1 << 30:
        pytest.skip("less than 1 GiB is free on the card")
    info = load(client, model, -1)
    assert info.gpu_layers == info.layers + 1
    assert info.notices == []


def test_greedy_replies_are_the_processor_s_up_to_near_ties(client: EngineClient, model: str) -> None:
    load(client, model, 0)
    here = reply(client, STORY, 12)
    load(client, model, 1000)
    there = reply(client, STORY, 12)
    assert len(here) == len(there) == 12
    for ours, theirs in zip(here, there, strict=True):
        if ours.drawn.token != theirs.drawn.token:
            best, second = ours.top
            assert best.logprob - second.logprob < NEAR_TIE
            assert theirs.drawn.token == second.token
            break
        assert abs(ours.drawn.logprob - theirs.drawn.logprob) < NEAR_TIE


def test_a_reply_is_cancelled_within_a_step(client: EngineClient, model: str) -> None:
    load(client, model, 1000)
    begun = threading.Event()
    generation = client.generate(STORY, ignore_eog=True, on_event=lambda _: begun.set())
    assert begun.wait(WAIT_S)
    generation.cancel()
    assert generation.future.result(WAIT_S).reason == "cancelled"


def test_unloading_gives_the_memory_back(client: EngineClient, backend: str, model: str) -> None:
    load(client, model, 1000, context_tokens=2048)
    client.unload().result(WAIT_S)
    process = psutil.Process(client.state.pid)
    resident_bytes = process.memory_info().rss
    free_bytes = device_of(client, backend).memory_free_bytes
    # The second time nothing is kept that the first had not kept: drivers and shaders stay.
    load(client, model, 1000, context_tokens=2048)
    client.unload().result(WAIT_S)
    assert process.memory_info().rss - resident_bytes < 30_000_000
    if device_of(client, backend).memory_total_bytes < psutil.virtual_memory().total:
        # Of lavapipe it is the RAM that is free, which others take too.
        assert free_bytes - device_of(client, backend).memory_free_bytes < 30_000_000


def test_layers_are_chosen_by_the_free_memory(backend: str, model: str) -> None:
    """On a card with little memory: a larger one is told to have less, by the line that reads its memory."""
    program = (
        "import app.engine.llama.backend as native, msgspec, os\n"
        "from app.engine.worker import worker\n"
        "real, free = native.device_of, int(os.environ['FREE_BYTES'])\n"
        "def small(ggml, handle):\n"
        "    device = real(ggml, handle)\n"
        "    if device.kind == 'cpu': return device\n"
        "    return msgspec.structs.replace(device, memory_total_bytes=free, memory_free_bytes=free)\n"
        "native.device_of = small\n"
        "worker.main()\n"
    )
    settings = LoadSettings(context_tokens=256, batch_tokens=BATCH_TOKENS)
    command = [child_command("engine")[0], "-c", program]
    client = engine_with({"FREE_BYTES": str(room_for_some_layers(model, settings))}, command)
    try:
        device_of(client, backend)
        info = client.load(model, settings).future.result(WAIT_S)
        assert 0 < info.gpu_layers <= info.layers
        assert any("the rest on the processor" in str(notice) for notice in info.notices)
        assert reply(client, STORY, 2)
    finally:
        client.close()


def room_for_some_layers(model: str, settings: LoadSettings) -> int:
    """The least free memory of a card with which the plan is to put some layers there and not all."""
    facts = read_facts(Backend(NativeLog()).ggml, Path(model))
    for free_bytes in range(400 << 20, 4 << 30, 1 << 20):
        card = Device(
            name="GPU",
            description="a card",
            backend="any",
            kind="gpu",
            memory_total_bytes=free_bytes,
            memory_free_bytes=free_bytes,
        )
        plan = plan_load(settings, facts.shape, facts.rope, Room((card,), 8 << 30, 1)).settings
        if plan.gpu_layers:
            return free_bytes
    raise AssertionError("the plan uses no card")


@pytest.mark.vulkan
@pytest.mark.parametrize("backend", ["Vulkan"], scope="module")
def test_a_card_that_cannot_take_the_model_leaves_it_to_the_processor(backend: str, model: str) -> None:
    """ggml's own variable limits a buffer to 64 KiB, and no matrix finds a place."""
    client = engine_with({"GGML_VK_FORCE_MAX_BUFFER_SIZE": str(64 << 10)}, child_command("engine"))
    try:
        device_of(client, backend)
        info = load(client, model, -1)
        assert info.gpu_layers <= info.layers
        assert any("graphics card has too little memory" in str(notice) for notice in info.notices)
        assert reply(client, STORY, 2)
    finally:
        client.close()


@pytest.mark.vulkan
@pytest.mark.parametrize("backend", ["Vulkan"], scope="module")
def test_a_card_that_is_lost_costs_one_reply(backend: str, model: str, tmp_path: Path) -> None:
    """A stand-in between ggml and the driver says that the device is lost, as a driver does."""
    when = tmp_path / "lost"
    environment = {"LD_PRELOAD": str(lost_gpu(tmp_path)), "LOST_GPU_WHEN": str(when)}
    client = engine_with(environment, child_command("engine"))
    try:
        device_of(client, backend)
        load(client, model, 1000)
        begun = threading.Event()
        lost = client.generate(STORY, sampling=GREEDY, ignore_eog=True, on_event=lambda _: begun.set())
        assert begun.wait(WAIT_S)
        when.touch()
        with pytest.raises(EngineError, match="graphics card stopped working"):
            lost.future.result(WAIT_S)
        when.unlink()
        assert reply(client, STORY, 2)
        info = client.state.model
        assert info is not None
        assert info.gpu_layers == info.layers + 1
    finally:
        client.close()


@pytest.mark.vulkan
@pytest.mark.parametrize("backend", ["Vulkan"], scope="module")
def test_the_panel_follows_the_cards_memory_and_loses_it_with_the_engine(backend: str, model: str) -> None:
    client = EngineClient(child_command("engine"))
    # Each look at this clock is a second later: it is always time to read again.
    cards = CardMonitor(client.read_cards, itertools.count(step=LOADED_PERIOD_S).__next__)
    read, dead = threading.Semaphore(0), threading.Event()
    client.observe(cards.on_state)
    client.observe_events(cards.on_event)
    client.observe_events(lambda event: read.release() if isinstance(event, CardsRead) else None)
    client.observe(lambda state: dead.set() if state.phase == "dead" else None)
    try:
        device = device_of(client, backend)
        info = load(client, model, 1000)
        generation = client.generate(STORY, sampling=GREEDY, ignore_eog=True)
        for _ in range(3):
            found = {card.name: card for card in cards.poll(NO_NVIDIA) or ()}
            card = found[device.description]
            assert card.own_vram_bytes == there_bytes(info, device) > 0
            assert card.own_vram_bytes <= card.vram_used_bytes <= card.vram_total_bytes
            assert read.acquire(timeout=WAIT_S)
        assert not generation.future.done()
        pid = client.state.pid
        assert pid is not None
        psutil.Process(pid).kill()
        assert dead.wait(WAIT_S)
        with pytest.raises(EngineError):
            generation.future.result(WAIT_S)
        back = {card.name: card.own_vram_bytes for card in cards.poll(NO_NVIDIA) or ()}
        assert back.get(device.description, 0) == 0
    finally:
        client.close()


def engine_with(environment: dict[str, str], command: list[str]) -> EngineClient:
    """A client whose engine's process has these variables."""
    if os.name != "posix":
        pytest.skip("sets variables by `env`")
    pairs = [f"{name}={value}" for name, value in environment.items()]
    return EngineClient(["env", *pairs, *command])


def lost_gpu(folder: Path) -> Path:
    """The stand-in, compiled."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("the stand-in for a lost card needs a C compiler")
    library = folder / "liblost_gpu.so"
    source = Path(__file__).parents[1] / "support" / "lost_gpu.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    return library
