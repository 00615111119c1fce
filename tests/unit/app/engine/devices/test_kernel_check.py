"""The check of a back end by computing: for real on the processor, and on Vulkan or CUDA where those are."""

import sys
import threading
from pathlib import Path

import msgspec
import pytest

from app.base.children import child_command
from app.base.errors import Cancelled, StillroomError
from app.base.one_shot_child import ask_child
from app.engine.devices.kernel_check import KernelAnswer, KernelRequest, check_cards, check_kernels
from tests.support.nvidia_card import skip_without_nvidia_card

COMMAND = child_command("kernel_check")


def test_the_processor_computes_right() -> None:
    assert check_kernels(COMMAND, KernelRequest(backend="CPU"))


def test_products_of_the_types_that_models_come_in_and_attention_are_computed() -> None:
    request = msgspec.json.encode(KernelRequest(backend="CPU")) + b"\n"
    answer = msgspec.json.decode(ask_child(COMMAND, request).data, type=KernelAnswer)
    assert {product.type for product in answer.products} >= {"Q8_0", "Q4_K", "Q6_K"}
    assert [(product.type, product.columns) for product in answer.products[-2:]] == [("F16", 1), ("F16", 64)]
    assert all(product.nmse <= 5e-4 for product in answer.products)


def test_each_of_several_cards_is_checked_by_itself_and_one_that_fails_is_left_out(tmp_path: Path) -> None:
    """The child is a stand-in that knows three cards, of which one kills it and one computes wrongly."""
    child = tmp_path / "child.py"
    child.write_text(
        "import json, os, sys\n"
        "asked = json.loads(sys.stdin.readline())\n"
        "if asked['lists']:\n"
        "    print(json.dumps({'cards': ['GPU-a', 'GPU-b', 'GPU-c']}))\n"
        "elif asked['card'] == 'GPU-a':\n"
        "    os._exit(9)\n"
        "elif asked['card'] == 'GPU-b':\n"
        "    print(json.dumps({'message': '{device} computes wrongly.', 'values': {'device': 'B'}}))\n"
        "else:\n"
        "    print(json.dumps({'products': [{'device': 'C', 'type': 'F32', 'columns': 1, 'nmse': 0.0}]}))\n"
    )
    checked = check_cards([sys.executable, str(child)], KernelRequest(backend="CUDA"))
    assert (checked.device, checked.cards, checked.failed) == ("C", ("GPU-c",), ("GPU-a", "GPU-b"))
    assert [str(error) for error in checked.left_out] == [
        "The process that tried CUDA ended with 9. ",
        "B computes wrongly.",
    ]


@pytest.mark.vulkan
def test_vulkan_computes_right() -> None:
    assert check_kernels(COMMAND, KernelRequest(backend="Vulkan"))


@pytest.mark.cuda
def test_cuda_computes_right() -> None:
    skip_without_nvidia_card()
    assert check_kernels(COMMAND, KernelRequest(backend="CUDA"))


def test_a_back_end_that_is_not_there_is_said() -> None:
    with pytest.raises(StillroomError, match="ROCm cannot be used: it is not there"):
        check_kernels(COMMAND, KernelRequest(backend="ROCm"))


def test_a_child_that_hangs_or_dies_is_ended_and_said() -> None:
    hangs = [sys.executable, "-c", "import sys; sys.stdin.readline(); sys.stdin.read(); input()"]
    waits = [sys.executable, "-c", "import threading; threading.Event().wait()"]
    with pytest.raises(StillroomError, match="did not finish a small computation"):
        check_kernels(waits, KernelRequest(backend="CUDA"), longest_s=0.3)
    dies = [
        sys.executable,
        "-c",
        "import os, sys; sys.stderr.write('driver lost\\n'); sys.stderr.flush(); os._exit(3)",
    ]
    with pytest.raises(StillroomError, match=r"ended with 3\. driver lost"):
        check_kernels(dies, KernelRequest(backend="CUDA"))
    with pytest.raises(StillroomError, match="ended with 1"):
        check_kernels(hangs, KernelRequest(backend="CUDA"))
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        check_kernels(waits, KernelRequest(backend="CUDA"), cancel)
