"""Compute the size of a model's file in each quantisation from its dimensions."""

import functools
from math import prod

from models.quantisation.model_shape import ModelShape
from models.quantisation.quantisation_mixture import BASE_TYPE, MixtureModel, mixture
from models.quantisation.quantisation_types import BYTES_PER_WEIGHT, FULL_PRECISION
from models.quantisation.weights import TABLE, Weights, weights_by_place

# What the larger types in a mixture add to its base type, at most.
_MIXED_IN = {"Q3_K": 1.25, "IQ4_XS": 1.15, "Q4_K": 1.1, "Q5_K": 1.1, "Q6_K": 1.1}

# Vocabulary, merges and their lengths; 39 bytes an entry in the Qwen distills, 55 in the Llama ones.
_METADATA_BYTES_PER_TOKEN = 44

Tensor = tuple[tuple[int, ...], str]
"""The lengths of a tensor, that of its rows last, and its type."""


def tensor_types(shape: ModelShape, quantisation: str) -> dict[str, Tensor]:
    """Return every tensor of a GGUF file by its name, in one of `QUANTISATIONS` or `FULL_PRECISION`."""
    embedding = (shape.vocabulary, shape.hidden)
    lengths: dict[str, tuple[int, ...]] = {TABLE: embedding}
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
    tensors = tensor_types(shape, quantisation)
    sizes = {name: tensor_bytes(tensor) for name, tensor in tensors.items()}
    return weights_by_place(sizes, shape.layers, tensors[TABLE][1])


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
