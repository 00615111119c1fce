"""The memory that a model can have: what the engine's devices and the system report."""

from collections.abc import Sequence

import psutil

from app.engine.devices.buffer_names import MAPPED, is_ram
from app.engine.protocol import Device, ModelInfo, Ready
from models.memory.fit import GpuMemory, Memory


def free_memory(ready: Ready, loaded: ModelInfo | None, remote: Sequence[Device] = ()) -> Memory:
    """RAM that is free now, and each GPU's memory as it was before the first load; `remote` are the devices
    of other computers.

    What the loaded model takes counts as free, because the next one takes its place.
    """
    gpus = tuple(
        GpuMemory(device.description or device.name, device.memory_free_bytes, device.memory_total_bytes)
        for device in (*ready.devices, *remote)
        if device.kind == "gpu"
    )
    own = 0
    if loaded is not None:
        # The mapped file counts as available already: its pages can be dropped.
        own = sum(
            size
            for buffers in (loaded.buffers, loaded.draft_buffers)
            for name, size in buffers.items()
            if is_ram(name) and MAPPED not in name
        )
    return Memory(psutil.virtual_memory().available + own, gpus)
