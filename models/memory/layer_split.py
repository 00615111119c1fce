"""Compute how many layers of a model fit on graphics cards."""

from collections.abc import Sequence

from models.memory.kv_cache import kv_cache_bytes
from models.memory.memory_need import card_compute_bytes
from models.memory.memory_request import Demand
from models.quantisation.model_shape import ModelShape
from models.quantisation.weights import Weights


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
