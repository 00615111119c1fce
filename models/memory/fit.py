"""Judge whether a planned load runs on this computer, where, and about how fast."""

from dataclasses import dataclass, field
from enum import StrEnum

from models.memory.memory_need import MemoryNeed
from models.memory.memory_request import Demand
from models.memory.memory_reserve import SPARE_RAM_BYTES
from models.quantisation.quantisation_types import FULL_PRECISION
from models.quantisation.weights import Weights
from models.system.units import byte_count, unlike_counts

EIGHT_BIT_AND_MORE = frozenset(("Q8_0", *FULL_PRECISION))


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

    `ram_bytes_per_s` is how fast the processor was measured to read weights, 0 where that is not known yet;
    `eight_bit_bytes_per_s` is that of weights of 8 bits and more, 0 where it is taken to be the same.
    `speed_is_provisional` says that it was busy with other programs meanwhile. `large_pages` says that the
    engine gets its memory in such, into which weights are copied.
    """

    ram_bytes: int
    gpus: tuple[GpuMemory, ...] = ()
    ram_bytes_per_s: float = 0.0
    eight_bit_bytes_per_s: float = 0.0
    speed_is_provisional: bool = False
    large_pages: bool = False

    def reading_bytes_per_s(self, quantisation: str) -> float:
        """Return how fast weights of this type are read from RAM."""
        is_eight_bit = quantisation in EIGHT_BIT_AND_MORE
        return (is_eight_bit and self.eight_bit_bytes_per_s) or self.ram_bytes_per_s


@dataclass(frozen=True, slots=True)
class Fit:
    """The verdict on one model in one quantisation, as it would be loaded, and its reason.

    `reason` is an English template that `values` fills. `gpu_layers` of `layers` fit on the GPUs (the output
    matrix is the last). `tok_per_s` is the most that the memory allows while the context is short, None where
    its speed is not known. `smaller_context_tokens` is a context with which a model fits that is too large, 0
    where none is.
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
    smaller_context_tokens: int = 0

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


def judge(
    quantisation: str, weights: Weights, memory: Memory, demand: Demand, need: MemoryNeed, gpu_layers: int
) -> Fit:
    """Judge a planned load: `need` is what it takes with `gpu_layers` on the graphics cards, for `demand`."""
    whole = len(weights.layers) + 1
    room = max(0, memory.ram_bytes - SPARE_RAM_BYTES)
    too_large = need.ram.total > room
    if too_large:
        verdict = Verdict.TOO_LARGE
    elif gpu_layers == whole:
        verdict = Verdict.GPU
    else:
        verdict = Verdict.PARTLY if gpu_layers else Verdict.RAM
    needed, room_text = unlike_counts(need.ram.total if too_large else need.total, room)
    values: dict[str, str] = {
        "weights": byte_count(need.ram.weights + need.device.weights),
        "cache": byte_count(need.ram.cache + need.device.cache),
        "buffers": byte_count(need.ram.compute + need.device.compute),
        "needed": needed,
        "context": f"{demand.context_tokens:,}",
        "replies": str(demand.sequences),
        "gpu": " + ".join(gpu.name for gpu in memory.gpus),
        "free": byte_count(sum(gpu.free_bytes for gpu in memory.gpus)),
        "ram": byte_count(memory.ram_bytes),
        "room": room_text,
        "spare": byte_count(SPARE_RAM_BYTES),
        "gpu_layers": str(gpu_layers),
        "layers": str(whole),
    }
    return Fit(
        verdict=verdict,
        quantisation=quantisation,
        demand=demand,
        need=need,
        gpu_layers=gpu_layers,
        layers=whole,
        tok_per_s=None if too_large else _tok_per_s(quantisation, weights, memory, gpu_layers),
        reason=_REASONS[verdict],
        values=values,
    )


_REASONS = {
    Verdict.GPU: (
        "Fits entirely on the {gpu}, {free} free: it takes {needed}, which are {weights} weights, {cache} "
        "cache for {replies} × {context} tokens of context (replies side by side) and {buffers} buffers."
    ),
    Verdict.PARTLY: (
        "{gpu_layers} of {layers} layers fit on the {gpu} ({free} free), the rest runs on the processor: it "
        "takes {needed} in all, with {replies} × {context} tokens of context (replies side by side)."
    ),
    Verdict.RAM: (
        "Runs on the processor and takes {needed} of the {ram} of RAM that are free: {weights} weights, "
        "{cache} cache for {replies} × {context} tokens of context (replies side by side) and {buffers} "
        "buffers."
    ),
    Verdict.TOO_LARGE: (
        "Too large: it needs {needed} of RAM with {replies} × {context} tokens of context. {ram} are free, "
        "{spare} of them are left to the system and other programs, so {room} can be used."
    ),
}


def _tok_per_s(quantisation: str, weights: Weights, memory: Memory, gpu_layers: int) -> float | None:
    """Estimate the speed: each token reads all weights once, the cards' parts one after the other."""
    on_device = weights.on_device(gpu_layers)
    in_ram = weights.read_per_token - on_device
    # The slowest card stands for all: how llama.cpp divides the layers is not known before the load.
    device_bytes_per_s = min((gpu.bytes_per_s for gpu in memory.gpus), default=0.0)
    ram_bytes_per_s = memory.reading_bytes_per_s(quantisation)
    seconds = 0.0
    for size, bytes_per_s in ((on_device, device_bytes_per_s), (in_ram, ram_bytes_per_s)):
        if size:
            if not bytes_per_s:
                return None
            seconds += size / bytes_per_s
    return 1 / seconds if seconds else None
