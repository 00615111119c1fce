"""The scratch memory that llama.cpp reserves for one step, computed without llama.cpp.

It is what ggml's graph allocator arrives at for the graph of a dense decoder, so the graph is walked here as
the allocator walks it: every result takes the smallest hole that is large enough and is given back after its
last use. What stays in place (norms' weights, biases, residual sums) takes nothing.
Sources: ggml-org/llama.cpp, ggml/src/ggml-alloc.c and src/models/{llama,qwen2,qwen3}.cpp, `build_attn` and
`build_ffn` of src/llama-graph.cpp.
"""

from functools import lru_cache

from models.memory.memory_request import Demand
from models.quantisation.model_shape import ModelShape

F16_BYTES, F32_BYTES, I32_BYTES, I64_BYTES = 2, 4, 4, 8
# The layers repeat; after three the pattern of holes does too.
_LAYERS_WALKED = 4
_ALIGNMENT_BYTES = 32  # TENSOR_ALIGNMENT of ggml-impl.h
# A quantised cache is rotated by a Hadamard matrix where the heads allow it (src/llama-kv-cache.cpp).
_ROTATION_STEP = 64


def compute_buffer_bytes(shape: ModelShape, demand: Demand) -> int:
    """Compute the bytes of the compute buffer where one device computes everything."""
    return _walk(shape, demand, input_bytes(shape, demand))


def host_buffer_bytes(shape: ModelShape, demand: Demand) -> int:
    """Compute the bytes of the compute buffer in host memory where a graphics card computes all layers: the
    inputs and the embedded tokens."""
    return input_bytes(shape, demand) + shape.hidden * demand.step_tokens * F32_BYTES


def device_buffer_bytes(shape: ModelShape, demand: Demand, borrowed_layer_bytes: int = 0) -> int:
    """Compute the bytes of the compute buffer on the graphics card: its copies of the inputs and the layers.

    Where it borrows layers of `borrowed_layer_bytes` from RAM, it copies one matrix at a time. Their types
    differ, and a larger one does not fit into the hole of the one before, so that a second is counted.
    """
    outside = shape.hidden * demand.step_tokens * F32_BYTES
    matrices = [rows * length for rows, length in shape.layer_matrices.values()]
    second = borrowed_layer_bytes * max(matrices) // sum(matrices)
    return _walk(shape, demand, input_bytes(shape, demand) - outside, borrowed_layer_bytes) + second


def output_buffer_bytes(shape: ModelShape, demand: Demand) -> int:
    """Compute the bytes of the logits that are read back, one row for each sequence."""
    return demand.sequences * shape.vocabulary * F32_BYTES


