"""The tensors of a computation as ggml shows them to a callback (`cb_eval` of llama.h)."""

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from converters.system.errors import BuildError

_OBJECT_BYTES = 32
"""GGML_OBJECT_SIZE, which ggml_tensor_overhead counts besides the tensor."""


class GgmlTensor(ctypes.Structure):
    """struct ggml_tensor of ggml.h."""


GgmlTensor._fields_ = [
    ("type", ctypes.c_int),
    ("buffer", ctypes.c_void_p),
    ("ne", ctypes.c_int64 * 4),
    ("nb", ctypes.c_size_t * 4),
    ("op", ctypes.c_int),
    ("op_params", ctypes.c_int32 * 16),
    ("flags", ctypes.c_int32),
    ("src", ctypes.POINTER(GgmlTensor) * 10),
    ("view_src", ctypes.c_void_p),
    ("view_offs", ctypes.c_size_t),
    ("data", ctypes.c_void_p),
    ("name", ctypes.c_char * 64),
    ("extra", ctypes.c_void_p),
    ("padding", ctypes.c_char * 8),
]


def declared(ggml: Any) -> Any:
    """Declare the functions of the library `ggml` that read and write tensors.

    Raises `BuildError` where its tensors have another form.
    """
    pointer, tensor = ctypes.c_void_p, ctypes.POINTER(GgmlTensor)
    for name, result, arguments in (
        ("ggml_nbytes", ctypes.c_size_t, [tensor]),
        ("ggml_backend_buffer_is_host", ctypes.c_bool, [pointer]),
        ("ggml_backend_tensor_get", None, [tensor, pointer, ctypes.c_size_t, ctypes.c_size_t]),
        ("ggml_backend_tensor_set", None, [tensor, pointer, ctypes.c_size_t, ctypes.c_size_t]),
        ("ggml_tensor_overhead", ctypes.c_size_t, []),
        ("ggml_op_name", ctypes.c_char_p, [ctypes.c_int]),
    ):
        function = getattr(ggml, name)
        function.restype, function.argtypes = result, arguments
    expected = ctypes.sizeof(GgmlTensor) + _OBJECT_BYTES
    if ggml.ggml_tensor_overhead() != expected:
        raise BuildError(
            "This llama.cpp has another form of tensors, so it cannot be watched while it computes.",
            "Use a file that llama-imatrix has made, or the version that Stillroom was released with.",
        )
    return ggml


def rows_of(ggml: Any, tensor: GgmlTensor) -> npt.NDArray[np.float32]:
    """Return the rows of a tensor of 32-bit numbers, which are good until the computation goes on."""
    size = ggml.ggml_nbytes(ctypes.byref(tensor))
    if ggml.ggml_backend_buffer_is_host(tensor.buffer):
        memory = (ctypes.c_char * size).from_address(tensor.data)
    else:
        memory = (ctypes.c_char * size)()
        ggml.ggml_backend_tensor_get(ctypes.byref(tensor), memory, 0, size)
    shape, strides = tuple(reversed(tensor.ne)), tuple(reversed(tensor.nb))
    return np.ndarray(shape, np.float32, memory, strides=strides).reshape(-1, tensor.ne[0])


def operation(ggml: Any, name: bytes) -> int:
    """Find the number of an operation, which differs between versions."""
    number = 0
    while ggml.ggml_op_name(number) != name:
        number += 1
    return number


def weights_name(name: bytes) -> str:
    """Return the name of the weights: `CUDA0#blk.0.attn_k.weight#0` is a copy on another device."""
    parts = name.decode("utf-8", "replace").split("#")
    return parts[1] if len(parts) > 1 else parts[0]
