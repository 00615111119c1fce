"""What fits where: the context to choose, the layers for the GPU, the ladder when it fails. Pure.

llama.cpp counts `n_gpu_layers` from the end of the model: the first one is the output layer (output norm and
head), then the last transformer block and so on; the token embeddings stay in host memory
(`llama_model_base::load_tensors`, src/llama-model.cpp).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.engine.messages import Device, KvType

DEFAULT_CONTEXT_TOKENS = 16384
"""An R1 reply thinks for some thousand tokens; 16,384 hold a long thought and a conversation around it."""

SMALLEST_CONTEXT_TOKENS = 4096

KV_BYTES_PER_VALUE: dict[KvType, float] = {"f16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32}
"""A q8_0 block is 34 bytes and a q4_0 block 18 bytes for 32 values (ggml/src/ggml-common.h)."""

DEVICE_RESERVE_BYTES = 400 * 1024 * 1024
"""Driver context, kernels and what the desktop takes meanwhile; CUDA's own context is about 300 MB."""

DEVICE_RESERVE_FRACTION = 0.03

HOST_USABLE_FRACTION = 0.75

MOST_LAYERS = 1024


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What the GGUF file says about the memory a model needs. Sizes are bytes of the quantised tensors."""

    layer_bytes: tuple[int, ...]
    output_bytes: int
    input_bytes: int
    hidden: int
    feed_forward: int
    heads: int
    kv_heads: int
    key_length: int
    value_length: int
    vocabulary: int
    context_limit: int

    @property
    def weight_bytes(self) -> int:
        """All tensors."""
        return sum(self.layer_bytes) + self.output_bytes + self.input_bytes

    def kv_bytes_per_layer_and_token(self, kv_type: KvType) -> float:
        """One layer's keys and values for one token."""
        return self.kv_heads * (self.key_length + self.value_length) * KV_BYTES_PER_VALUE[kv_type]

    def kv_bytes(self, tokens: int, kv_type: KvType) -> int:
        """The KV cache of the whole model for `tokens` in all sequences together."""
        return round(self.kv_bytes_per_layer_and_token(kv_type) * tokens * len(self.layer_bytes))

    def compute_bytes(self, batch_tokens: int, sequences: int) -> int:
        """A generous bound of the compute buffer with flash attention: some f32 activations of a batch."""
        widest = max(self.feed_forward * 2 + self.hidden, self.heads * self.key_length * 4)
        return 4 * (batch_tokens * (2 * widest + 4 * self.hidden) + 4 * sequences * self.vocabulary)


@dataclass(frozen=True, slots=True)
class Demand:
    """How the model is to be used."""

    context_tokens: int
    sequences: int
    batch_tokens: int
    kv_type: KvType

    @property
    def total_tokens(self) -> int:
        """KV cache cells of all sequences."""
        return self.context_tokens * self.sequences


