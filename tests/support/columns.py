"""packaging/engine/patches/several_columns.c and repacked_eights.h against llama.cpp's own products of one
column, interleaved_rows.h against what it says of itself."""

import ctypes
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from app.engine.llama.backend import Backend
from app.engine.llama.context import Context
from app.engine.llama.model import Model
from converters.gguf.ggml_quantise import quantise_rows
from converters.gguf.gguf_types import TYPE_NAMED, TensorType
from tests.support.contexts import make_context

Q4_1, Q8_0, Q5_K, Q6_K, IQ4_XS = (TYPE_NAMED[name] for name in ("Q4_1", "Q8_0", "Q5_K", "Q6_K", "IQ4_XS"))
COLUMN_TYPES = {
    Q4_1: ("q8_1", 36),
    Q8_0: ("q8_0", 34),
    Q5_K: ("q8_K", 292),
    Q6_K: ("q8_K", 292),
    IQ4_XS: ("q8_K", 292),
}
"""The type that columns are quantised to for weights of a type, and the bytes of a block of it."""

IN_EIGHTS = 8
"""Rows that lie in one another."""
Q4_0, Q4_K, Q3_K = (TYPE_NAMED[name] for name in ("Q4_0", "Q4_K", "Q3_K"))
REPACKED_TYPES = {Q4_0: ("q8_0", 34, 8), Q4_K: ("q8_K", 292, 16)}
"""As COLUMN_TYPES, and the halves (scales, mins) before the values of a block of eight rows."""

INTERLEAVED_TYPES = {
    **{kind: COLUMN_TYPES[kind] for kind in (Q8_0, Q6_K, Q5_K, IQ4_XS, Q4_1)},
    Q3_K: ("q8_K", 292),
    Q4_0: ("q8_0", 34),
}
IN_SIXTEENS = {Q4_0, Q4_1}
"""Of these, those that lie in sixteens alone."""
IQ4_VALUES = np.array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113], np.int8)
"""The values that four bits of a weight of IQ4_XS stand for."""


def rows_context(backend: Backend, model: Model) -> Context:
    """Make a context that gives the logits of 32 rows at once. One thread: several take attention apart."""
    return make_context(backend, model, 256, threads=1, batch_tokens=64, draft_rows=32)


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


def interleaves(library: Path, kind: TensorType) -> bool:
    """Tell whether rows of a type lie in one another on this processor."""
    return kind not in IN_SIXTEENS or ctypes.CDLL(str(library)).stillroom_interleaved_rows() == 16


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
    name = "iq4_xs" if kind == IQ4_XS else kind.name.replace("Q", "q")
    dot = getattr(loaded, f"ggml_vec_dot_{name}_{column_type}")
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


def interleaved_products(library: Path, kind: TensorType, rows: int, columns: int, values: int) -> Products:
    """Of rows of random bits but for their scales, and what exact integers added part by part come to."""
    loaded: Any = ctypes.CDLL(str(library))
    loaded.ggml_cpu_init()
    random = np.random.default_rng(rows * 1000 + columns)
    column_type, block_bytes = INTERLEAVED_TYPES[kind]
    blocks = values // kind.block
    weights = random.integers(0, 256, (rows, blocks, kind.block_bytes), np.uint8)
    d = random.standard_normal((rows, blocks), np.float32).astype(np.float16)
    at = slice(kind.block_bytes - 2, kind.block_bytes) if kind in (Q6_K, Q3_K) else slice(0, 2)
    weights[:, :, at] = d[:, :, None].view(np.uint8)
    if kind in (Q5_K, Q4_1):
        weights[:, :, 2:4] = (d[:, ::-1, None] / np.float16(8)).view(np.uint8)
    packed = _packed(loaded, random, column_type, (columns, values), block_bytes * blocks)
    several = np.full((columns, rows + 3), np.nan, np.float32)
    loaded.stillroom_interleaved_columns(
        ctypes.c_int(kind.number), ctypes.c_int(values), ctypes.c_int(rows),
        ctypes.c_void_p(weights.ctypes.data), ctypes.c_int(columns), ctypes.c_void_p(packed.ctypes.data),
        ctypes.c_void_p(several.ctypes.data), ctypes.c_size_t(rows + 3),
    )  # fmt: skip
    assert np.isnan(several[:, rows:]).all(), "it wrote beside its rows"
    of_columns = packed.reshape(columns, blocks, block_bytes)
    in_integers = bool(loaded.stillroom_adds_integers())
    expected = np.zeros((columns, rows), np.float32)
    for column in range(columns):
        if kind in (Q8_0, Q4_0, Q4_1):
            expected[column] = _small_block_sums(kind, weights, d, of_columns[column])
        else:
            expected[column] = _k_sums(_PARTS_OF[kind](weights), d, of_columns[column], in_integers)
    return Products(several[:, :rows], expected)


