"""Facts about this computer for advice on models: its free memory, the memory's speed, its files."""

import asyncio
from collections.abc import Sequence

import psutil
from PySide6.QtCore import QObject, QTimer, Signal

from app.engine.devices.buffer_names import MAPPED, is_ram
from app.engine.devices.gpu_presence import a_card_sleeps
from app.engine.devices.huge_pages import engine_has_large_pages
from app.engine.planning.cards import offload_devices
from app.engine.protocol import Device, ModelInfo, Ready
from app.machine.advisor import Advisor, FileFacts
from app.machine.file_facts import FileFactsReader
from app.machine.measurements import Measurements, MemorySpeed
from app.ui.base.bridge import Bridge
from app.ui.base.engine_session import EngineSession
from models.catalogue.catalogue import catalogue
from models.catalogue.recommend import Recommendation
from models.memory.fit import GpuMemory, Memory, Verdict
from models.store.store import InstalledModel

MEASURE_AGAIN_S = (3.0, 5.0, 10.0, 20.0, 30.0)
"""Waits between measurements of the memory's speed while the computer is busy; the last one repeats."""


class MachineAdvice(QObject):
    """Follows the free memory as the engine tells it, learns the memory's speed, again until the computer was
    quiet meanwhile, and how each file would be loaded. GUI thread."""

    changed = Signal()

    def __init__(
        self,
        session: EngineSession,
        measurements: Measurements,
        files: FileFactsReader,
        bridge: Bridge,
        parent: QObject | None = None,
        *,
        waits_s: Sequence[float] = MEASURE_AGAIN_S,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._measurements = measurements
        self._files = files
        self._speed: MemorySpeed | None = None
        self._installed: Sequence[InstalledModel] = ()
        self._facts: dict[str, FileFacts] = {}
        self._waits_s = waits_s
        self._measured = 0
        self._again = QTimer(self, singleShot=True)
        self._again.timeout.connect(self._measure)
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
        self._readings = 0

    def learn_memory_speed(self) -> None:
        """Measure how fast the memory is, some seconds of work, for whoever is about to show advice. A card
        that sleeps is woken, so that its memory counts."""
        if not self._asked:
            self._asked = True
            self._measure()
            if a_card_sleeps():
                self._session.client.list_devices()

    def advisor(self, installed: Sequence[InstalledModel], before: Advisor | None = None) -> Advisor | None:
        """Make an advisor from what is known now; None until the engine has listed the devices. One of
        `before` that judges like it is given back: it has judged already."""
        session = self._session
        if session.ready is None:
            return None
        # What is free changes with every program, and the load's own plan sees what is free then.
        memory = free_memory(session.ready, session.info, session.remote)
        speed = self._known_speed()
        if speed is not None:
            memory = speed.applied(memory)
        made = Advisor(
            catalogue(),
            memory,
            self._measurements.loads(),
            installed,
            facts=self._facts,
            default=self._files.default,
        )
        return before if before is not None and before.judges_like(made) else made

    def waits_with(self, found: Recommendation) -> bool:
        """Tell whether a recommendation waits for the first measurement of the memory's speed, a moment away,
        by which it may be another one."""
        measures = self._asked and self._known_speed() is None and not self._session.reserved_for
        return measures and found.fit.verdict is not Verdict.GPU

    def _known_speed(self) -> MemorySpeed | None:
        return self._speed if self._speed is not None else self._measurements.kept_speed()

    async def learn_files(self, installed: Sequence[InstalledModel]) -> None:
        """Read how each of these files would be loaded; `changed` says where that is another way now."""
        self._installed = installed
        self._readings += 1
        reading = self._readings
        facts = await asyncio.to_thread(self._files.read, installed)
        # An older reading can end after a newer one.
        if reading == self._readings and facts != self._facts:
            self._facts = facts
            self.changed.emit()

    def _on_machine_changed(self, _: object = None) -> None:
        self.changed.emit()
        if self._installed:
            # What was chosen for a model changes with its next load.
            self._bridge.start(self.learn_files(self._installed))

    def _measure(self) -> None:
        self._bridge.start(self._learn_memory_speed())

    async def _learn_memory_speed(self) -> None:
        session = self._session
        if session.reserved_for or (self._speed is not None and session.client.is_replying):
            # A benchmark has the memory for itself, and would be measured with it. So would a reply, but
            # somebody may wait for the first figure.
            self._measure_later()
            return
        self._speed = await asyncio.to_thread(self._measurements.memory_speed)
        self.changed.emit()
        if self._speed.is_provisional:
            self._measure_later()

    def _measure_later(self) -> None:
        wait_s = self._waits_s[min(self._measured, len(self._waits_s) - 1)]
        self._measured += 1
        self._again.start(round(1000 * wait_s))


def free_memory(ready: Ready, loaded: ModelInfo | None, remote: Sequence[Device] = ()) -> Memory:
    """RAM that is free now, and each GPU's memory as it was before the first load; `remote` are the devices
    of other computers.

    What the loaded model takes counts as free, because the next one takes its place.
    """
    gpus = tuple(
        GpuMemory(device.description or device.name, device.memory_free_bytes, device.memory_total_bytes)
        for device in (*offload_devices(ready.devices), *remote)
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
    free_bytes = psutil.virtual_memory().available + own
    return Memory(free_bytes, gpus, large_pages=engine_has_large_pages())
