"""The memory that advice on models counts with, of cards that are figures."""

import msgspec

from app.engine.protocol import Device, Ready
from app.ui.models.machine_advice import free_memory

CUDA = Device(
    name="CUDA0",
    description="NVIDIA GeForce RTX 3060",
    backend="CUDA",
    kind="gpu",
    memory_total_bytes=12 << 30,
    memory_free_bytes=11 << 30,
    hardware_id="0000:01:00.0",
)
VULKAN = msgspec.structs.replace(CUDA, name="Vulkan0", backend="Vulkan")
OLD = msgspec.structs.replace(
    VULKAN, name="Vulkan1", description="NVIDIA GeForce GTX 1060", hardware_id="0000:02:00.0"
)
ELSEWHERE = msgspec.structs.replace(CUDA, name="RPC0", backend="RPC", hardware_id="")


def ready(*devices: Device) -> Ready:
    return Ready(llama_cpp_version="", system_info="", devices=list(devices), pid=1)


def test_a_card_that_answers_twice_counts_once_and_one_that_computes_nothing_not_at_all() -> None:
    once = free_memory(ready(CUDA), None).gpus
    assert len(once) == 1
    assert free_memory(ready(CUDA, VULKAN, OLD), None).gpus == once
    assert len(free_memory(ready(CUDA, VULKAN), None, [ELSEWHERE]).gpus) == 2