def _small_block_sums(
    kind: TensorType,
    weights: npt.NDArray[np.uint8],
    d: npt.NDArray[np.float16],
    column: npt.NDArray[np.uint8],
) -> npt.NDArray[np.float32]:
    """Blocks of 32 values; those of Q4_1 have a least value each, and a column's the sum of its values."""
    halves = 2 if kind == Q4_1 else 1
    scales = column[:, :2].copy().view(np.float16)[:, 0].astype(np.float32)
    if kind == Q8_0:
        quants = weights[:, :, 2:].view(np.int8)
    else:
        nibbles = weights[:, :, 2 * halves :]
        quants = np.concatenate([nibbles & 15, nibbles >> 4], axis=2).astype(np.int8)
        quants -= np.int8(8 if kind == Q4_0 else 0)
    integers = _integers(quants, column[:, 2 * halves :].view(np.int8)).astype(np.float32)
    if kind != Q4_1:
        return _added(integers, d.astype(np.float32) * scales)
    least = weights[:, :, 2:4].copy().view(np.float16)[:, :, 0].astype(np.float32)
    sums = np.broadcast_to(column[:, 2:4].copy().view(np.float16)[:, 0].astype(np.float32), least.shape)
    total = np.zeros(weights.shape[0], np.float32)
    for block in range(d.shape[1]):
        total = _fused(integers[:, block], d[:, block].astype(np.float32) * scales[block], total)
        total = _fused(least[:, block], sums[:, block], total)
    return total


class _Parts(NamedTuple):
    """Rows of blocks of 256 values, in the parts that have a scale of their own."""

    quants: npt.NDArray[np.int8]
    """[row][block][part][value]"""
    scales: npt.NDArray[np.int64]
    """[row][block][part], in d."""
    mins: npt.NDArray[np.uint8] | None = None
    """As scales, in dmin."""
    dmin: npt.NDArray[np.float32] | None = None
    """[row][block]"""


def _q6_k_parts(weights: npt.NDArray[np.uint8]) -> _Parts:
    rows, blocks = weights.shape[:2]
    low, high = weights[:, :, :128].reshape(rows, blocks, 2, 2, 32), weights[:, :, 128:192]
    fours = np.stack([low & 15, low >> 4], axis=3).reshape(rows, blocks, 2, 4, 32)
    twos = high.reshape(rows, blocks, 2, 1, 32) >> np.arange(0, 8, 2, dtype=np.uint8)[:, None] & 3
    quants = (fours | twos << 4).astype(np.int8).reshape(rows, blocks, 16, 16) - 32
    return _Parts(quants, weights[:, :, 192:208].view(np.int8).astype(np.int64))


def _q5_k_parts(weights: npt.NDArray[np.uint8]) -> _Parts:
    rows, blocks = weights.shape[:2]
    packed = weights[:, :, 4:16]
    first, second, third = packed[:, :, :4], packed[:, :, 4:8], packed[:, :, 8:]
    scales = np.concatenate([first & 63, third & 15 | first >> 6 << 4], axis=2)
    mins = np.concatenate([second & 63, third >> 4 | second >> 6 << 4], axis=2)
    high = weights[:, :, None, 16:48] >> np.arange(8, dtype=np.uint8)[:, None] & 1
    low = weights[:, :, 48:].reshape(rows, blocks, 4, 1, 32) >> np.array([0, 4], np.uint8)[:, None] & 15
    quants = (low.reshape(rows, blocks, 8, 32) | high << 4).astype(np.int8)
    dmin = weights[:, :, 2:4].copy().view(np.float16)[:, :, 0].astype(np.float32)
    return _Parts(quants, scales.astype(np.int64), mins, dmin)


