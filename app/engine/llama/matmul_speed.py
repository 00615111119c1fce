"""Measure how fast ggml multiplies matrices of one weight type here: the upper bound for prompts.

API: https://github.com/ggml-org/llama.cpp/blob/master/ggml/include/ggml-backend.h. One thread at a time.
"""

import ctypes
import time
from typing import Any, Literal

from app.engine.devices.ggml import device_of

COLUMNS = 2048
ROWS = 2048
BATCH = 512
"""Matrices as of a small model and a whole prompt step: some ten milliseconds, so that some of many runs are
undisturbed by other programs."""

FEWEST_RUNS = 3
LONGEST_S = 1.0

_KINDS = {"cpu": ("cpu",), "gpu": ("gpu", "igpu")}
_F32 = 0
_FILL = 0x3C
"""Repeated, it is a normal number as f16 (1.06), bf16 and f32 (0.01)."""

_pointer = ctypes.c_void_p


class InitParams(ctypes.Structure):
    """ggml_init_params of ggml.h."""

    _fields_ = (("mem_size", ctypes.c_size_t), ("mem_buffer", _pointer), ("no_alloc", ctypes.c_bool))


def matmul_flop_per_s(
    ggml: Any, type_number: int, threads: int, device_kind: Literal["cpu", "gpu"] = "cpu"
) -> float:
    """Measure the floating-point operations per second (two for each multiplication with its addition) of a
    matrix in ggml's type `type_number` times 512 columns in f32, on the first device of that kind.

    The fastest of several runs in about a second, over the orders of weights that the device offers
    (llama.cpp repacks weights into one of them where it can). 0 where the device or the type is missing.
    """
    declare_graphs(ggml)
    for index in range(ggml.ggml_backend_dev_count()):
        device = ggml.ggml_backend_dev_get(index)
        if device_of(ggml, device).kind in _KINDS[device_kind]:
            break
    else:
        return 0.0
    backend = ggml.ggml_backend_dev_init(device, None)
    if not backend:
        return 0.0
    try:
        registry = ggml.ggml_backend_dev_backend_reg(device)
        set_threads(ggml, registry, backend, threads)
        types = [ggml.ggml_backend_dev_buffer_type(device), *extra_types(ggml, registry, device)]
        return max(_of_buffer_type(ggml, device, backend, kind, type_number) for kind in types)
    finally:
        ggml.ggml_backend_free(backend)


def _of_buffer_type(ggml: Any, device: int, backend: int, buffer_type: int, type_number: int) -> float:
    usual = ggml.ggml_backend_dev_buffer_type(device)
    room = 8 * ggml.ggml_tensor_overhead() + ggml.ggml_graph_overhead()
    weights_context = ggml.ggml_init(InitParams(room, None, True))
    context = ggml.ggml_init(InitParams(room, None, True))
    buffers = []
    try:
        weights = ggml.ggml_new_tensor_2d(weights_context, type_number, COLUMNS, ROWS)
        buffers.append(ggml.ggml_backend_alloc_ctx_tensors_from_buft(weights_context, buffer_type))
        inputs = ggml.ggml_new_tensor_2d(context, _F32, COLUMNS, BATCH)
        product = ggml.ggml_mul_mat(context, weights, inputs)
        if not buffers[-1] or not ggml.ggml_backend_dev_supports_op(device, product):
            return 0.0
        buffers.append(ggml.ggml_backend_alloc_ctx_tensors_from_buft(context, usual))
        if not buffers[-1]:
            return 0.0
        ggml.ggml_backend_buffer_clear(buffers[-1], _FILL)
        # Through the tensor, because this is where a buffer brings its weights into another order.
        size = ggml.ggml_nbytes(weights)
        ggml.ggml_backend_tensor_set(weights, bytes([_FILL]) * size, 0, size)
        graph = ggml.ggml_new_graph(context)
        ggml.ggml_build_forward_expand(graph, product)
        return 2.0 * COLUMNS * ROWS * BATCH / _fastest_s(ggml, backend, graph)
    finally:
        for buffer in buffers:
            if buffer:
                ggml.ggml_backend_buffer_free(buffer)
        ggml.ggml_free(context)
        ggml.ggml_free(weights_context)


