"""The bundle's Vulkan on Mesa's lavapipe, which computes on the processor: real offload, no speed."""

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.engine.client.client import EngineClient
from app.engine.protocol import CardsRead, Delta, Device, Generate, LoadSettings, ModelInfo
from app.telemetry.nvml import GpuReading
from app.telemetry.other_gpus import LOADED_PERIOD_S, CardMonitor
from converters.build.build_client import build
from converters.process.messages import BuildRequest
from tests.support.bundle import PROGRAM, answer, users_environment
from tests.support.engines import GREEDY, STORY
from tests.support.tiny_models import make_tiny_model

WAIT_S = 600
"""Lavapipe compiles each shader when it is first used."""
LAVAPIPE = Path("/usr/share/vulkan/icd.d/lvp_icd.json")
USE_IT = {
    "VK_DRIVER_FILES": str(LAVAPIPE),
    "GGML_VK_VISIBLE_DEVICES": "0",  # ggml passes a processor over unless it is named
    "GALLIVM_PERF": "nopt",
}
BATCH_TOKENS = 8
"""Up to eight ggml's Vulkan multiplies with vectors; lavapipe compiles the matrix shaders for minutes."""

pytestmark = [
    pytest.mark.bundle,
    pytest.mark.timeout(2 * WAIT_S),
    pytest.mark.skipif(not LAVAPIPE.exists(), reason="needs Mesa's lavapipe"),
]

Engines = Callable[..., EngineClient]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny R1 with random weights."""
    folder = tmp_path_factory.mktemp("tiny")
    command = [str(PROGRAM), "--child", "build"]
    checkpoint = make_tiny_model("llama", folder)
    built = build(BuildRequest(checkpoint, ["Q8_0"], folder, "tiny"), command)
    return str(built.outputs[0].path)


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Engines]:
    """Starts the bundle's engine with more variables."""
    clients: list[EngineClient] = []

    def start(**more: str) -> EngineClient:
        pairs = [f"{name}={value}" for name, value in (users_environment(tmp_path) | USE_IT | more).items()]
        clients.append(EngineClient(["env", "-i", *pairs, str(PROGRAM), "--child", "engine"]))
        clients[-1].start()
        return clients[-1]

    yield start
    for client in clients:
        client.close()


def vulkan(client: EngineClient) -> Device:
    (device,) = [found for found in client.list_devices().result(WAIT_S).devices if found.backend == "Vulkan"]
    return device


def load(client: EngineClient, model: str, gpu_layers: int) -> ModelInfo:
    settings = LoadSettings(context_tokens=256, batch_tokens=BATCH_TOKENS, gpu_layers=gpu_layers)
    return client.load(model, settings).future.result(WAIT_S)


def tokens(client: EngineClient) -> list[int]:
    drawn: list[int] = []

    def note(event: object) -> None:
        if isinstance(event, Delta):
            drawn.extend(row.drawn.token for row in event.logprobs)

    request = Generate(request_id=0, parts=STORY, sampling=GREEDY, max_tokens=4, logprobs=1)
    client.ask(request, note).future.result(WAIT_S)
    return drawn


def test_every_layer_goes_to_the_card_and_answers_as_the_processor_does(engines: Engines, model: str) -> None:
    client = engines()
    device = vulkan(client)
    assert 0 < device.memory_free_bytes <= device.memory_total_bytes
    here = load(client, model, 0)
    assert here.buffers.get(device.name, 0) == 0
    expected = tokens(client)
    there = load(client, model, 1000)
    assert there.gpu_layers == there.layers + 1
    assert there.backend == "Vulkan"
    assert there.buffers[device.name] > 0.5 * there.size_bytes
    assert tokens(client)[0] == expected[0]


def test_the_live_panel_is_told_what_the_model_takes(engines: Engines, model: str) -> None:
    client = engines()
    # Each look at this clock is a second later: it is always time to read again.
    cards = CardMonitor(client.read_cards, itertools.count(step=LOADED_PERIOD_S).__next__)
    read = threading.Semaphore(0)
    client.observe(cards.on_state)
    client.observe_events(cards.on_event)
    client.observe_events(lambda event: read.release() if isinstance(event, CardsRead) else None)
    device = vulkan(client)
    info = load(client, model, 1000)
    for _ in range(2):
        (card,) = cards.poll(GpuReading("no_driver")) or ()
        assert card.name == device.description
        assert card.own_vram_bytes == info.buffers[device.name]
        assert card.own_vram_bytes <= card.vram_used_bytes <= card.vram_total_bytes
        assert read.acquire(timeout=WAIT_S)


def test_a_card_without_room_leaves_the_model_to_the_processor(engines: Engines, model: str) -> None:
    """ggml's own variable limits a buffer to 64 KiB, and no matrix finds a place."""
    client = engines(GGML_VK_FORCE_MAX_BUFFER_SIZE=str(64 << 10))
    vulkan(client)
    info = load(client, model, -1)
    assert any("graphics card has too little memory" in str(notice) for notice in info.notices)
    assert len(tokens(client)) == 4


def test_doctor_shows_the_cards_memory(tmp_path: Path) -> None:
    found = answer(users_environment(tmp_path) | USE_IT, "doctor")
    (card,) = [gpu for gpu in found["gpus"] if "llvmpipe" in gpu["name"]]
    assert card["backends"] == ["Vulkan"]
    assert 0 < card["vram_free_bytes"] <= card["vram_total_bytes"]
