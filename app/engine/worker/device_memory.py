"""The devices, their free memory, and which loads would fit: asked of their drivers."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import psutil

from app.engine.planning.memory_watch import MemoryWatch
from app.engine.protocol import (
    CardsRead,
    DevicesFound,
    DevicesListed,
    Event,
    ListDevices,
    LoadSettings,
    Notice,
    PlanLoad,
    Planned,
)
from app.engine.supervision.activity import Pulse, Work
from app.engine.worker.resident_models import ModelsInMemory
from converters.gguf.gguf_reader import check_gguf

if TYPE_CHECKING:
    from app.engine.llama.backend import Backend
    from app.engine.planning.load_preview import Preview

T = TypeVar("T")


def free_ram_bytes() -> int:
    """Return the bytes that programs can have without the system swapping."""
    return int(psutil.virtual_memory().available)


class DeviceMemory:
    """Asks the drivers under the engine's `pulse`, as one may hang; the engine's thread. `emit` tells of
    cards that were found only now, and of memory that another program has taken."""

    def __init__(
        self,
        backend: "Backend",
        models: ModelsInMemory,
        emit: Callable[[Event], None],
        pulse: Pulse,
        free_ram: Callable[[], int],
    ) -> None:
        from app.engine.planning.device_placement import AskedLately

        self._backend = backend
        self._models = models
        self._emit = emit
        self._pulse = pulse
        self._free_ram = free_ram
        self._watch = MemoryWatch()
        self._remote = AskedLately(backend.rpc)
        self._preview: Preview | None = None

    def wake_cards(self) -> None:
        """Let the cards be listed that slept when the engine started, since somebody needs them now."""
        devices = self._ask_drivers(lambda: self._backend.devices() if self._backend.wake() else None)
        if devices is not None:
            self._emit(DevicesFound(devices=devices))

    def list_devices(self, request: ListDevices) -> DevicesListed:
        """List the devices of this computer, and of others where they answer."""
        self.wake_cards()
        remote, problems = self._backend.rpc.find(request.rpc_servers)
        local = self._ask_drivers(self._backend.devices)
        return DevicesListed(
            request_id=request.request_id,
            devices=[*local, *(found.device for found in remote)],
            problems=problems,
            backends=self._backend.states(),
        )

    def read_cards(self) -> CardsRead:
        """Read what the graphics cards have free now."""
        return CardsRead(cards=self._ask_drivers(self._backend.cards, "step"))

    def look_at_cards(self, request_id: int) -> None:
        """Check before a reply that no other program has filled the card meanwhile. The window asks NVIDIA's
        driver all the time; other cards are read only here."""
        for device in self._ask_drivers(self._backend.cards, "step"):
            if device.kind == "gpu":
                notice = self._watch.card(
                    device.description or device.name, device.memory_free_bytes, device.memory_total_bytes
                )
                if notice is not None:
                    self._emit(Notice(request_id=request_id, message=notice.message, values=notice.values))

    def plan(self, request: PlanLoad) -> Planned:
        """Plan a load with what is free now, without loading."""
        from app.engine.loading.load_model import check_settings
        from app.engine.planning.gguf_shape import read_draft_shape, read_facts
        from app.engine.planning.load_preview import Preview
        from models.system.cores import physical_cores

        check_settings(request.settings)
        check_gguf(Path(request.path))
        self.wake_cards()
        if self._preview is None:
            self._preview = Preview(
                lambda path: read_facts(self._backend.ggml, path),
                lambda path: read_draft_shape(self._backend.ggml, path),
                self._remote,
            )
        present = next((one.info for one in self._models if one.info.path == request.path), None)
        return self._preview.plan(
            request.request_id,
            request.path,
            request.settings,
            self._ask_drivers(self._backend.local_devices),
            self._free_ram(),
            physical_cores(),
            present,
        )

    def fits(self, path: str, settings: LoadSettings) -> bool:
        """Tell whether a model can be loaded beside those that are in memory."""
        from app.engine.devices.huge_pages import has_large_pages
        from app.engine.loading.load_model import check_settings
        from app.engine.planning.card_choice import choose_cards
        from app.engine.planning.device_placement import place
        from app.engine.planning.fits_beside_loaded import fits_beside
        from app.engine.planning.gguf_shape import read_draft_shape, read_facts
        from app.engine.planning.load_plan import Room
        from models.system.cores import physical_cores

        check_settings(settings)
        facts = read_facts(self._backend.ggml, Path(path))
        mapped_bytes = sum(resident.mapped_bytes for resident in self._models)
        ram_bytes = max(0, self._free_ram() - mapped_bytes)
        local = self._ask_drivers(self._backend.local_devices)
        devices = choose_cards(settings, facts.shape, [device for _, device in local], ram_bytes).devices
        if settings.rpc_use == "always":
            # Where others help only with what is too large for this computer, its own room is made first.
            devices = place(settings, facts.shape, local, ram_bytes, self._remote).devices
        room = Room(devices, ram_bytes, physical_cores(), has_large_pages())
        draft = read_draft_shape(self._backend.ggml, settings.draft_path)
        return fits_beside(settings, facts.shape, facts.rope, room, draft)

    def forget_remote(self) -> None:
        """Ask other computers again: a model has left their memory."""
        self._remote.forget()

    def _ask_drivers(self, ask: Callable[[], T], work: Work = "load") -> T:
        """Return what the cards' drivers answer. A card takes its time to wake up, and a driver that hangs
        must not take the engine along."""
        self._pulse.begin(work)
        try:
            return ask()
        finally:
            self._pulse.end()
