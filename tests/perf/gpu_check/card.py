"""The card that is checked, or what stands in: lavapipe (Vulkan on the processor), or the processor."""

import importlib.metadata
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from app.base.children import child_command
from app.base.errors import StillroomError
from app.engine.client.client import EngineClient
from app.engine.protocol import Device, LoadSettings, ModelInfo
from app.telemetry.nvml import NvmlReader
from tests.perf.gpu_check.points import COMMIT

WAIT_S = 540.0
"""No answer takes longer: single commands of ten minutes are all that some computers allow."""

CACHES = ("CUDA_CACHE_PATH", "__GL_SHADER_DISK_CACHE_PATH", "MESA_SHADER_CACHE_DIR")
"""The variables of the folders in which drivers keep what they have compiled for a card."""


@dataclass(frozen=True, slots=True)
class Card:
    """`backend` is ggml's name; `stands_in` says what computes in a card's place, empty for a card."""

    backend: str
    device: str
    name: str
    total_bytes: int
    stands_in: str = ""

    @property
    def all_layers(self) -> int:
        """The layers to ask for where all are to be on the card."""
        return 0 if self.backend == "CPU" else 1000

    def used_bytes(self, client: EngineClient) -> int:
        """The card's memory that is in use, of all programs; of a stand-in, the engine's own RAM."""
        if self.backend == "CUDA":
            samples = NvmlReader().read().gpus
            found = [sample for sample in samples if sample.name == self.name] or list(samples)
            if found:
                return found[0].vram_used_bytes
        if self.backend == "Vulkan" and not self.stands_in:
            (device,) = [each for each in _devices(client) if each.name == self.device]
            return device.memory_total_bytes - device.memory_free_bytes
        return int(psutil.Process(client.state.pid).memory_info().rss)


def find_card(wanted: str) -> Card:
    """Ask an engine for its devices; `wanted` is a back end, or "auto" for CUDA, Vulkan, the processor."""
    with engine() as client:
        devices = _devices(client)
    for backend in ("CUDA", "Vulkan", "CPU") if wanted == "auto" else (wanted,):
        for device in devices:
            if device.backend == backend and device.kind in ("gpu", "igpu", "cpu"):
                return Card(
                    backend,
                    device.name,
                    device.description or device.name,
                    device.memory_total_bytes,
                    _stands_in(device),
                )
    raise StillroomError(
        "This llama.cpp has no {backend} device here.",
        "It has: {devices}.",
        backend=wanted,
        devices=", ".join(f"{device.name} ({device.description})" for device in devices),
    )


def _stands_in(device: Device) -> str:
    if device.kind == "cpu":
        return "the processor"
    return "lavapipe, which computes on the processor" if "llvmpipe" in device.description else ""


def _devices(client: EngineClient) -> list[Device]:
    return client.list_devices().result(WAIT_S).devices


@contextmanager
def engine(environment: Mapping[str, str] = {}) -> Iterator[EngineClient]:
    """An engine in a process of its own, with these variables."""
    pairs = [f"{name}={value}" for name, value in environment.items()]
    client = EngineClient(["env", *pairs, *child_command("engine")] if pairs else child_command("engine"))
    client.start()
    try:
        yield client
    finally:
        client.close()


@contextmanager
def loaded(
    model: Path, settings: LoadSettings, environment: Mapping[str, str] = {}
) -> Iterator[tuple[EngineClient, ModelInfo]]:
    """An engine with a model, and how that was placed."""
    with engine(environment) as client:
        yield client, client.load(str(model), settings).future.result(WAIT_S)


def facts_of(card: Card, scale: str) -> dict[str, str]:
    """Name the things that a figure belongs to: card, driver, processor, versions."""
    return {
        "card": card.name,
        "back end": card.backend,
        "stands in": card.stands_in,
        "driver": NvmlReader().read().driver,
        "memory of the card": f"{card.total_bytes / 1e9:.1f} GB",
        "processors": str(os.cpu_count()),
        "RAM": f"{psutil.virtual_memory().total / 1e9:.0f} GB",
        "llama-cpp-python": importlib.metadata.version("llama-cpp-python"),
        COMMIT: _commit(),
        "scale": scale,
    }


def _commit() -> str:
    root = Path(__file__).parents[3]
    brought = root / "commit"
    if brought.is_file():
        # A kit's repository (packaging/engine/gpu_kit.py), which may lie inside another.
        return brought.read_text("utf-8").strip()
    asked = ["git", "-C", str(root), "rev-parse", "--short", "HEAD"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()
