"""The child process of `devices.kernel_check`: products of matrices on a device against the processor's.

Weights in F32 and F16 go through cuBLAS, the quantised ones through ggml's own kernels, one column (a token)
through others than many (a prompt). What a driver has to compile for a card that it has not met before is
compiled by this, for the types that models come in, and kept (`nvidia_cards.keep_kernels`).
"""

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from app.base.parent_death import leave_no_core_dump
from app.engine.devices.kernel_check import KernelAnswer, KernelRequest, Product
from app.engine.devices.native_log import NativeLog
from app.engine.devices.nvidia_cards import VISIBLE, capable_cards, nvidia_cards
from app.engine.llama.backend import Backend
from app.engine.llama.matmul_speed import InitParams, declare_graphs
from models.system.child_process import die_with_parent

LARGEST_NMSE = 5e-4
"""test_mul_mat in https://github.com/ggml-org/llama.cpp/blob/master/tests/test-backend-ops.cpp"""

TYPES = {"F32": 0, "F16": 1, "Q4_0": 2, "Q8_0": 8, "Q4_K": 12, "Q6_K": 14}
"""enum ggml_type"""

INNER, ROWS = 256, 128
COLUMNS = (1, 64)
HEAD, HEADS, KV_HEADS, CACHED = 128, 8, 2, 256
"""Attention as in R1's distills: heads of 128, four of them to one of the cache."""

Floats = npt.NDArray[np.float32]


def main() -> int:
    """Read a `KernelRequest` from stdin, write a `KernelAnswer` to stdout, both as JSON."""
    die_with_parent(os.getppid())
    leave_no_core_dump()
    os.environ["GGML_NO_BACKTRACE"] = "1"
    request = msgspec.json.decode(sys.stdin.buffer.readline(), type=KernelRequest)
    if request.card:
        os.environ[VISIBLE] = request.card
    # Native prints must not get between the lines of the answer.
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    if request.lists:
        found = KernelAnswer(cards=tuple(card.uuid for card in capable_cards(nvidia_cards())))
    else:
        backend = Backend(NativeLog(), Path(request.folder) if request.folder else None)
        found = check(backend, request.backend)
    answer.write(msgspec.json.encode(found) + b"\n")
    answer.close()
    # Drivers that unload have been seen to crash; there is nothing left to do.
    os._exit(0)


def check(backend: Backend, name: str) -> KernelAnswer:
    """Compute on each device of the back end `name` and compare."""
    declare_graphs(backend.ggml)
    devices = [(handle, device) for handle, device in backend.local_devices() if device.backend == name]
    if not devices:
        return KernelAnswer(
            message="{backend} cannot be used: {reason}.",
            values={"backend": name, "reason": _why_none(backend, name)},
        )
    processor = next(handle for handle, device in backend.local_devices() if device.kind == "cpu")
    random = np.random.default_rng(0)
    weights = random.uniform(-1, 1, (ROWS, INNER)).astype(np.float32)
    products = []
    for handle, device in devices:
        title = device.description or device.name
        for kind, number in TYPES.items():
            stored = _stored(backend.ggml, number, weights)
            for columns in COLUMNS:
                inputs = random.uniform(-1, 1, (columns, INNER)).astype(np.float32)
                there = multiply(backend.ggml, handle, number, stored, inputs)
                here = multiply(backend.ggml, processor, number, stored, inputs)
                if there is None or here is None:
                    return KernelAnswer(
                        message="{device} did not compute a product of {type} weights.",
                        values={"device": title, "type": kind},
                    )
                nmse = float(((there - here) ** 2).sum() / (here**2).sum())
                products.append(Product(device=title, type=kind, columns=columns, nmse=nmse))
                if not nmse <= LARGEST_NMSE:
                    return KernelAnswer(
                        products=tuple(products),
                        message="{device} computes wrongly: a product of {type} weights is off by {nmse}.",
                        values={"device": title, "type": kind, "nmse": f"{nmse:.2g}"},
                    )
        for columns in COLUMNS:
            query = random.uniform(-1, 1, (HEADS, columns, HEAD)).astype(np.float32)
            cache = random.uniform(-1, 1, (2, KV_HEADS, CACHED, HEAD)).astype(np.float16)
            there = attend(backend.ggml, handle, query, cache)
            here = attend(backend.ggml, processor, query, cache)
            # A device without flash attention is used without it.
            if there is None or here is None:
                continue
            nmse = float(((there - here) ** 2).sum() / (here**2).sum())
            products.append(Product(device=title, type="F16", columns=columns, nmse=nmse))
            if not nmse <= LARGEST_NMSE:
                return KernelAnswer(
                    products=tuple(products),
                    message="{device} computes wrongly: flash attention is off by {nmse}.",
                    values={"device": title, "nmse": f"{nmse:.2g}"},
                )
    return KernelAnswer(products=tuple(products))


