"""Multiply weights with one column, as each token of a reply does, by ggml's own kernels.

API: https://github.com/ggml-org/llama.cpp/blob/master/ggml/include/ggml-backend.h
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from app.engine.devices.ggml import device_handles, device_of
from app.engine.llama.matmul_speed import InitParams, declare_graphs, extra_types, set_threads

WEIGHT_TYPE = 12
"""Q4_K of enum ggml_type: most weights of Q4_K_M, in which most models are run."""

INNER = ROWS = 4096
"""A matrix of the attention of a model of 8B: 9.4 MB."""

_F32 = 0
_FILL = 0x3C
"""Repeated, it is a normal number as f16 (1.06) and as f32 (0.01)."""


@dataclass(frozen=True, slots=True)
class WeightProducts:
    """The products of one thread, each with a matrix of its own of `matrix_bytes`."""

    compute: tuple[Callable[[], object], ...]
    matrix_bytes: int


@contextmanager
def weight_products(ggml: Any, threads: int, total_bytes: int) -> Iterator[list[WeightProducts]]:
    """Make the products of each of `threads`, over about `total_bytes` of weights together, in the order in
    which llama.cpp keeps them here. Empty where there is no processor to compute on, or no memory.

    Each thread computes alone: llama.cpp's own threads wait for each other after each product, which beside
    other programs takes many times as long as the product. The weights go with the context.
    """
    declare_graphs(ggml)
    made: list[WeightProducts] = []
    with ExitStack() as stack:
        for handle in device_handles(ggml):
            if device_of(ggml, handle).kind == "cpu":
                for _ in range(threads):
                    one = _of_a_thread(ggml, handle, total_bytes // threads, stack)
                    made += [one] if one is not None else []
                break
        yield made if len(made) == threads else []


def _of_a_thread(ggml: Any, device: int, size: int, stack: ExitStack) -> WeightProducts | None:
    backend = ggml.ggml_backend_dev_init(device, None)
    if not backend:
        return None
    stack.callback(ggml.ggml_backend_free, backend)
    registry = ggml.ggml_backend_dev_backend_reg(device)
    set_threads(ggml, registry, backend, 1)
    usual = ggml.ggml_backend_dev_buffer_type(device)
    for buffer_type in (*extra_types(ggml, registry, device), usual):
        found = _of_buffer_type(ggml, (device, backend), buffer_type, size, stack)
        if found is not None:
            return found
    return None


def _of_buffer_type(
    ggml: Any, place: tuple[int, int], buffer_type: int, size: int, stack: ExitStack
) -> WeightProducts | None:
    """Make them with weights in this type of buffer; None where the device computes nothing with it."""
    device, backend = place
    with ExitStack() as unneeded:
        one = _context(ggml, 1, unneeded)
        matrix_bytes = ggml.ggml_nbytes(ggml.ggml_new_tensor_2d(one, WEIGHT_TYPE, INNER, ROWS))
        count = max(1, size // matrix_bytes)
        weights_context, context = (_context(ggml, count, unneeded) for _ in range(2))
        weights = [ggml.ggml_new_tensor_2d(weights_context, WEIGHT_TYPE, INNER, ROWS) for _ in range(count)]
        if not _filled(ggml, weights_context, buffer_type, unneeded):
            return None
        column = ggml.ggml_new_tensor_2d(context, _F32, INNER, 1)
        products = [ggml.ggml_mul_mat(context, matrix, column) for matrix in weights]
        if not ggml.ggml_backend_dev_supports_op(device, products[0]):
            return None
        if not _filled(ggml, context, ggml.ggml_backend_dev_buffer_type(device), unneeded):
            return None
        graphs = []
        for product in products:
            graph = ggml.ggml_new_graph(context)
            ggml.ggml_build_forward_expand(graph, product)
            graphs.append(graph)
        stack.push(unneeded.pop_all())
    compute = ggml.ggml_backend_graph_compute
    return WeightProducts(tuple(partial(compute, backend, graph) for graph in graphs), matrix_bytes)


def _context(ggml: Any, matrices: int, stack: ExitStack) -> int:
    room = (2 * matrices + 2) * ggml.ggml_tensor_overhead() + matrices * ggml.ggml_graph_overhead()
    context: int = ggml.ggml_init(InitParams(room, None, True))
    stack.callback(ggml.ggml_free, context)
    return context


def _filled(ggml: Any, context: int, buffer_type: int, stack: ExitStack) -> bool:
    """Give the tensors of a context memory that is written to; False where there is none."""
    buffer = ggml.ggml_backend_alloc_ctx_tensors_from_buft(context, buffer_type)
    if not buffer:
        return False
    stack.callback(ggml.ggml_backend_buffer_free, buffer)
    # Untouched pages of Linux are all the same one, which lies in the cache. The order of the bytes within
    # a matrix is left out here: it is the same work with any numbers.
    ggml.ggml_backend_buffer_clear(buffer, _FILL)
    return True
