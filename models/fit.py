"""Whether a model runs on this computer.

An estimate from the dimensions: weights, keys and values, llama.cpp's compute buffer and the driver's
share. The compute buffer of a batch of 512 tokens is ruled by the logits (512 x vocabulary x 4 bytes) with
flash attention on, as llama.cpp reserves it (ggml-org/llama.cpp, src/llama-context.cpp, `graph_reserve`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from models.shape import ModelShape
from models.sizes import embedding_bytes, kv_cache_bytes, layer_bytes, output_bytes
from models.wording import byte_count

BATCH_TOKENS = 512
DEFAULT_CONTEXT_TOKENS = 16384

# The CUDA context, its kernels and cuBLAS's workspace take this before the first tensor.
DRIVER_BYTES = 450 << 20
# What the desktop and other programs must keep.
SPARE_VRAM_BYTES = 256 << 20
SPARE_RAM_BYTES = 1536 << 20


class Verdict(StrEnum):
    """Where a model runs."""

    GPU = "gpu"
    PARTLY = "partly"
    RAM = "ram"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class GpuMemory:
    """One GPU and the bytes that are free on it now."""

    name: str
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Memory:
    """What this computer has free: `ram_bytes`, and each GPU that the installed llama.cpp can use."""

    ram_bytes: int
    gpus: tuple[GpuMemory, ...] = ()


@dataclass(frozen=True, slots=True)
class Fit:
    """The verdict on one model in one quantisation and its reason.

    `reason` is an English template that `values` fills. `gpu_layers` of `layers` fit on the GPUs (the output
    matrix is the last). `needed_bytes` is everything together.
    """

    verdict: Verdict
    quantisation: str
    context_tokens: int
    weights_bytes: int
    cache_bytes: int
    buffer_bytes: int
    gpu_layers: int
    layers: int
    reason: str
    values: dict[str, str] = field(default_factory=dict)

    @property
    def needed_bytes(self) -> int:
        """Weights, cache and buffers."""
        return self.weights_bytes + self.cache_bytes + self.buffer_bytes

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
    """Where a model of `shape` runs in `quantisation` with this context."""
    per_layer = layer_bytes(shape, quantisation)
    output = output_bytes(shape, quantisation)
    embedding = embedding_bytes(shape, quantisation)
    cache = kv_cache_bytes(shape, context_tokens, kv_type)
    buffer = compute_buffer_bytes(shape)
    weights = sum(per_layer) + output + (0 if shape.tied_embeddings else embedding)
    steps = [size + cache // shape.layers for size in per_layer] + [output]
    # llama.cpp puts the last layers and the output on the GPU first.
    on_gpu = _steps_that_fit(list(reversed(steps)), memory.gpus, buffer)
    left_in_ram = sum(steps[: len(steps) - on_gpu]) + embedding + (buffer if on_gpu < len(steps) else 0)
    room = max(0, memory.ram_bytes - SPARE_RAM_BYTES)

    if left_in_ram > room:
        verdict = Verdict.TOO_LARGE
    elif on_gpu == len(steps):
        verdict = Verdict.GPU
    else:
        verdict = Verdict.PARTLY if on_gpu else Verdict.RAM
    values: dict[str, str] = {
        "weights": byte_count(weights),
        "cache": byte_count(cache),
        "buffers": byte_count(buffer),
        "needed": byte_count(left_in_ram if verdict is Verdict.TOO_LARGE else weights + cache + buffer),
        "context": f"{context_tokens:,}",
        "gpu": " + ".join(gpu.name for gpu in memory.gpus),
        "free": byte_count(sum(gpu.free_bytes for gpu in memory.gpus)),
        "ram": byte_count(memory.ram_bytes),
        "gpu_layers": str(on_gpu),
        "layers": str(len(steps)),
    }
    return Fit(
        verdict=verdict,
        quantisation=quantisation,
        context_tokens=context_tokens,
        weights_bytes=weights,
        cache_bytes=cache,
        buffer_bytes=buffer,
        gpu_layers=on_gpu,
        layers=len(steps),
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


def compute_buffer_bytes(shape: ModelShape) -> int:
    """llama.cpp's scratch memory for one batch, with flash attention."""
    activations = BATCH_TOKENS * (4 * shape.hidden + 2 * shape.ffn) * 4
    return BATCH_TOKENS * shape.vocabulary * 4 + activations


def _steps_that_fit(steps: Sequence[int], gpus: Sequence[GpuMemory], buffer: int) -> int:
    """How many of `steps` (the output first, then the layers from the last one on) the GPUs hold."""
    count = 0
    for gpu in gpus:
        room = gpu.free_bytes - DRIVER_BYTES - SPARE_VRAM_BYTES - buffer
        while count < len(steps) and steps[count] <= room:
            room -= steps[count]
            count += 1
    return count
