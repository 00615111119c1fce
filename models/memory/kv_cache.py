"""Compute the size of a KV cache in each of its types."""

from models.quantisation.model_shape import ModelShape

KV_BYTES_PER_ELEMENT: dict[str, float] = {"f16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32}


def kv_cache_bytes(shape: ModelShape, context_tokens: int, kv_type: str = "f16") -> int:
    """Compute the bytes of the keys and values of `context_tokens` tokens in all layers."""
    elements = 2 * shape.layers * shape.kv_width * context_tokens
    return int(elements * KV_BYTES_PER_ELEMENT[kv_type])
