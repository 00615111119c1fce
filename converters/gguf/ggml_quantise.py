"""ggml's own conversions of rows of weights, on numpy arrays; each call releases the interpreter lock.

API: https://github.com/ggml-org/llama.cpp/blob/master/ggml/include/ggml.h. All functions are for any thread.
"""

import ctypes
import sys
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import numpy.typing as npt

from converters.gguf.gguf_types import BF16, F16, F32, TensorType

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


class _TypeTraits(ctypes.Structure):
    """struct ggml_type_traits"""

    _fields_ = (
        ("type_name", ctypes.c_char_p),
        ("blck_size", ctypes.c_int64),
        ("blck_size_interleave", ctypes.c_int64),
        ("type_size", ctypes.c_size_t),
        ("is_quantized", ctypes.c_bool),
        ("to_float", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)),
        ("from_float_ref", ctypes.c_void_p),
    )


def _library() -> Any:
    if sys.platform == "win32":
        return ctypes.CDLL(str(Path(llama_cpp.__file__).parent / "lib" / "ggml-base.dll"))
    # libllama's own handle reaches the ggml that it uses; the wheel's other copies would be second ones.
    return llama_cpp.llama_cpp._lib


_ggml = _library()
_pointer, _count = ctypes.c_void_p, ctypes.c_int64
for _name, _result, _arguments in (
    (
        "ggml_quantize_chunk",
        ctypes.c_size_t,
        [ctypes.c_int, _pointer, _pointer, _count, _count, _count, _pointer],
    ),
    ("ggml_validate_row_data", ctypes.c_bool, [ctypes.c_int, _pointer, ctypes.c_size_t]),
    ("ggml_bf16_to_fp32_row", None, [_pointer, _pointer, _count]),
    ("ggml_fp16_to_fp32_row", None, [_pointer, _pointer, _count]),
    ("ggml_fp32_to_bf16_row_ref", None, [_pointer, _pointer, _count]),
    ("ggml_get_type_traits", ctypes.POINTER(_TypeTraits), [ctypes.c_int]),
):
    _function = getattr(_ggml, _name)
    _function.restype, _function.argtypes = _result, _arguments


def to_floats(stored: Bytes, kind: TensorType, floats: Floats) -> Floats:
    """Convert the weights of `stored`, contiguous and of type `kind`, to 32-bit numbers, exactly; in `floats`
    unless they are such already."""
    if kind is F32:
        return stored.view("<f4")
    if kind is BF16:
        _ggml.ggml_bf16_to_fp32_row(stored.ctypes.data, floats.ctypes.data, floats.size)
    elif kind is F16:
        _ggml.ggml_fp16_to_fp32_row(stored.ctypes.data, floats.ctypes.data, floats.size)
    else:
        to_float = _ggml.ggml_get_type_traits(kind.number).contents.to_float
        to_float(stored.ctypes.data, floats.ctypes.data, floats.size)
    return floats


def to_bf16(floats: Floats, out: Bytes) -> None:
    """Round 32-bit numbers to the nearest bf16, ties to even; a NaN stays one."""
    _ggml.ggml_fp32_to_bf16_row_ref(floats.ctypes.data, out.ctypes.data, floats.size)


def quantise_rows(
    floats: Floats, kind: TensorType, columns: int, importance: Floats | None, out: Bytes
) -> None:
    """Quantise whole rows of `columns` weights to the type `kind`, filling `out`.

    `importance` weighs the columns. The same rows give the same bytes as in llama_model_quantize.
    """
    weights = None if importance is None else importance.ctypes.data
    written = _ggml.ggml_quantize_chunk(
        kind.number, floats.ctypes.data, out.ctypes.data, 0, floats.size // columns, columns, weights
    )
    if written != out.nbytes:
        raise AssertionError(f"{kind.name}: {written} bytes written, {out.nbytes} planned")


def is_valid(stored: Bytes, kind: TensorType) -> bool:
    """Tell whether no scale in quantised `stored` is infinite or not a number."""
    return bool(_ggml.ggml_validate_row_data(kind.number, stored.ctypes.data, stored.nbytes))
