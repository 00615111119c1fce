"""The memory that a model takes, in RAM and on a graphics card, before anything is loaded.

The one estimate of Stillroom: the engine plans its load with it, the advisor shows it. Checked against what
llama.cpp allocates in tests/unit/models/memory/test_memory_need.py.
"""

from dataclasses import dataclass, replace

from models.memory.compute_buffer import (
    compute_buffer_bytes,
    device_buffer_bytes,
    host_buffer_bytes,
    input_bytes,
    output_buffer_bytes,
)
from models.memory.kv_cache import kv_cache_bytes
from models.memory.memory_request import Demand, step_on_cards
from models.quantisation.model_shape import ModelShape
from models.quantisation.weights import Weights

# With several cards llama.cpp keeps this many copies of a step's inputs (GGML_SCHED_MAX_COPIES).
_PIPELINE_COPIES = 4
# Of larger batches a card also computes the layers in RAM, for which it borrows one matrix at a time
# (ggml_backend_offload_op in ggml/src/ggml-cuda).
_BORROWING_BATCH_TOKENS = 32


@dataclass(frozen=True, slots=True)
class Share:
    """Bytes in one kind of memory. `compute` is the scratch memory of a step, with the logits in RAM."""

    weights: int = 0
    cache: int = 0
    compute: int = 0

    @property
    def total(self) -> int:
        """Everything."""
        return self.weights + self.cache + self.compute


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """The memory that a model takes in RAM and on the graphics cards."""

    ram: Share
    device: Share

    @property
    def total(self) -> int:
        """RAM and graphics cards together."""
        return self.ram.total + self.device.total


def memory_need(
    shape: ModelShape, weights: Weights, demand: Demand, gpu_layers: int = 0, *, cards: int = 1
) -> MemoryNeed:
    """Compute what a model takes with the last `gpu_layers` on `cards` graphics cards (the output is the
    first of them): what llama.cpp allocates, and what of a mapped file its steps read."""
    cache = kv_cache_bytes(shape, demand.total_tokens, demand.kv_type)
    logits = output_buffer_bytes(shape, demand)
    in_ram = weights.in_ram(gpu_layers, copied=demand.copies_weights)
    if gpu_layers <= 0:
        return MemoryNeed(Share(in_ram, cache, compute_buffer_bytes(shape, demand) + logits), Share())
    on_card = min(gpu_layers - 1, shape.layers)
    whole = on_card == shape.layers
    demand = _at_a_time(demand, whole=whole, cards=cards)
    on_host = not whole and demand.step_tokens < _BORROWING_BATCH_TOKENS
    host_compute = compute_buffer_bytes(shape, demand) if on_host else host_buffer_bytes(shape, demand)
    device = Share(
        weights.on_device(gpu_layers),
        cache * on_card // shape.layers,
        card_compute_bytes(shape, weights, demand, whole=whole, cards=cards) * cards,
    )
    ram = Share(in_ram, cache - device.cache, host_compute + logits)
    return MemoryNeed(ram, device)


def card_compute_bytes(
    shape: ModelShape, weights: Weights, demand: Demand, *, whole: bool, cards: int = 1
) -> int:
    """Compute the scratch memory of each card; without the `whole` model it borrows the other layers."""
    demand = _at_a_time(demand, whole=whole, cards=cards)
    if not whole and demand.step_tokens >= _BORROWING_BATCH_TOKENS:
        return device_buffer_bytes(shape, demand, max(weights.layers))
    copies = _PIPELINE_COPIES if whole and cards > 1 else 1
    return device_buffer_bytes(shape, demand) + (copies - 1) * input_bytes(shape, demand)


def _at_a_time(demand: Demand, *, whole: bool, cards: int) -> Demand:
    return replace(demand, batch_tokens=step_on_cards(demand.batch_tokens, whole=whole, cards=cards))
