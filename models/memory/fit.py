"""Estimate whether a model runs on this computer, where, and about how fast.

Computed from the dimensions (`models.memory.memory_need`).
"""

from dataclasses import dataclass, field
from enum import StrEnum

from models.memory.layer_split import gpu_layers_that_fit, usable_vram_bytes
from models.memory.memory_need import MemoryNeed, memory_need
from models.memory.memory_request import Demand
from models.quantisation.model_shape import ModelShape
from models.quantisation.sizes import weights_of
from models.quantisation.weights import Weights
from models.system.units import byte_count

DEFAULT_CONTEXT_TOKENS = 16384

# What the desktop and other programs must keep.
SPARE_RAM_BYTES = 1536 << 20


class Verdict(StrEnum):
    """The memory that a model runs in."""

    GPU = "gpu"
    PARTLY = "partly"
    RAM = "ram"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class GpuMemory:
    """One GPU and the bytes that are free on it now. `bytes_per_s` is what replies were measured to read
    from it, 0 where that is not known yet."""

    name: str
    free_bytes: int
    total_bytes: int = 0
    bytes_per_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Memory:
    """The free memory of this computer: `ram_bytes`, and each GPU that the installed llama.cpp can use.

    `ram_bytes_per_s` is how fast the processor was measured to read, 0 where that is not known yet.
    """

    ram_bytes: int
    gpus: tuple[GpuMemory, ...] = ()
    ram_bytes_per_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Fit:
    """The verdict on one model in one quantisation and its reason.

    `reason` is an English template that `values` fills. `gpu_layers` of `layers` fit on the GPUs (the output
    matrix is the last). `tok_per_s` is the most that the memory allows while the context is short, None where
    its speed is not known.
    """

    verdict: Verdict
    quantisation: str
    demand: Demand
    need: MemoryNeed
    gpu_layers: int
    layers: int
    tok_per_s: float | None
    reason: str
    values: dict[str, str] = field(default_factory=dict)

    @property
    def context_tokens(self) -> int:
        """Tokens of each sequence."""
        return self.demand.context_tokens

    @property
    def weights_bytes(self) -> int:
        """The weights, wherever they are."""
        return self.need.ram.weights + self.need.device.weights

    @property
    def cache_bytes(self) -> int:
        """Keys and values, wherever they are."""
        return self.need.ram.cache + self.need.device.cache

    @property
    def buffer_bytes(self) -> int:
        """Scratch memory and logits, wherever they are."""
        return self.need.ram.compute + self.need.device.compute

    @property
    def needed_bytes(self) -> int:
        """Weights, cache and buffers."""
        return self.need.total

    def __str__(self) -> str:
        return self.reason.format(**self.values)


def fit(
    shape: ModelShape,
    quantisation: str,
    memory: Memory,
    *,
    context_tokens: int = DEFAULT_CONTEXT_TOKENS,
    kv_type: str = "f16",
) -> Fit:
    """Estimate where a model of `shape` runs in `quantisation` with this context."""
    demand = Demand(context_tokens, kv_type=kv_type)
    return fit_weights(shape, weights_of(shape, quantisation), quantisation, memory, demand)


def fit_weights(
    shape: ModelShape, weights: Weights, quantisation: str, memory: Memory, demand: Demand
) -> Fit:
    """Estimate the same for weights whose sizes are known, such as those of a file on disk."""
    rooms = [usable_vram_bytes(gpu.free_bytes, gpu.total_bytes) for gpu in memory.gpus]
    on_gpu = gpu_layers_that_fit(shape, weights, demand, rooms) if rooms else 0
    need = memory_need(shape, weights, demand, on_gpu, cards=max(1, len(rooms)))
    whole = shape.layers + 1
    too_large = need.ram.total > max(0, memory.ram_bytes - SPARE_RAM_BYTES)
    if too_large:
        verdict = Verdict.TOO_LARGE
    elif on_gpu == whole:
        verdict = Verdict.GPU
    else:
        verdict = Verdict.PARTLY if on_gpu else Verdict.RAM
    values: dict[str, str] = {
        "weights": byte_count(need.ram.weights + need.device.weights),
        "cache": byte_count(need.ram.cache + need.device.cache),
        "buffers": byte_count(need.ram.compute + need.device.compute),
        "needed": byte_count(need.ram.total if too_large else need.total),
        "context": f"{demand.context_tokens:,}",
        "gpu": " + ".join(gpu.name for gpu in memory.gpus),
        "free": byte_count(sum(gpu.free_bytes for gpu in memory.gpus)),
        "ram": byte_count(memory.ram_bytes),
        "gpu_layers": str(on_gpu),
        "layers": str(whole),
    }
    return Fit(
        verdict=verdict,
        quantisation=quantisation,
        demand=demand,
        need=need,
        gpu_layers=on_gpu,
        layers=whole,
        tok_per_s=None if too_large else _tok_per_s(weights, memory, on_gpu),
        reason=_REASONS[verdict],
        values=values,
    )


_REASONS = {
    Verdict.GPU: (
        "Fits entirely on the {gpu} with a context of {context} tokens: {weights} weights + {cache} cache + "
        "{buffers} buffers, {free} free."
    ),
    Verdict.PARTLY: (
        "{gpu_layers} of {layers} layers fit on the {gpu} ({free} free), the rest runs on the processor: "
        "{needed} with a context of {context} tokens."
    ),
    Verdict.RAM: (
        "Runs on the processor: {weights} weights + {cache} cache + {buffers} buffers with a context of "
        "{context} tokens, {ram} of RAM free."
    ),
    Verdict.TOO_LARGE: "Too large: {needed} of RAM needed with a context of {context} tokens, {ram} free.",
}


def _tok_per_s(weights: Weights, memory: Memory, gpu_layers: int) -> float | None:
    """Estimate the speed: each token reads all weights once, the cards' parts one after the other."""
    on_device = weights.on_device(gpu_layers)
    in_ram = weights.read_per_token - on_device
    # The slowest card stands for all: how llama.cpp divides the layers is not known before the load.
    device_bytes_per_s = min((gpu.bytes_per_s for gpu in memory.gpus), default=0.0)
    seconds = 0.0
    for size, bytes_per_s in ((on_device, device_bytes_per_s), (in_ram, memory.ram_bytes_per_s)):
        if size:
            if not bytes_per_s:
                return None
            seconds += size / bytes_per_s
    return 1 / seconds if seconds else None