def _fastest_s(ggml: Any, backend: int, graph: int) -> float:
    began_s, fastest_s, runs = time.perf_counter(), float("inf"), 0
    while runs <= FEWEST_RUNS or time.perf_counter() - began_s < LONGEST_S:
        start_s = time.perf_counter()
        if ggml.ggml_backend_graph_compute(backend, graph) != 0:
            return float("inf")
        ggml.ggml_backend_synchronize(backend)
        fastest_s = min(fastest_s, time.perf_counter() - start_s)
        runs += 1
    return fastest_s


def set_threads(ggml: Any, registry: int, backend: int, threads: int) -> None:
    """Let a back end compute with so many threads, where it can be told."""
    address = ggml.ggml_backend_reg_get_proc_address(registry, b"ggml_backend_set_n_threads")
    if address:
        ctypes.CFUNCTYPE(None, _pointer, ctypes.c_int)(address)(backend, threads)


def extra_types(ggml: Any, registry: int, device: int) -> list[int]:
    """Return the buffer types of a device that bring weights into another order, llama.cpp's first choice
    first."""
    address = ggml.ggml_backend_reg_get_proc_address(registry, b"ggml_backend_dev_get_extra_bufts")
    if not address:
        return []
    listed = ctypes.CFUNCTYPE(ctypes.POINTER(_pointer), _pointer)(address)(device)
    found: list[int] = []
    while listed and listed[len(found)]:
        found.append(listed[len(found)])
    return found


def declare_graphs(ggml: Any) -> None:
    """Declare what is needed of ggml to compute a product of matrices, or attention, on a device."""
    count = ctypes.c_int64
    for name, result, arguments in (
        ("ggml_init", _pointer, [InitParams]),
        ("ggml_free", None, [_pointer]),
        ("ggml_tensor_overhead", ctypes.c_size_t, []),
        ("ggml_graph_overhead", ctypes.c_size_t, []),
        ("ggml_nbytes", ctypes.c_size_t, [_pointer]),
        ("ggml_new_tensor_2d", _pointer, [_pointer, ctypes.c_int, count, count]),
        ("ggml_new_tensor_3d", _pointer, [_pointer, ctypes.c_int, count, count, count]),
        ("ggml_mul_mat", _pointer, [_pointer, _pointer, _pointer]),
        ("ggml_flash_attn_ext", _pointer, [*[_pointer] * 5, *[ctypes.c_float] * 3]),
        ("ggml_new_graph", _pointer, [_pointer]),
        ("ggml_build_forward_expand", None, [_pointer, _pointer]),
        ("ggml_backend_dev_init", _pointer, [_pointer, ctypes.c_char_p]),
        ("ggml_backend_dev_buffer_type", _pointer, [_pointer]),
        ("ggml_backend_dev_supports_op", ctypes.c_bool, [_pointer, _pointer]),
        ("ggml_backend_alloc_ctx_tensors_from_buft", _pointer, [_pointer, _pointer]),
        ("ggml_backend_buffer_clear", None, [_pointer, ctypes.c_uint8]),
        ("ggml_backend_buffer_free", None, [_pointer]),
        ("ggml_backend_tensor_set", None, [_pointer, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t]),
        ("ggml_backend_tensor_get", None, [_pointer, _pointer, ctypes.c_size_t, ctypes.c_size_t]),
        ("ggml_backend_graph_compute", ctypes.c_int, [_pointer, _pointer]),
        ("ggml_backend_synchronize", None, [_pointer]),
        ("ggml_backend_free", None, [_pointer]),
    ):
        function = getattr(ggml, name)
        function.restype, function.argtypes = result, arguments
