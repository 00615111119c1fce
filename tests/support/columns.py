"""packaging/engine/patches/several_columns.c and repacked_columns.h against llama.cpp's own products of one
column."""

import ctypes
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from app.engine.llama.abort import AbortFlag
from app.engine.llama.backend import Backend
from app.engine.llama.context import Context
from app.engine.llama.model import Model
from converters.gguf.ggml import quantise_rows
from converters.gguf.gguf_types import TYPE_NAMED, TensorType

Q4_1, Q8_0, Q5_K, Q6_K = (TYPE_NAMED[name] for name in ("Q4_1", "Q8_0", "Q5_K", "Q6_K"))
COLUMN_TYPES = {Q4_1: ("q8_1", 36), Q8_0: ("q8_0", 34), Q5_K: ("q8_K", 292), Q6_K: ("q8_K", 292)}
"""The type that columns are quantised to for weights of a type, and the bytes of a block of it."""

IN_EIGHTS = 8
"""Rows that lie in one another."""
Q4_0, Q4_K = TYPE_NAMED["Q4_0"], TYPE_NAMED["Q4_K"]
REPACKED_TYPES = {Q4_0: ("q8_0", 34, 8), Q4_K: ("q8_K", 292, 16)}
"""As COLUMN_TYPES, and the halves (scales, mins) before the values of a block of eight rows."""


def rows_context(backend: Backend, model: Model) -> Context:
    """Make a context that gives the logits of 32 rows at once. One thread: several take attention apart."""
    return Context(
        backend,
        model,
        context_tokens=256,
        batch_tokens=64,
        sequences=1,
        draft_rows=32,
        threads=1,
        prompt_threads=1,
        kv_type="f16",
        flash_attention="on",
        abort=AbortFlag(),
    )


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
    return all(ask(kind.number, kind.block) for kind in COLUMN_TYPES)


def products(library: Path, kind: TensorType, rows: int, columns: int, values: int) -> Products:
    """Of random weights with random columns, in memory with room between them, as it may be."""
    loaded: Any = ctypes.CDLL(str(library))
    loaded.ggml_cpu_init()  # its table of halves
    random = np.random.default_rng(rows * 1000 + columns)
    row_bytes = kind.block_bytes * (values // kind.block)
    weights = np.zeros(rows * row_bytes, np.uint8)
    quantise_rows(random.standard_normal((rows, values), np.float32), kind, values, None, weights)
    column_type, block_bytes = COLUMN_TYPES[kind]
    stride = block_bytes * (values // kind.block) + block_bytes
    packed = _packed(loaded, random, column_type, (columns, values), stride)
    several = np.full((columns, rows + 3), np.nan, np.float32)
    loaded.stillroom_dot_columns(
        ctypes.c_int(kind.number), ctypes.c_int(values), ctypes.c_int(rows),
        ctypes.c_void_p(weights.ctypes.data), ctypes.c_size_t(row_bytes), ctypes.c_int(columns),
        ctypes.c_void_p(packed.ctypes.data), ctypes.c_size_t(stride),
        ctypes.c_void_p(several.ctypes.data), ctypes.c_size_t(rows + 3),
    )  # fmt: skip
    single = np.zeros((columns, rows), np.float32)
    dot = getattr(loaded, f"ggml_vec_dot_{kind.name.replace('Q', 'q')}_{column_type}")
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


def repacked_products(library: Path, kind: TensorType, rows: int, columns: int, values: int) -> Products:
    """Of rows in eights, of random bits but for their scales, with random columns."""
    loaded: Any = ctypes.CDLL(str(library))
    loaded.ggml_cpu_init()
    random = np.random.default_rng(rows * 1000 + columns)
    column_type, block_bytes, halves = REPACKED_TYPES[kind]
    blocks = rows // IN_EIGHTS * (values // kind.block)
    weights = random.integers(0, 256, (blocks, IN_EIGHTS * kind.block_bytes), np.uint8)
    scales = random.standard_normal((blocks, halves), np.float32).astype(np.float16)
    weights[:, : scales.itemsize * halves] = scales.view(np.uint8)
    packed = _packed(loaded, random, column_type, (columns, values), block_bytes * (values // kind.block))
    several = np.full((columns, rows + 3), np.nan, np.float32)
    loaded.stillroom_repacked_columns(
        ctypes.c_int(kind.number), ctypes.c_int(values), ctypes.c_int(rows),
        ctypes.c_void_p(weights.ctypes.data), ctypes.c_int(columns), ctypes.c_void_p(packed.ctypes.data),
        ctypes.c_void_p(several.ctypes.data), ctypes.c_size_t(rows + 3),
    )  # fmt: skip
    single = np.zeros((columns, rows), np.float32)
    gemv = getattr(loaded, f"ggml_gemv_{kind.name.replace('Q', 'q')}_8x8_{column_type}")
    for column in range(columns):
        gemv(
            ctypes.c_int(values), ctypes.c_void_p(single[column].ctypes.data), ctypes.c_size_t(rows),
            ctypes.c_void_p(weights.ctypes.data), ctypes.c_void_p(packed[column].ctypes.data),
            ctypes.c_int(1), ctypes.c_int(rows),
        )  # fmt: skip
    assert single.any()
    assert np.isnan(several[:, rows:]).all(), "it wrote beside its rows"
    return Products(several[:, :rows], single)


def _packed(
    loaded: Any, random: np.random.Generator, column_type: str, shape: tuple[int, int], stride: int
) -> npt.NDArray[np.uint8]:
    """Random columns, quantised, `stride` bytes apart."""
    columns, values = shape
    packed = np.zeros((columns, stride), np.uint8)
    wide = random.standard_normal(shape, np.float32) * 3
    quantise = getattr(loaded, f"quantize_row_{column_type}")
    quantise.restype, quantise.argtypes = None, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    for column in range(columns):
        quantise(wide[column].ctypes.data, packed[column].ctypes.data, values)
    return packed
