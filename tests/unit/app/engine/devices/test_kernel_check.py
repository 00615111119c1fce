"""The check of a back end by computing: for real on the processor, and on Vulkan or CUDA where those are."""

import sys
import threading

import pytest

from app.base.children import child_command
from app.base.errors import Cancelled, StillroomError
from app.engine.devices.kernel_check import KernelRequest, check_kernels

COMMAND = child_command("kernel_check")


def test_the_processor_computes_right() -> None:
    assert check_kernels(COMMAND, KernelRequest(backend="CPU"))


@pytest.mark.vulkan
def test_vulkan_computes_right() -> None:
    assert check_kernels(COMMAND, KernelRequest(backend="Vulkan"))


@pytest.mark.cuda
def test_cuda_computes_right() -> None:
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
