"""Facts about this computer for advice on models: its free memory and the memory's speed."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import psutil
from PySide6.QtCore import QObject, Signal

from app.engine.devices.buffer_names import MAPPED, is_ram
from app.engine.protocol import Device, ModelInfo, Ready
from app.machine.advisor import Advisor
from app.machine.measurements import Measurements
from app.ui.base.bridge import Bridge
from app.ui.base.session import EngineSession
from models.catalog.catalog import catalogue
from models.memory.fit import GpuMemory, Memory
from models.store.store import InstalledModel


class MachineAdvice(QObject):
    """Follows the free memory as the engine tells it, and learns the memory's speed once. GUI thread."""

    changed = Signal()

    def __init__(
        self,
        session: EngineSession,
        measurements: Measurements,
        bridge: Bridge,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._measurements = measurements
        self._memory: Memory | None = None
        self._memory_bytes_per_s = 0.0
        for told in (
            session.engine_ready,
            session.loaded,
            session.unloaded,
            session.engine_died,
            session.remote_changed,
        ):
            told.connect(self._on_machine_changed)
        self._bridge = bridge
        self._asked = False
        self._on_machine_changed()

    def learn_memory_speed(self) -> None:
        """Measure how fast the memory is, once: a second of work, for whoever is about to show advice."""
        if not self._asked:
            self._asked = True
            self._bridge.start(self._learn_memory_speed())

    def advisor(self, installed: Sequence[InstalledModel]) -> Advisor | None:
        """Make an advisor from what is known now; None until the engine has listed the devices."""
        if self._memory is None:
            return None
        memory = replace(self._memory, ram_bytes_per_s=self._memory_bytes_per_s)
        return Advisor(catalogue(), memory, self._measurements.loads(), installed)

    def _on_machine_changed(self, _: object = None) -> None:
        session = self._session
        self._memory = (
            free_memory(session.ready, session.info, session.remote) if session.ready is not None else None
        )
        self.changed.emit()

    async def _learn_memory_speed(self) -> None:
        self._memory_bytes_per_s = await asyncio.to_thread(self._measurements.memory_speed)
        self.changed.emit()


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
