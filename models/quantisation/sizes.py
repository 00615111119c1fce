"""Compute the size of a model in each quantisation from its dimensions."""

import functools
from math import prod

from models.quantisation.model_shape import ModelShape
from models.quantisation.quantisation_mixture import BASE_TYPE, MixtureModel, mixture
from models.quantisation.weights import Weights, weights_by_place

# Bytes for one weight: ggml's block bytes over its block length (ggml-common.h).
BYTES_PER_WEIGHT: dict[str, float] = {
    "F32": 4.0,
    "F16": 2.0,
    "BF16": 2.0,
    "Q8_0": 34 / 32,
    "Q3_K": 110 / 256,
    "IQ4_XS": 136 / 256,
    "IQ4_NL": 18 / 32,
    "Q4_0": 18 / 32,
    "Q4_K": 144 / 256,
    "Q5_0": 22 / 32,
    "Q5_1": 24 / 32,
    "Q5_K": 176 / 256,
    "Q6_K": 210 / 256,
}

EVERYDAY_TYPE = "Q4_K_M"
"""The type that is made, judged and shown where none is chosen."""

QUANTISATIONS = (EVERYDAY_TYPE, "Q4_K_S", "Q4_0", "Q5_K_M", "Q6_K", "Q8_0", "IQ4_XS", "Q3_K_M")
"""The types that Stillroom quantises to, the everyday choice first."""

WEIGHED = ("IQ4_XS", "Q3_K_M", "Q4_0", "Q4_K_M", "Q4_K_S")
"""The types for which an importance matrix is used: those of four bits and less."""

FULL_PRECISION = ("BF16", "F16", "F32")
"""The types that a checkpoint can be written in without quantising."""

# What the larger types in a mixture add to its base type, at most.
_MIXED_IN = {"Q3_K": 1.25, "IQ4_XS": 1.15, "Q4_K": 1.1, "Q5_K": 1.1, "Q6_K": 1.1}

KV_BYTES_PER_ELEMENT: dict[str, float] = {"f16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32}

# Vocabulary, merges and their lengths; 39 bytes an entry in the Qwen distills, 55 in the Llama ones.
_METADATA_BYTES_PER_TOKEN = 44

Tensor = tuple[tuple[int, ...], str]
"""The lengths of a tensor, that of its rows last, and its type."""


def tensor_types(shape: ModelShape, quantisation: str) -> dict[str, Tensor]:
    """Return every tensor of a GGUF file in `quantisation` (one of the two tuples above) by its name."""
    embedding = (shape.vocabulary, shape.hidden)
    lengths: dict[str, tuple[int, ...]] = {"token_embd.weight": embedding}
    if shape.rope_factors:
        lengths["rope_freqs.weight"] = (shape.head_size // 2,)
    for layer in range(shape.layers):
        for name, rows in shape.layer_matrices.items():
            lengths[f"blk.{layer}.{name}.weight"] = rows
        for name, length in shape.layer_vectors.items():
            lengths[f"blk.{layer}.{name}"] = (length,)
    lengths["output_norm.weight"] = (shape.hidden,)
    if not shape.tied_embeddings:
        lengths["output.weight"] = embedding
    if quantisation in FULL_PRECISION:
        return {name: (sides, quantisation if len(sides) > 1 else "F32") for name, sides in lengths.items()}
    kinds = mixture(quantisation, lengths, mixture_model(shape))
    return {name: (sides, kinds.get(name, "F32")) for name, sides in lengths.items()}


def mixture_model(shape: ModelShape) -> MixtureModel:
    """Return the facts of a model that llama.cpp's mixtures depend on."""
    architecture = "qwen2" if shape.attention_bias else "qwen3" if shape.qk_norm else "llama"
    return MixtureModel(architecture, shape.layers, shape.heads, shape.kv_heads)


def tensor_bytes(tensor: Tensor) -> int:
    """Compute the bytes of a tensor's data."""
    lengths, kind = tensor
    return int(prod(lengths) * BYTES_PER_WEIGHT[kind])


@functools.cache
def weights_of(shape: ModelShape, quantisation: str) -> Weights:
    """Compute the bytes of the weights in `quantisation`, by where llama.cpp puts them."""
    sizes = {name: tensor_bytes(tensor) for name, tensor in tensor_types(shape, quantisation).items()}
    return weights_by_place(sizes, shape.layers)


def file_bytes(shape: ModelShape, quantisation: str) -> int:
    """Compute the bytes of the GGUF file, within half a percent."""
    return weights_of(shape, quantisation).total + _METADATA_BYTES_PER_TOKEN * shape.vocabulary


def weight_share(quantisation: str) -> float:
    """Estimate the size of a file of this type relative to the bf16 weights, a little too large."""
    kind = BASE_TYPE.get(quantisation, quantisation)
    return BYTES_PER_WEIGHT[kind] / 2 * _MIXED_IN.get(kind, 1.05)


def checkpoint_bytes(shape: ModelShape) -> int:
    """Compute the bytes of the original weights in bf16."""
    return 2 * shape.parameters


def kv_cache_bytes(shape: ModelShape, context_tokens: int, kv_type: str = "f16") -> int:
    """Compute the bytes of the keys and values of `context_tokens` tokens in all layers."""
    elements = 2 * shape.layers * shape.kv_width * context_tokens
    return int(elements * KV_BYTES_PER_ELEMENT[kv_type])
