"""Say which of NVIDIA's cards the CUDA back end may see, by what their management library (NVML) knows.

CUDA itself lists cards that it has no kernels for, and of a card that is divided (MIG) any one instance.
"""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""https://docs.nvidia.com/cuda/cuda-c-programming-guide/#cuda-environment-variables"""

LARGEST_CACHE_BYTES = (1 << 32) - 1
"""The most that CUDA_CACHE_MAXSIZE takes."""

OLDEST = (7, 5)
"""The oldest compute capability that CUDA 13 has kernels for: Turing."""


@dataclass(frozen=True, slots=True)
class NvidiaCard:
    """A card, or an instance of a divided one (`divided`). `vram_bytes_per_s` is 0 where it is not told."""

    uuid: str
    name: str
    capability: tuple[int, int]
    memory_bytes: int
    vram_bytes_per_s: float = 0.0
    divided: bool = False


def capable_cards(cards: Sequence[NvidiaCard]) -> list[NvidiaCard]:
    """Return those that the back end computes on, in the order in which they are to be listed.

    The fastest memory first, since that decides how fast a model writes; of a divided card's instances the
    largest, and no other card beside it, because CUDA takes one instance a process and nothing else.
    """
    able = [card for card in cards if card.capability >= OLDEST]
    whole = [card for card in able if not card.divided]
    if not whole:
        return sorted(able, key=lambda card: card.memory_bytes, reverse=True)[:1]
    return sorted(whole, key=lambda card: (card.vram_bytes_per_s, card.capability), reverse=True)


def hide_none(_uuid: str) -> bool:
    """Hide no card."""
    return False


def visible_devices(cards: Sequence[NvidiaCard], hides: Callable[[str], bool] = hide_none) -> str | None:
    """Return the value of `VISIBLE` for these cards; None where CUDA's own choice is right.

    `hides` tells by its UUID whether a card failed its check (`cuda_runtime.KernelCheck.hides`).
    """
    wanted = [card.uuid for card in capable_cards(cards) if not hides(card.uuid)]
    if len(wanted) == len(cards) <= 1 or not cards:
        return None
    # CUDA stops at the first that it does not know, and so lists none.
    return ",".join(wanted) or "-1"


def show_cuda(hides: Callable[[str], bool] = hide_none) -> None:
    """Let this process's CUDA see the right cards only; before it is loaded. Asks the driver, which may hang.

    What the user has set stays.
    """
    if VISIBLE in os.environ:
        return
    visible = visible_devices(nvidia_cards(), hides)
    if visible is not None:
        os.environ[VISIBLE] = visible


def keep_kernels(folder: Path) -> None:
    """Let the driver keep in `folder` what it compiles for a card; before CUDA is loaded.

    Its own folder holds 1 GB, of all programs together, and what is used least goes first.
    """
    os.environ.setdefault("CUDA_CACHE_PATH", str(folder))
    os.environ.setdefault("CUDA_CACHE_MAXSIZE", str(LARGEST_CACHE_BYTES))


def nvidia_cards() -> list[NvidiaCard]:
    """Ask NVML for the cards; empty where it is not there or does not answer rightly. Any thread."""
    import pynvml  # 30 ms, and only where CUDA is

    nvml: Any = pynvml
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        log.info("NVML does not start: %s", error)
        return []
    try:
        handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
        return [card for handle in handles for card in _cards(nvml, handle)]
    except nvml.NVMLError as error:
        log.warning("NVML does not tell the cards: %s", error)
        return []
    finally:
        nvml.nvmlShutdown()


def _cards(nvml: Any, handle: Any) -> Iterator[NvidiaCard]:
    capability = tuple(nvml.nvmlDeviceGetCudaComputeCapability(handle))
    name = nvml.nvmlDeviceGetName(handle)
    instances = list(_instances(nvml, handle))
    for each in instances or [handle]:
        yield NvidiaCard(
            uuid=nvml.nvmlDeviceGetUUID(each),
            name=name,
            capability=(capability[0], capability[1]),
            memory_bytes=nvml.nvmlDeviceGetMemoryInfo(each).total,
            vram_bytes_per_s=_bandwidth(nvml, handle),
            divided=bool(instances),
        )


def _instances(nvml: Any, handle: Any) -> Iterator[Any]:
    try:
        present, _ = nvml.nvmlDeviceGetMigMode(handle)
        count = nvml.nvmlDeviceGetMaxMigDeviceCount(handle) if present else 0
    except nvml.NVMLError:
        return
    for index in range(count):
        try:
            yield nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)
        except nvml.NVMLError:
            continue


def _bandwidth(nvml: Any, handle: Any) -> float:
    try:
        clock_mhz = nvml.nvmlDeviceGetMaxClockInfo(handle, nvml.NVML_CLOCK_MEM)
        return float(clock_mhz * 1e6 * 2 * nvml.nvmlDeviceGetMemoryBusWidth(handle) / 8)
    except nvml.NVMLError:
        return 0.0
