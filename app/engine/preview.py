"""What a load would come to, without loading: for who chooses the settings."""

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from app.engine.gguf_shape import GgufFacts
from app.engine.load_plan import Room, demand_of, plan_load
from app.engine.messages import Device, LoadSettings, ModelInfo, Planned
from app.engine.model_file import FileMark, mark
from app.engine.offload import offload_devices

MAPPED = "_Mapped"
"""Part of the name of llama.cpp's buffers that are the file itself: the system counts them as free."""


class Preview:
    """Plans loads; engine's thread. `read` reads a file's facts; those of the last file are kept."""

    def __init__(self, read: Callable[[Path], GgufFacts]) -> None:
        self._read = read
        self._known: tuple[str, FileMark | None, GgufFacts] | None = None

    def plan(
        self,
        request_id: int,
        path: str,
        asked: LoadSettings,
        devices: Iterable[Device],
        ram_bytes: int,
        cores: int,
        present: ModelInfo | None,
    ) -> Planned:
        """The plan with what is free now. What `present` takes, the same file as it is loaded now, counts as
        free: the load takes its place."""
        facts = self._facts(path)
        own = {} if present is None else present.buffers
        room = Room(
            tuple(_with_own(device, own) for device in offload_devices(list(devices))),
            ram_bytes + sum(size for name, size in own.items() if _is_ram(name)),
            cores,
        )
        plan = plan_load(asked, facts.shape, facts.rope, room)
        settings = plan.settings
        layers = settings.gpu_layers
        ram = device = 0
        if facts.shape is not None:
            layers = min(layers, len(facts.shape.layer_bytes) + 1)
            need = facts.shape.need(demand_of(settings), layers, cards=max(1, len(room.devices)))
            ram, device = need.ram.total, need.device.total
        return Planned(
            request_id=request_id,
            plan=msgspec.structs.replace(settings, gpu_layers=layers),
            notices=plan.notices,
            ram_bytes=ram,
            ram_free_bytes=room.ram_bytes,
            vram_bytes=device,
            vram_free_bytes=sum(found.memory_free_bytes for found in room.devices),
            layers=len(facts.shape.layer_bytes) + 1 if facts.shape is not None else 0,
            context_limit=facts.rope.limit_tokens,
            can_stretch=facts.rope.can_stretch,
        )

    def _facts(self, path: str) -> GgufFacts:
        now = mark(path)
        if self._known is None or self._known[:2] != (path, now):
            self._known = (path, now, self._read(Path(path)))
        return self._known[2]


def _is_ram(name: str) -> bool:
    return name.startswith("CPU") and MAPPED not in name


def _with_own(device: Device, own: dict[str, int]) -> Device:
    mine = sum(size for name, size in own.items() if name.partition("_")[0] == device.name)
    free = min(device.memory_free_bytes + mine, device.memory_total_bytes)
    return msgspec.structs.replace(device, memory_free_bytes=free)