def _why_none(backend: Backend, name: str) -> str:
    """Return the back end's own reason where it gives one, such as that the driver is too old."""
    said = [line for line in backend.log.reason().splitlines() if name.lower() in line.lower()]
    states = [state.reason for state in backend.states() if state.name == name]
    return (said or states or ["it is not there"])[-1].rstrip(".")


def multiply(ggml: Any, device: int, number: int, stored: bytes, inputs: Floats) -> Floats | None:
    """Multiply weights (ROWS x INNER in ggml's type `number`) with `inputs` (columns x INNER) on a device:
    columns x ROWS in F32; None where the device does not compute it."""
    columns = len(inputs)

    def build(context: int) -> tuple[int, dict[int, bytes]]:
        weights = ggml.ggml_new_tensor_2d(context, number, INNER, ROWS)
        given = ggml.ggml_new_tensor_2d(context, TYPES["F32"], INNER, columns)
        return ggml.ggml_mul_mat(context, weights, given), {weights: stored, given: inputs.tobytes()}

    return _compute(ggml, device, build, (columns, ROWS))


def attend(ggml: Any, device: int, query: Floats, cache: npt.NDArray[np.float16]) -> Floats | None:
    """Compute flash attention of `query` (HEADS x columns x HEAD) over a cache of keys and values (2 x
    KV_HEADS x CACHED x HEAD): columns x HEADS x HEAD in F32; None where the device does not compute it."""
    columns = query.shape[1]

    def build(context: int) -> tuple[int, dict[int, bytes]]:
        asked = ggml.ggml_new_tensor_3d(context, TYPES["F32"], HEAD, columns, HEADS)
        keys = ggml.ggml_new_tensor_3d(context, TYPES["F16"], HEAD, CACHED, KV_HEADS)
        values = ggml.ggml_new_tensor_3d(context, TYPES["F16"], HEAD, CACHED, KV_HEADS)
        mask = ggml.ggml_new_tensor_2d(context, TYPES["F16"], CACHED, columns)
        attention = ggml.ggml_flash_attn_ext(context, asked, keys, values, mask, HEAD**-0.5, 0.0, 0.0)
        given = (query, cache[0], cache[1], np.zeros((columns, CACHED), np.float16))
        tensors = (asked, keys, values, mask)
        return attention, {tensor: each.tobytes() for tensor, each in zip(tensors, given, strict=True)}

    return _compute(ggml, device, build, (columns, HEADS, HEAD))


def _compute(
    ggml: Any, device: int, build: Callable[[int], tuple[int, dict[int, bytes]]], shape: tuple[int, ...]
) -> Floats | None:
    """Compute the tensor that `build` makes in a context of ggml's, with what its inputs are to hold."""
    backend = ggml.ggml_backend_dev_init(device, None)
    if not backend:
        return None
    context = ggml.ggml_init(
        InitParams(8 * ggml.ggml_tensor_overhead() + ggml.ggml_graph_overhead(), None, True)
    )
    buffer = None
    try:
        result, inputs = build(context)
        if not ggml.ggml_backend_dev_supports_op(device, result):
            return None
        buffer = ggml.ggml_backend_alloc_ctx_tensors_from_buft(
            context, ggml.ggml_backend_dev_buffer_type(device)
        )
        if not buffer:
            return None
        for tensor, data in inputs.items():
            ggml.ggml_backend_tensor_set(tensor, data, 0, len(data))
        graph = ggml.ggml_new_graph(context)
        ggml.ggml_build_forward_expand(graph, result)
        if ggml.ggml_backend_graph_compute(backend, graph) != 0:
            return None
        ggml.ggml_backend_synchronize(backend)
        computed = np.empty(shape, np.float32)
        ggml.ggml_backend_tensor_get(result, computed.ctypes.data, 0, computed.nbytes)
        return computed
    finally:
        if buffer:
            ggml.ggml_backend_buffer_free(buffer)
        ggml.ggml_free(context)
        ggml.ggml_backend_free(backend)


def _stored(ggml: Any, number: int, weights: Floats) -> bytes:
    """Convert the weights to ggml's type `number`."""
    if number == TYPES["F32"]:
        return weights.tobytes()
    quantise = ggml.ggml_quantize_chunk
    quantise.restype = ctypes.c_size_t
    quantise.argtypes = [
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_void_p,
        *[ctypes.c_int64] * 3,
        ctypes.c_void_p,
    ]
    out = ctypes.create_string_buffer(weights.nbytes)
    size = quantise(number, weights.ctypes.data, out, 0, ROWS, INNER, None)
    return out.raw[:size]


if __name__ == "__main__":
    sys.exit(main())
