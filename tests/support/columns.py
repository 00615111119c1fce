"""packaging/engine/patches/several_columns.c against llama.cpp's own products of one column."""

import ctypes
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from converters.gguf.ggml import quantise_rows
from converters.gguf.gguf_types import TYPE_NAMED, TensorType

BLOCK = 32
Q4_1, Q8_0 = TYPE_NAMED["Q4_1"], TYPE_NAMED["Q8_0"]
COLUMN_TYPES = {Q4_1: ("q8_1", 36), Q8_0: ("q8_0", 34)}
"""The type that columns are quantised to for weights of a type, and the bytes of a block of it."""


class Products(NamedTuple):
    """Row by column: several columns at a time, and one by one."""

    several: npt.NDArray[np.float32]
    single: npt.NDArray[np.float32]


def has_several_columns(library: Path) -> bool:
    """Tell whether this ggml-cpu library was changed by us and multiplies several columns at a time here."""
    loaded: Any = ctypes.CDLL(str(library))
    if not hasattr(loaded, "stillroom_several_columns"):
        return False
    ask = loaded.stillroom_several_columns
    ask.restype, ask.argtypes = ctypes.c_bool, [ctypes.c_int, ctypes.c_int64]
    return bool(ask(Q4_1.number, BLOCK)) and bool(ask(Q8_0.number, BLOCK))


def products(library: Path, kind: TensorType, rows: int, columns: int, values: int) -> Products:
    """Of random weights with random columns, in memory with room between them, as it may be."""
    loaded: Any = ctypes.CDLL(str(library))
    loaded.ggml_cpu_init()  # its table of halves
    random = np.random.default_rng(rows * 1000 + columns)
    row_bytes = kind.block_bytes * (values // BLOCK)
    weights = np.zeros(rows * row_bytes, np.uint8)
    quantise_rows(random.standard_normal((rows, values), np.float32), kind, values, None, weights)
    column_type, block_bytes = COLUMN_TYPES[kind]
    stride = block_bytes * (values // BLOCK) + block_bytes
    packed = np.zeros((columns, stride), np.uint8)
    wide = random.standard_normal((columns, values), np.float32) * 3
    quantise = getattr(loaded, f"quantize_row_{column_type}")
    quantise.restype, quantise.argtypes = None, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    for column in range(columns):
        quantise(wide[column].ctypes.data, packed[column].ctypes.data, values)
    several = np.full((columns, rows + 3), np.nan, np.float32)
    loaded.stillroom_dot_columns(
        ctypes.c_int(kind.number), ctypes.c_int(values), ctypes.c_int(rows),
        ctypes.c_void_p(weights.ctypes.data), ctypes.c_size_t(row_bytes), ctypes.c_int(columns),
        ctypes.c_void_p(packed.ctypes.data), ctypes.c_size_t(stride),
        ctypes.c_void_p(several.ctypes.data), ctypes.c_size_t(rows + 3),
    )  # fmt: skip
    single = np.zeros((columns, rows), np.float32)
    dot = getattr(loaded, f"ggml_vec_dot_{kind.name.lower()}_{column_type}")
    dot.restype = None
    for column in range(columns):
        for row in range(rows):
            dot(
                ctypes.c_int(values), ctypes.c_void_p(single[column, row:].ctypes.data), ctypes.c_size_t(0),
                ctypes.c_void_p(weights.ctypes.data + row * row_bytes), ctypes.c_size_t(0),
                ctypes.c_void_p(packed[column].ctypes.data), ctypes.c_size_t(0), ctypes.c_int(1),
            )  # fmt: skip
    assert single.any()
    assert np.isnan(several[:, rows:]).all(), "it wrote beside its rows"
    return Products(several[:, :rows], single)
