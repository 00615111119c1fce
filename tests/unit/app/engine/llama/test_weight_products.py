"""Products as of a reply compute, over as many weights as were asked for, and give their memory back."""

import psutil

from app.engine.devices.native_log import NativeLog
from app.engine.llama.backend import Backend
from app.engine.llama.weight_products import weight_products

MATRIX_BYTES = 4096 * 4096 // 256 * 144
"""Q4_K has 144 bytes for 256 weights."""


def test_each_thread_has_matrices_of_its_own_and_they_compute() -> None:
    ggml = Backend(NativeLog()).ggml
    with weight_products(ggml, 2, 5 * MATRIX_BYTES) as products:
        assert [len(each.compute) for each in products] == [2, 2]
        assert {each.matrix_bytes for each in products} == {MATRIX_BYTES}
        assert [compute() for each in products for compute in each.compute] == [0, 0, 0, 0]


def test_the_weights_take_real_memory_until_they_are_let_go() -> None:
    ggml, process = Backend(NativeLog()).ggml, psutil.Process()
    before = process.memory_info().rss
    with weight_products(ggml, 1, 12 * MATRIX_BYTES):
        assert process.memory_info().rss - before > 11 * MATRIX_BYTES
    assert process.memory_info().rss - before < 2 * MATRIX_BYTES


def test_a_part_below_one_matrix_is_one() -> None:
    with weight_products(Backend(NativeLog()).ggml, 3, 1000) as products:
        assert [len(each.compute) for each in products] == [1, 1, 1]
