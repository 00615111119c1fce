"""Products of several columns at a time are to the last bit those of one: without that, guessed tokens would
change a greedy reply."""

import itertools
import platform
from collections.abc import Iterator
from pathlib import Path

import llama_cpp
import numpy as np
import pytest

from app.engine.devices.native_log import NativeLog
from app.engine.llama.backend import Backend
from app.engine.llama.context import DECODE_OK, Context
from converters.gguf.gguf_types import TensorType
from tests.support.columns import (
    COLUMN_TYPES,
    INTERLEAVED_TYPES,
    REPACKED_TYPES,
    has_several_columns,
    interleaved_products,
    interleaves,
    products,
    quantised,
    repacked_products,
    rows_context,
)
from tests.support.contexts import load_model
from tests.support.engines import starter_path

LIBRARY = next(
    (path for path in (Path(llama_cpp.__file__).parent / "lib").glob("*ggml-cpu*") if path.suffix != ".a"),
    None,
)

if platform.machine().lower() not in ("x86_64", "amd64"):
    pytest.skip("written for x86-64 only", allow_module_level=True)
if LIBRARY is None:
    pytest.skip("this llama.cpp chooses among libraries for processors", allow_module_level=True)


def test_the_environments_llama_cpp_has_them() -> None:
    flags = Path("/proc/cpuinfo")
    if flags.exists() and "avx2" not in flags.read_text("utf-8"):
        pytest.skip("this processor has no AVX2")
    assert LIBRARY is not None
    assert has_several_columns(LIBRARY)


@pytest.mark.parametrize("kind", COLUMN_TYPES, ids=lambda kind: kind.name)
@pytest.mark.parametrize("values", [32, 576, 1536, 32768])
def test_columns_together_are_what_each_is_alone(kind: TensorType, values: int) -> None:
    assert LIBRARY is not None
    if not has_several_columns(LIBRARY):
        pytest.skip("this processor has no AVX2")
    values = -(-values // kind.block) * kind.block
    most = 40 if values < 2000 else 9
    for rows, columns in itertools.product((1, 2, 7, 64), range(1, most)):
        several, single = products(LIBRARY, kind, rows, columns, values)
        assert several.tobytes() == single.tobytes(), f"{rows} rows, {columns} columns"


@pytest.mark.parametrize("kind", REPACKED_TYPES, ids=lambda kind: kind.name)
@pytest.mark.parametrize("values", [256, 288, 1536, 18944])
def test_columns_of_rows_in_eights_are_what_each_is_alone(kind: TensorType, values: int) -> None:
    assert LIBRARY is not None
    if not has_several_columns(LIBRARY):
        pytest.skip("this processor has no AVX2")
    values = -(-values // kind.block) * kind.block
    for rows, columns in itertools.product((8, 48), (*range(1, 40), 85, 90)):
        several, single = repacked_products(LIBRARY, kind, rows, columns, values)
        assert several.tobytes() == single.tobytes(), f"{rows} rows, {columns} columns"


@pytest.mark.parametrize("kind", INTERLEAVED_TYPES, ids=lambda kind: kind.name)
@pytest.mark.parametrize("values", [256, 288, 1536])
def test_interleaved_rows_are_exact_sums_whatever_the_number_of_columns(
    kind: TensorType, values: int
) -> None:
    assert LIBRARY is not None
    if not has_several_columns(LIBRARY):
        pytest.skip("this processor has no AVX2")
    if not interleaves(LIBRARY, kind):
        pytest.skip("only in sixteens, with AVX-512 VNNI")
    values = -(-values // kind.block) * kind.block
    for rows, columns in itertools.product((16, 48, 112), (*range(1, 20), 24, 37, 85, 90)):
        several, expected = interleaved_products(LIBRARY, kind, rows, columns, values)
        assert several.tobytes() == expected.tobytes(), f"{rows} rows, {columns} columns"


def test_a_column_is_quantised_as_llama_cpp_does_it() -> None:
    assert LIBRARY is not None
    if not has_several_columns(LIBRARY):
        pytest.skip("this processor has no AVX2")
    random = np.random.default_rng(1)
    wide = random.standard_normal((4096, 256), np.float32)
    wide[:1024] *= 10.0 ** random.integers(-40, 36, (1024, 1)).astype(np.float32)
    wide[1024] = 0
    wide[1025] = -0.0
    wide[1026:1030, 7::50] = 8.0  # the largest several times, with either sign first
    wide[1028:1032, 3::60] = -8.0
    wide[1032:1064] = random.integers(-127, 128, (32, 256)) * 0.5  # just between two integers
    wide[1032:1064, 0] = 127
    wide[1064, 5], wide[1065, 5], wide[1066, :] = np.inf, np.nan, np.nan
    wide[1067], wide[1068] = 1e38, np.finfo(np.float32).max
    wide[1069], wide[1070] = 1e-45, np.finfo(np.float32).tiny
    column = np.ascontiguousarray(wide.reshape(-1))
    ours, theirs = (
        quantised(LIBRARY, function, column) for function in ("stillroom_quantise_q8_K", "quantize_row_q8_K")
    )
    assert ours == theirs


@pytest.fixture(scope="module")
def context() -> Iterator[Context]:
    """The starter: Q4_1, its table of tokens Q8_0."""
    backend = Backend(NativeLog())
    model = load_model(backend, Path(starter_path()), mmap=True)
    context = rows_context(backend, model)
    context.warm_up(max(model.bos, 0))
    yield context
    context.free()
    model.free()


def logits(context: Context, tokens: range, position: int) -> list[bytes]:
    context.start_batch()
    context.add(tokens, position, 0, logits=len(tokens))
    assert context.decode() == DECODE_OK
    return [np.array(context.logits(row)).tobytes() for row in range(len(tokens))]


@pytest.mark.parametrize("rows", [2, 3, 8, 9, 17, 32])
def test_a_models_rows_together_are_what_each_is_alone(context: Context, rows: int) -> None:
    tokens = range(500, 500 + rows)
    context.remove(0, 0)
    alone = [row for token in tokens for row in logits(context, range(token, token + 1), token - 500)]
    context.remove(0, 0)
    assert logits(context, tokens, 0) == alone
