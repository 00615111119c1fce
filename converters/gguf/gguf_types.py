"""Tensor types, file types and value types of GGUF, by the numbers that ggml gives them.

Not `gguf.constants`: the engine and the window read headers, too, and that library takes them a tenth of a
second and numpy. What only the converters' own processes need is taken from it (`metadata_writer`, the names
of tensors).

Sources: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, ggml.h (`ggml_type`), ggml-common.h (block
sizes) and llama.h (`llama_ftype`) of llama.cpp.
"""

from dataclasses import dataclass
from enum import IntEnum

from converters.system.errors import BuildError


class ValueType(IntEnum):
    """The type of a metadata value."""

    UINT8 = 0
    INT8 = 1
    UINT16 = 2
    INT16 = 3
    UINT32 = 4
    INT32 = 5
    FLOAT32 = 6
    BOOL = 7
    STRING = 8
    ARRAY = 9
    UINT64 = 10
    INT64 = 11
    FLOAT64 = 12


@dataclass(frozen=True, slots=True)
class TensorType:
    """A way of storing weights: `block` weights take `block_bytes` bytes."""

    name: str
    number: int
    block: int
    block_bytes: int


TENSOR_TYPES: dict[int, TensorType] = {
    kind.number: kind
    for kind in (
        TensorType("F32", 0, 1, 4),
        TensorType("F16", 1, 1, 2),
        TensorType("Q4_0", 2, 32, 18),
        TensorType("Q4_1", 3, 32, 20),
        TensorType("Q5_0", 6, 32, 22),
        TensorType("Q5_1", 7, 32, 24),
        TensorType("Q8_0", 8, 32, 34),
        TensorType("Q8_1", 9, 32, 36),
        TensorType("Q2_K", 10, 256, 84),
        TensorType("Q3_K", 11, 256, 110),
        TensorType("Q4_K", 12, 256, 144),
        TensorType("Q5_K", 13, 256, 176),
        TensorType("Q6_K", 14, 256, 210),
        TensorType("Q8_K", 15, 256, 292),
        TensorType("IQ2_XXS", 16, 256, 66),
        TensorType("IQ2_XS", 17, 256, 74),
        TensorType("IQ3_XXS", 18, 256, 98),
        TensorType("IQ1_S", 19, 256, 50),
        TensorType("IQ4_NL", 20, 32, 18),
        TensorType("IQ3_S", 21, 256, 110),
        TensorType("IQ2_S", 22, 256, 82),
        TensorType("IQ4_XS", 23, 256, 136),
        TensorType("I8", 24, 1, 1),
        TensorType("I16", 25, 1, 2),
        TensorType("I32", 26, 1, 4),
        TensorType("I64", 27, 1, 8),
        TensorType("F64", 28, 1, 8),
        TensorType("IQ1_M", 29, 256, 56),
        TensorType("BF16", 30, 1, 2),
        TensorType("TQ1_0", 34, 256, 54),
        TensorType("TQ2_0", 35, 256, 66),
        TensorType("MXFP4", 39, 32, 17),
        TensorType("NVFP4", 40, 64, 36),
        TensorType("Q1_0", 41, 128, 18),
        TensorType("Q2_0", 42, 64, 18),
    )
}

TYPE_NAMED = {kind.name: kind for kind in TENSOR_TYPES.values()}

F32 = TYPE_NAMED["F32"]
F16 = TYPE_NAMED["F16"]
BF16 = TYPE_NAMED["BF16"]

FULL_PRECISION: dict[str, TensorType] = {"BF16": BF16, "F16": F16, "F32": F32}
"""The types that a checkpoint is converted to; the matrices get this type, vectors are always F32."""

FILE_TYPES: dict[str, int] = {
    "F32": 0,
    "F16": 1,
    "Q4_0": 2,
    "Q8_0": 7,
    "Q3_K_M": 12,
    "Q4_K_S": 14,
    "Q4_K_M": 15,
    "Q5_K_M": 17,
    "Q6_K": 18,
    "IQ4_XS": 30,
    "BF16": 32,
}
"""`general.file_type` (llama.h's `llama_ftype`) of every type that Stillroom can build."""


def canonical_type(name: str) -> str:
    """Return a type's usual spelling (`Q4_K_M` for `q4_k_m`); `BuildError` for one that is not built."""
    upper = name.upper()
    if upper not in FILE_TYPES:
        raise BuildError(
            "Stillroom does not build the type {type}.",
            "Choose one of {types}.",
            type=name,
            types=", ".join(FILE_TYPES),
        )
    return upper
