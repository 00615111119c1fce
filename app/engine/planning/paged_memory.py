"""Tell after a load whether a card's driver keeps a part of it in RAM, in place of failing. Pure.

Windows' drivers do so where a card is full (`models.memory.memory_reserve.driver_pages`): all works, at the
speed of the bus. Free memory alone does not tell, since what others have there may be moved out instead.
"""

from collections.abc import Mapping, Sequence

from app.engine.planning.memory_watch import short_vram_bytes
from app.engine.protocol import Device

SURPLUS_FRACTION = 0.05
"""So much more than was free may be allocated; other programs end meanwhile, and figures are rounded."""

CERTAINLY_FAST_S = 0.01
"""A token in less is fast whatever lies where."""

CARD_BYTES_PER_S = 150e9
"""Weights that are read faster than this for each token lie on the card: a bus carries 12 to 60 GB/s, and a
model of which a quarter comes over it is read at some 50 to 150."""

BUS_BYTES_PER_S = 60e9
"""Slower no card is that CUDA serves (the GTX 1650 reads some 85 GB/s), where all layers are on it."""


def looks_full(before: Sequence[Device], now: Sequence[Device], allocated: Mapping[str, int]) -> bool:
    """Tell whether more was `allocated` on a card (bytes by its name) than was free `before`, or next to
    nothing is free `now`: a reason to look at its speed."""
    free_now = {device.name: device.memory_free_bytes for device in now}
    return any(
        _surplus(device, allocated) > 0
        or free_now.get(device.name, device.memory_total_bytes) < short_vram_bytes(device.memory_total_bytes)
        for device in before
        if _pages(device) and allocated.get(device.name, 0)
    )


def is_paged(
    before: Sequence[Device], allocated: Mapping[str, int], weights_bytes: int, token_s: float, *, whole: bool
) -> bool:
    """Tell whether cards that look full have a part of what was allocated in RAM. A token takes `token_s`;
    `weights_bytes` lie on the cards, `whole` says that all layers do."""
    if token_s < CERTAINLY_FAST_S:
        return False
    bytes_per_s = weights_bytes / token_s
    if any(_surplus(device, allocated) > 0 for device in before if _pages(device)):
        return bytes_per_s < CARD_BYTES_PER_S
    return whole and bytes_per_s < BUS_BYTES_PER_S


def _pages(device: Device) -> bool:
    return device.kind == "gpu" and device.backend != "RPC"


def _surplus(device: Device, allocated: Mapping[str, int]) -> float:
    return allocated.get(device.name, 0) * (1 - SURPLUS_FRACTION) - device.memory_free_bytes