def _q3_k_parts(weights: npt.NDArray[np.uint8]) -> _Parts:
    rows, blocks = weights.shape[:2]
    high = weights[:, :, None, :32] >> np.arange(8, dtype=np.uint8)[:, None] & 1
    low = (
        weights[:, :, 32:96].reshape(rows, blocks, 2, 1, 32) >> np.arange(0, 8, 2, dtype=np.uint8)[:, None]
        & 3
    )
    quants = (low.reshape(rows, blocks, 8, 32) | high << 2).astype(np.int8).reshape(rows, blocks, 16, 16) - 4
    packed = weights[:, :, 96:108]
    fours = np.concatenate([packed[:, :, :8] & 15, packed[:, :, :8] >> 4], axis=2)
    twos = packed[:, :, None, 8:] >> np.arange(0, 8, 2, dtype=np.uint8)[:, None] & 3
    scales = (fours | twos.reshape(rows, blocks, 16) << 4).astype(np.int64) - 32
    return _Parts(quants, scales)


def _iq4_xs_parts(weights: npt.NDArray[np.uint8]) -> _Parts:
    rows, blocks = weights.shape[:2]
    high = weights[:, :, 2:4].copy().view(np.uint16) >> np.arange(0, 16, 2, dtype=np.uint16) & 3
    low = weights[:, :, 4:8, None] >> np.array([0, 4], np.uint8) & 15
    scales = (low.reshape(rows, blocks, 8) | high << 4).astype(np.int64) - 32
    places = weights[:, :, 8:].reshape(rows, blocks, 8, 1, 16) >> np.array([0, 4], np.uint8)[:, None] & 15
    return _Parts(IQ4_VALUES[places.reshape(rows, blocks, 8, 32)], scales)


_PARTS_OF = {Q6_K: _q6_k_parts, Q5_K: _q5_k_parts, Q3_K: _q3_k_parts, IQ4_XS: _iq4_xs_parts}


def _k_sums(
    parts: _Parts, d: npt.NDArray[np.float16], column: npt.NDArray[np.uint8], in_integers: bool
) -> npt.NDArray[np.float32]:
    rows, blocks, count, length = parts.quants.shape
    wide = d.astype(np.float32)
    of_column = column[:, 4:260].copy().view(np.int8).reshape(blocks, count, length)
    total = np.zeros(rows, np.float32)
    for block in range(blocks):
        integers, scales = _integers(parts.quants[:, block], of_column[block]), parts.scales[:, block]
        if in_integers:
            in_block = (integers * scales).sum(axis=1).astype(np.float32) * wide[:, block]
        else:
            in_block = _added(integers.astype(np.float32), wide[:, block, None] * scales.astype(np.float32))
        if parts.mins is not None and parts.dmin is not None:
            less: npt.NDArray[np.int64] = parts.mins[:, block] @ of_column[block].sum(axis=1, dtype=np.int64)
            in_block = _fused(less.astype(np.float32), -parts.dmin[:, block], in_block)
        total = _fused(in_block, column[block, :4].copy().view(np.float32), total)
    return total


def _integers(rows: npt.NDArray[np.int8], column: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """The products of each part of each row: integers that a float holds."""
    integers: npt.NDArray[np.int64] = (rows.astype(np.int64) * column.astype(np.int64)).sum(axis=2)
    return integers


def _added(parts: npt.NDArray[np.float32], scales: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    total = np.zeros(parts.shape[0], np.float32)
    for part in range(parts.shape[1]):
        total = _fused(parts[:, part], scales[:, part], total)
    return total


def quantised(library: Path, function: str, column: npt.NDArray[np.float32]) -> bytes:
    """Return the blocks (`block_q8_K`) that a function of the library makes of a column of blocks of 256."""
    loaded: Any = ctypes.CDLL(str(library))
    loaded.ggml_cpu_init()
    quantise = getattr(loaded, function)
    quantise.restype, quantise.argtypes = None, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    blocks = np.zeros((len(column) // 256, 292), np.uint8)
    quantise(column.ctypes.data, blocks.ctypes.data, len(column))
    return blocks.tobytes()


def _fused(
    one: npt.NDArray[np.float32], other: npt.NDArray[np.float32], added: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """A fused multiplication and addition: rounded once."""
    return (one.astype(np.longdouble) * other + added).astype(np.float32)


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
