"""How large a model is in each quantisation, computed from its dimensions.

The mixes are those of llama.cpp's `llama_tensor_get_type_impl` without an importance matrix:
https://github.com/ggml-org/llama.cpp/blob/master/src/llama-quant.cpp
"""

from models.shape import ModelShape

# Bytes for one weight: ggml's block bytes over its block length (ggml-common.h).
BYTES_PER_WEIGHT: dict[str, float] = {
    "F32": 4.0,
    "F16": 2.0,
    "BF16": 2.0,
    "Q8_0": 34 / 32,
    "Q4_0": 18 / 32,
    "Q4_K": 144 / 256,
    "Q5_0": 22 / 32,
    "Q5_1": 24 / 32,
    "Q5_K": 176 / 256,
    "Q6_K": 210 / 256,
}

# What llama.cpp takes instead for a matrix whose rows are no multiple of 256 weights.
_NARROW_ROWS = {"Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}

QUANTISATIONS = ("Q4_K_M", "Q4_K_S", "Q4_0", "Q5_K_M", "Q6_K", "Q8_0")
"""The types that Stillroom quantises to, the everyday choice first."""

FULL_PRECISION = ("BF16", "F16", "F32")
"""The types that a checkpoint can be written in without quantising."""

KV_BYTES_PER_ELEMENT: dict[str, float] = {"f16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32}

# Vocabulary, merges and their lengths; 39 bytes an entry in the Qwen distills, 55 in the Llama ones.
_METADATA_BYTES_PER_TOKEN = 44

_BASE = {"Q4_K_M": "Q4_K", "Q4_K_S": "Q4_K", "Q5_K_M": "Q5_K"}


def layer_bytes(shape: ModelShape, quantisation: str) -> list[int]:
    """Bytes of each layer's weights in `quantisation` (one of the two tuples above), first layer first."""
    base = _BASE.get(quantisation, quantisation)
    sizes = []
    for layer in range(shape.layers):
        weights = 0.0
        for name, elements in shape.layer_matrices.items():
            kind = _matrix_type(name, layer, shape, quantisation, base)
            weights += elements * BYTES_PER_WEIGHT[kind]
        sizes.append(int(weights) + 4 * shape.layer_vectors)
    return sizes


def embedding_bytes(shape: ModelShape, quantisation: str) -> int:
    """Bytes of the token embedding, which stays in RAM; it has the output's type where both are one."""
    if shape.tied_embeddings:
        kind = _output_type(shape, quantisation)
    else:
        kind = _for_rows(_BASE.get(quantisation, quantisation), shape.hidden)
    return int(shape.embedding * BYTES_PER_WEIGHT[kind])


def output_bytes(shape: ModelShape, quantisation: str) -> int:
    """Bytes of the output matrix and its norm, also where a tied one is loaded a second time on a GPU."""
    return int(shape.embedding * BYTES_PER_WEIGHT[_output_type(shape, quantisation)]) + 4 * shape.hidden


def file_bytes(shape: ModelShape, quantisation: str) -> int:
    """Bytes of the GGUF file, within half a percent."""
    output = 4 * shape.hidden if shape.tied_embeddings else output_bytes(shape, quantisation)
    rope = 2 * shape.head_size if shape.rope_factors else 0
    weights = sum(layer_bytes(shape, quantisation)) + embedding_bytes(shape, quantisation) + output + rope
    return weights + _METADATA_BYTES_PER_TOKEN * shape.vocabulary


def weight_share(quantisation: str) -> float:
    """About how large a file of this type is against the bf16 weights; a little more than it will be."""
    kind = _BASE.get(quantisation, quantisation)
    return BYTES_PER_WEIGHT[kind] / 2 * (1.1 if kind.endswith("_K") else 1.05)


def checkpoint_bytes(shape: ModelShape) -> int:
    """Bytes of the original weights in bf16."""
    return 2 * shape.parameters


def kv_cache_bytes(shape: ModelShape, context_tokens: int, kv_type: str = "f16") -> int:
    """Bytes of the keys and values of `context_tokens` tokens in all layers."""
    elements = 2 * shape.layers * shape.kv_width * context_tokens
    return int(elements * KV_BYTES_PER_ELEMENT[kv_type])


def _matrix_type(name: str, layer: int, shape: ModelShape, quantisation: str, base: str) -> str:
    if quantisation in ("Q4_K_M", "Q5_K_M") and name in ("attn_v", "ffn_down"):
        kind = "Q6_K" if _uses_more_bits(layer, shape.layers) else base
    elif quantisation == "Q4_K_S" and (
        (name == "attn_v" and layer < 4) or (name == "ffn_down" and layer < shape.layers // 8)
    ):
        kind = "Q5_K"
    else:
        kind = base
    is_70b = shape.layers == 80 and shape.heads != shape.kv_heads
    if name == "attn_v" and is_70b and kind == "Q4_K":
        kind = "Q5_K"
    rows = {"ffn_down": shape.ffn, "attn_output": shape.attention_width}
    return _for_rows(kind, rows.get(name, shape.hidden))


def _for_rows(kind: str, row_weights: int) -> str:
    return _NARROW_ROWS.get(kind, kind) if row_weights % 256 else kind


def _output_type(shape: ModelShape, quantisation: str) -> str:
    if quantisation in ("Q8_0", *FULL_PRECISION):
        return quantisation
    return _for_rows("Q6_K", shape.hidden)


def _uses_more_bits(layer: int, layers: int) -> bool:
    eighth = layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2
