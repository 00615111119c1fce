"""Warnings that another program takes the memory which the loaded model needs."""

from PySide6.QtCore import QObject, Signal

from app.engine.planning.memory_watch import MemoryWatch
from app.telemetry.sampler import TelemetrySnapshot
from app.ui.base.engine_session import EngineSession
from app.ui.widgets.notices import notice_text


class MemoryWarnings(QObject):
    """Looks at every snapshot, and warns before a reply fails for want of memory. GUI thread."""

    warned = Signal(str)
    """The sentence for the user, in the window's language."""

    def __init__(self, session: EngineSession, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._watch = MemoryWatch()

    def look_at(self, snapshot: TelemetrySnapshot) -> None:
        """See how much is free beside the model that is loaded."""
        info = self._session.info
        if info is None:
            return
        host, found = snapshot.host, []
        if info.gpu_layers:
            for gpu in snapshot.gpu.gpus:
                free = gpu.vram_total_bytes - gpu.vram_used_bytes
                found.append(self._watch.card(gpu.name, free, gpu.vram_total_bytes))
        found.append(self._watch.ram(host.ram_total_bytes - host.ram_used_bytes, host.ram_total_bytes))
        for notice in found:
            if notice is not None:
                self.warned.emit(notice_text(notice))