class _Arena:
    """Offsets handed out by best fit; the last block has no end (`ggml_dyn_tallocr`)."""

    def __init__(self) -> None:
        self._holes: list[tuple[int, int]] = []
        self._end = 0
        self.peak = 0

    def take(self, size: int) -> tuple[int, int]:
        """Allocate a block of at least `size` bytes."""
        if not size:
            return self._end, 0
        size = -(-size // _ALIGNMENT_BYTES) * _ALIGNMENT_BYTES
        # Of equal holes ggml takes the last one.
        fitting = [(hole[1], -hole[0], hole) for hole in self._holes if hole[1] >= size]
        if not fitting:
            start, self._end = self._end, self._end + size
            self.peak = max(self.peak, self._end)
            return start, size
        start, length = hole = min(fitting)[2]
        self._holes.remove(hole)
        if length > size:
            self._holes.append((start + size, length - size))
        return start, size

    def give(self, block: tuple[int, int]) -> None:
        """Take a block back and join it with its neighbours."""
        start, size = block
        if not size:
            return
        for hole in list(self._holes):
            if hole[0] + hole[1] == start:
                start, size = hole[0], hole[1] + size
                self._holes.remove(hole)
            elif start + size == hole[0]:
                size += hole[1]
                self._holes.remove(hole)
        if start + size == self._end:
            self._end = start
        else:
            self._holes.append((start, size))


def input_bytes(shape: ModelShape, demand: Demand) -> int:
    """Compute the bytes of a step's inputs, which stay until its end; with the place for embeddings from
    outside, which is reserved and not used."""
    tokens, cells = demand.step_tokens, demand.attended_cells
    mask_element = F16_BYTES if demand.flash_attention else F32_BYTES
    # Without flash attention the values are stored transposed, element by element.
    value_places = tokens * (1 if demand.flash_attention else shape.kv_width)
    key_rotation, value_rotation = _rotations(shape, demand)
    return (
        shape.hidden * tokens * F32_BYTES
        + tokens * 2 * I32_BYTES
        + tokens * I64_BYTES
        + value_places * I64_BYTES
        + cells * tokens * mask_element
        + demand.output_rows * I32_BYTES
        + (key_rotation**2 + value_rotation**2) * F32_BYTES
    )


def _rotations(shape: ModelShape, demand: Demand) -> tuple[int, int]:
    """Return the side lengths of the two rotation matrices, 0 where nothing is rotated."""
    if demand.kv_type in ("f32", "f16", "bf16") or shape.head_size % _ROTATION_STEP:
        return 0, 0
    side = _ROTATION_STEP
    while shape.head_size % (2 * side) == 0:
        side *= 2
    return side, _ROTATION_STEP


# The list of models asks for the same few hundred again with each change of a job.
@lru_cache(maxsize=4096)
def _walk(shape: ModelShape, demand: Demand, inputs: int, borrowed_layer_bytes: int = 0) -> int:
    arena = _Arena()
    row = demand.step_tokens * F32_BYTES
    hidden, queries, keys = shape.hidden * row, shape.attention_width * row, shape.kv_width * row
    ffn = shape.ffn * row
    scores = demand.attended_cells * shape.heads * row
    rotated = _rotations(shape, demand)[0] > 0
    arena.take(inputs)
    stream = arena.take(hidden)

    weights = {name: rows * length for name, (rows, length) in shape.layer_matrices.items()}
    bytes_per_weight = borrowed_layer_bytes / sum(weights.values())

    def times(name: str, size: int) -> tuple[int, int]:
        """Allocate the product with a matrix of the layer, which is copied for it where it is borrowed."""
        copy = arena.take(int(weights[name] * bytes_per_weight))
        product = arena.take(size)
        arena.give(copy)
        return product

    def replaced(block: tuple[int, int]) -> tuple[int, int]:
        """Allocate a result of the same size, after which `block` is not needed."""
        new = arena.take(block[1])
        arena.give(block)
        return new

    def rotate(block: tuple[int, int]) -> tuple[int, int]:
        return replaced(block) if rotated else block

    layers = min(_LAYERS_WALKED, shape.layers)
    for layer in range(layers):
        normed = arena.take(hidden)
        # Positions (and Qwen3's norms) are applied to views of the heads, which the allocator never reuses.
        q = rotate(replaced(times("attn_q", queries)))
        v = rotate(times("attn_v", keys))
        k = times("attn_k", keys)
        arena.give(normed)
        k = rotate(replaced(k))
        arena.give(k)
        arena.give(v)
        if demand.flash_attention:
            attended = arena.take(queries)
            arena.give(q)
        else:
            attention = arena.take(scores)
            arena.give(q)
            mixed = arena.take(queries)
            arena.give(attention)
            attended = arena.take(queries)
            arena.give(mixed)
        attended = rotate(attended)
        out = times("attn_output", hidden)
        arena.give(attended)
        if layer == layers - 1:
            # Only the rows whose logits are asked for go on.
            scale = demand.output_rows / demand.step_tokens
            hidden, ffn = int(hidden * scale), int(ffn * scale)
            picked = arena.take(hidden)
            arena.give(out)
            out = picked
            picked = arena.take(hidden)
            arena.give(stream)
            stream = picked
        arena.give(stream)
        normed = arena.take(hidden)
        gate, up = times("ffn_gate", ffn), times("ffn_up", ffn)
        arena.give(normed)
        product = arena.take(ffn)
        arena.give(gate)
        arena.give(up)
        stream = times("ffn_down", hidden)
        arena.give(product)
        arena.give(out)
    arena.take(demand.output_rows * shape.vocabulary * F32_BYTES)
    return arena.peak
