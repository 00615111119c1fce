"""The memory of the graphics cards that NVML does not know, as llama.cpp's back end tells it."""

import threading
import time
from collections.abc import Callable, Sequence

from app.engine.protocol import CardsRead, Device, Event, ModelInfo
from app.engine.protocol.engine_state import EngineState
from app.telemetry.nvml import GpuReading, GpuSample

LOADED_PERIOD_S = 1.0
IDLE_PERIOD_S = 10.0
"""With no model in memory: a laptop's second card may sleep."""


class CardMonitor:
    """The newest figures of those cards. Any thread.

    `ask` lets the engine read them between two steps (`EngineClient.read_cards`) and returns at once; it is
    asked again only after it has answered. What it told is forgotten with its process.
    """

    def __init__(self, ask: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._pid: int | None = None
        self._devices: Sequence[Device] = ()
        self._cards: Sequence[Device] = ()
        self._models: tuple[ModelInfo, ...] = ()
        self._loading = False
        self._asked = False
        self._read_s = 0.0

    def on_state(self, state: EngineState) -> None:
        """Follow the engine: its first event lists the devices with their memory, a later one those that
        slept."""
        with self._lock:
            self._models, self._loading = state.models, state.phase == "loading"
            if state.pid != self._pid:
                self._asked = False
            if state.pid != self._pid or state.devices != self._devices:
                self._pid, self._devices = state.pid, state.devices
                self._cards = [device for device in state.devices if _is_read(device)]
                self._read_s = self._clock()

    def on_event(self, event: Event) -> None:
        """Take what the engine has read."""
        if isinstance(event, CardsRead):
            with self._lock:
                self._cards, self._asked, self._read_s = event.cards, False, self._clock()

    @property
    def in_use(self) -> bool:
        """Tell whether a model is on a card, or on its way into memory."""
        with self._lock:
            return self._loading or any(info.gpu_layers for info in self._models)

    def poll(self, gpu: GpuReading) -> tuple[GpuSample, ...] | None:
        """The cards that are not in `gpu`, and ask for new figures where it is time; None while it is not
        known which cards there are."""
        with self._lock:
            # A driver that hangs would take the engine with it; a card that sleeps would be switched on.
            if self._pid is None or gpu.state in ("pending", "hanging", "asleep"):
                return None
            cards = [card for card in self._cards if not _is_in(gpu, card)]
            samples = tuple(self._sample(len(gpu.gpus) + i, card) for i, card in enumerate(cards))
            period_s = LOADED_PERIOD_S if self._models or self._loading else IDLE_PERIOD_S
            due = bool(cards) and not self._asked and self._clock() - self._read_s >= period_s
            self._asked = self._asked or due
        if due:
            self._ask()
        return samples

    def _sample(self, index: int, card: Device) -> GpuSample:
        own = self._own_bytes(card)
        used = max(0, card.memory_total_bytes - card.memory_free_bytes)
        return GpuSample(
            index=index,
            name=card.description or card.name,
            # Where a driver does not tell what is free, all of it seems to be.
            vram_used_bytes=max(used, own or 0),
            vram_total_bytes=card.memory_total_bytes,
            own_vram_bytes=own,
            utilisation_percent=None,
            temperature_c=None,
            power_w=None,
        )

    def _own_bytes(self, card: Device) -> int | None:
        """Sum the bytes that the loaded models hold there; None while another one is being loaded."""
        if self._loading:
            return None
        # A card may answer to more than one back end.
        names = {card.name} | {
            device.name
            for device in self._devices
            if card.hardware_id and device.hardware_id == card.hardware_id
        }
        return sum(
            size
            for info in self._models
            for buffers in (info.buffers, info.draft_buffers)
            for name, size in buffers.items()
            if name in names
        )


def _is_read(device: Device) -> bool:
    return device.kind in ("gpu", "igpu") and device.backend not in ("CUDA", "RPC")


def _is_in(gpu: GpuReading, card: Device) -> bool:
    return any(known.name in card.description for known in gpu.gpus)