def shape_from_gguf(
    numbers: Mapping[str, int], tensors: Sequence[tuple[str, int]], vocabulary: int
) -> ModelShape | None:
    """The shape from the architecture's own metadata `numbers` (keys without its prefix; of an array the
    largest element) and (name, bytes) of each tensor; None where a needed key is missing.

    Keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
    """
    layers, hidden = numbers.get("block_count", 0), numbers.get("embedding_length", 0)
    heads = numbers.get("attention.head_count", 0)
    if not (0 < layers <= MOST_LAYERS and hidden > 0 and heads > 0):
        return None
    layer_bytes = [0] * layers
    input_bytes = output_bytes = 0
    for name, size in tensors:
        prefix, _, rest = name.partition(".")
        block = rest.partition(".")[0]
        if prefix == "blk" and block.isdecimal() and int(block) < layers:
            layer_bytes[int(block)] += size
        elif name.startswith("token_embd"):
            input_bytes += size
        else:
            output_bytes += size
    if not any(name.startswith("output.") for name, _ in tensors):
        # Tied embeddings: llama.cpp makes a second copy of them on the device of the output layer.
        output_bytes += input_bytes
    return ModelShape(
        layer_bytes=tuple(layer_bytes),
        output_bytes=output_bytes,
        input_bytes=input_bytes,
        hidden=hidden,
        feed_forward=numbers.get("feed_forward_length", 4 * hidden),
        heads=heads,
        kv_heads=numbers.get("attention.head_count_kv", heads),
        key_length=numbers.get("attention.key_length", hidden // heads),
        value_length=numbers.get("attention.value_length", hidden // heads),
        vocabulary=vocabulary,
        context_limit=numbers.get("context_length", 0),
    )


def offload_devices(devices: Sequence[Device]) -> list[Device]:
    """The devices llama.cpp would use: graphics cards, or integrated graphics where there is no card."""
    cards = [device for device in devices if device.kind == "gpu"]
    return cards or [device for device in devices if device.kind == "igpu"][:1]


def usable_bytes(device: Device) -> int:
    """What may be planned for on a device: free memory less a reserve."""
    reserve = DEVICE_RESERVE_BYTES + int(device.memory_total_bytes * DEVICE_RESERVE_FRACTION)
    return max(0, device.memory_free_bytes - reserve)


def layers_that_fit(shape: ModelShape, demand: Demand, devices: Sequence[Device]) -> int:
    """`n_gpu_layers` for the free memory of `devices`, 0 to layers + 1.

    With several cards llama.cpp splits the layers by free memory, so the sum counts, less a compute buffer
    and the rounding of one layer each.
    """
    compute = shape.compute_bytes(demand.batch_tokens, demand.sequences)
    cards = [usable_bytes(device) - compute for device in devices]
    cards = [room for room in cards if room > 0]
    room = sum(cards)
    if len(cards) > 1:
        room -= max(shape.layer_bytes, default=0) * (len(cards) - 1)
    kv = shape.kv_bytes_per_layer_and_token(demand.kv_type) * demand.total_tokens
    fitting = 0
    for cost in [shape.output_bytes, *(size + kv for size in reversed(shape.layer_bytes))]:
        room -= int(cost)
        if room < 0:
            break
        fitting += 1
    return fitting


def ladder(first: int, layers: int) -> list[int]:
    """GPU layers to try in turn: the plan, then three quarters, half, a quarter, then the CPU alone."""
    first = min(max(first, 0), layers + 1)
    steps = [first, first * 3 // 4, first // 2, first // 4, 0]
    return list(dict.fromkeys(steps))


def choose_context(
    shape: ModelShape,
    *,
    sequences: int,
    batch_tokens: int,
    kv_type: KvType,
    devices: Sequence[Device],
    host_free_bytes: int,
) -> int:
    """Context tokens of each sequence when the user leaves it open.

    The largest power of two up to 16,384 with which the whole model still fits the graphics memory; where it
    does not fit anyway, with which weights and cache stay within three quarters of the free host memory.
    Never less than 4,096 (or the model's limit), and never more than the model was trained for.
    """
    limit = shape.context_limit or DEFAULT_CONTEXT_TOKENS
    whole = len(shape.layer_bytes) + 1
    smallest = _demand(SMALLEST_CONTEXT_TOKENS, sequences, batch_tokens, kv_type)
    on_device = bool(devices) and layers_that_fit(shape, smallest, devices) == whole
    tokens = DEFAULT_CONTEXT_TOKENS
    while tokens > SMALLEST_CONTEXT_TOKENS:
        demand = _demand(tokens, sequences, batch_tokens, kv_type)
        if on_device:
            fits = layers_that_fit(shape, demand, devices) == whole
        else:
            need = shape.weight_bytes + shape.kv_bytes(demand.total_tokens, kv_type)
            fits = need <= host_free_bytes * HOST_USABLE_FRACTION
        if fits:
            break
        tokens //= 2
    return min(tokens, limit)


def _demand(context_tokens: int, sequences: int, batch_tokens: int, kv_type: KvType) -> Demand:
    return Demand(context_tokens, sequences, batch_tokens, kv_type)
