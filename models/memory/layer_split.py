"""Compute how many layers of a model fit on graphics cards, and what may be planned for on one."""

import sys
from collections.abc import Sequence
from pathlib import Path

from models.memory.kv_cache import kv_cache_bytes
from models.memory.memory_need import card_compute_bytes
from models.memory.memory_request import Demand
from models.quantisation.model_shape import ModelShape
from models.quantisation.weights import Weights

# What the driver, its kernels and its own scratch memory take beside llama.cpp's buffers (CUDA's context is
# about 300 MB), and what the desktop takes meanwhile.
VRAM_RESERVE_BYTES = 400 << 20
VRAM_RESERVE_FRACTION = 0.03

# Where nothing fails when a card is full, all becomes slow, and the desktop takes more of what is free now.
PAGED_RESERVE_BYTES = 1 << 30

_WSL = Path("/dev/dxg")
"""The device by which Linux under Windows (WSL) reaches Windows' cards."""


def driver_pages() -> bool:
    """Tell whether cards' drivers move to RAM what a card cannot hold, in place of refusing it: Windows'
    do, and WSL's cards are Windows'.

    https://nvidia.custhelp.com/app/answers/detail/a_id/5490
    """
    return sys.platform == "win32" or _WSL.exists()


def usable_vram_bytes(free_bytes: int, total_bytes: int, *, pages: bool = False) -> int:
    """Return the bytes that may be planned for on a card: free memory less a reserve, a larger one where
    its driver `pages` (`driver_pages`)."""
    reserve = VRAM_RESERVE_BYTES + int(total_bytes * VRAM_RESERVE_FRACTION)
    return max(0, free_bytes - (max(reserve, PAGED_RESERVE_BYTES) if pages else reserve))


def gpu_layers_that_fit(shape: ModelShape, weights: Weights, demand: Demand, rooms: Sequence[int]) -> int:
    """Compute how many layers, from the output on, cards with `rooms` bytes hold; 0 to layers + 1.

    With several cards llama.cpp splits the layers by free memory, so the sum counts, less the compute buffer
    of each and the rounding of one layer each.
    """
    whole = shape.layers + 1
    cache = kv_cache_bytes(shape, demand.total_tokens, demand.kv_type) / shape.layers
    costs = [float(weights.output), *(size + cache for size in reversed(weights.layers))]
    for is_whole in (True, False):
        compute = card_compute_bytes(shape, weights, demand, whole=is_whole, cards=len(rooms))
        left = [room - compute for room in rooms if room > compute]
        room = float(sum(left))
        if len(left) > 1:
            room -= max(weights.layers) * (len(left) - 1)
        fitting = 0
        for cost in costs:
            room -= cost
            if room < 0:
                break
            fitting += 1
        if fitting == whole or not is_whole:
            return min(fitting, whole if is_whole else whole - 1)
    return 0
