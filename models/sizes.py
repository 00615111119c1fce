"""How large a model is in each quantisation, computed from its dimensions.

The mixes are those of llama.cpp's `llama_tensor_get_type_impl` without an importance matrix:
https://github.com/ggml-org/llama.cpp/blob/master/src/llama-quant.cpp
"""

import functools
from math import prod

from models.shape import ModelShape
from models.weights import Weights, weights_by_place

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


Tensor = tuple[tuple[int, ...], str]
"""The lengths of a tensor, that of its rows last, and its type."""


def tensor_types(shape: ModelShape, quantisation: str) -> dict[str, Tensor]:
    """Every tensor of a GGUF file in `quantisation` (one of the two tuples above) by its name."""
    embedding = (shape.vocabulary, shape.hidden)
    tensors: dict[str, Tensor] = {"token_embd.weight": (embedding, _embedding_type(shape, quantisation))}
    if shape.rope_factors:
        tensors["rope_freqs.weight"] = ((shape.head_size // 2,), "F32")
    for layer in range(shape.layers):
        for name, rows in shape.layer_matrices.items():
            kind = _matrix_type(name, layer, shape, quantisation)
            tensors[f"blk.{layer}.{name}.weight"] = (rows, kind)
        for name, length in shape.layer_vectors.items():
            tensors[f"blk.{layer}.{name}"] = ((length,), "F32")
    tensors["output_norm.weight"] = ((shape.hidden,), "F32")
    if not shape.tied_embeddings:
        tensors["output.weight"] = (embedding, _output_type(shape, quantisation))
    return tensors


def tensor_bytes(tensor: Tensor) -> int:
    """Bytes of a tensor's data."""
    lengths, kind = tensor
    return int(prod(lengths) * BYTES_PER_WEIGHT[kind])


@functools.cache
def weights_of(shape: ModelShape, quantisation: str) -> Weights:
    """Bytes of the weights in `quantisation`, by where llama.cpp puts them."""
    sizes = {name: tensor_bytes(tensor) for name, tensor in tensor_types(shape, quantisation).items()}
    return weights_by_place(sizes, shape.layers)


def file_bytes(shape: ModelShape, quantisation: str) -> int:
    """Bytes of the GGUF file, within half a percent."""
    return weights_of(shape, quantisation).total + _METADATA_BYTES_PER_TOKEN * shape.vocabulary


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


def _matrix_type(name: str, layer: int, shape: ModelShape, quantisation: str) -> str:
    kind = _BASE.get(quantisation, quantisation)
    if quantisation in ("Q4_K_M", "Q5_K_M") and name in ("attn_v", "ffn_down"):
        kind = "Q6_K" if _uses_more_bits(layer, shape.layers) else kind
    elif quantisation == "Q4_K_S" and (
        (name == "attn_v" and layer < 4) or (name == "ffn_down" and layer < shape.layers // 8)
    ):
        kind = "Q5_K"
    is_70b = shape.layers == 80 and shape.heads != shape.kv_heads
    if name == "attn_v" and is_70b and kind == "Q4_K":
        kind = "Q5_K"
    return _for_rows(kind, shape.layer_matrices[name][-1])


def _embedding_type(shape: ModelShape, quantisation: str) -> str:
    """The token embedding has the output's type where both are one."""
    if shape.tied_embeddings:
        return _output_type(shape, quantisation)
    return _for_rows(_BASE.get(quantisation, quantisation), shape.hidden)


def _for_rows(kind: str, row_weights: int) -> str:
    return _NARROW_ROWS.get(kind, kind) if row_weights % 256 else kind


def _output_type(shape: ModelShape, quantisation: str) -> str:
    if quantisation in ("Q8_0", *FULL_PRECISION):
        return quantisation
    return _for_rows("Q6_K", shape.hidden)


def _uses_more_bits(layer: int, layers: int) -> bool:
    eighth = layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2
