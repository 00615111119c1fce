"""Plan a load without loading, for a user who is choosing the settings."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from app.engine.devices.buffer_names import MAPPED, is_ram
from app.engine.devices.huge_pages import has_large_pages
from app.engine.planning.cards import all_cards
from app.engine.planning.device_placement import FindsRemote, Local, place
from app.engine.planning.file_shape import ModelShape
from app.engine.planning.gguf_shape import GgufFacts
from app.engine.planning.load_plan import Room
from app.engine.planning.memory_estimate import plan_need
from app.engine.protocol import Device, LoadSettings, ModelInfo, Planned
from models.system.file_stamp import FileMark, mark


class Preview:
    """Plans loads; engine's thread. `read` reads a file's facts, of which those of the last file are kept,
    `read_draft` the shape of one that guesses ahead; `remote` asks other computers."""

    def __init__(
        self,
        read: Callable[[Path], GgufFacts],
        read_draft: Callable[[str], ModelShape | None],
        remote: FindsRemote,
    ) -> None:
        self._read = read
        self._read_draft = read_draft
        self._remote = remote
        self._known: tuple[str, FileMark | None, GgufFacts] | None = None

    def plan(
        self,
        request_id: int,
        path: str,
        asked: LoadSettings,
        local: Local,
        ram_bytes: int,
        cores: int,
        present: ModelInfo | None,
    ) -> Planned:
        """Plan the load with what is free now. What `present` takes, the same file as it is loaded now,
        counts as free: the load takes its place."""
        facts = self._facts(path)
        own = _taken(present)
        ram_bytes += sum(size for name, size in own.items() if is_ram(name) and MAPPED not in name)
        local = [(handle, _with_own(device, own)) for handle, device in local]
        placement = place(asked, facts.shape, local, ram_bytes, self._remote)
        devices = tuple(
            _with_own(device, own) if device.backend == "RPC" else device for device in placement.devices
        )
        room = Room(devices, ram_bytes, cores, has_large_pages())
        draft = self._read_draft(asked.draft_path)
        planned = plan_need(asked, facts.shape, facts.rope, room, draft)
        return Planned(
            request_id=request_id,
            plan=msgspec.structs.replace(planned.plan.settings, gpu_layers=planned.gpu_layers),
            notices=[*placement.notices, *planned.plan.notices],
            ram_bytes=planned.need.ram.total,
            ram_free_bytes=room.ram_bytes,
            vram_bytes=planned.need.device.total,
            vram_free_bytes=sum(found.memory_free_bytes for found in room.devices),
            layers=planned.layers,
            context_limit=facts.rope.limit_tokens,
            can_stretch=facts.rope.can_stretch,
            cards=tuple(all_cards([device for _, device in local])),
        )

    def _facts(self, path: str) -> GgufFacts:
        now = mark(path)
        if self._known is None or self._known[:2] != (path, now):
            self._known = (path, now, self._read(Path(path)))
        return self._known[2]


def _taken(present: ModelInfo | None) -> Counter[str]:
    """Return the bytes that a loaded model and its draft model take, by buffer name."""
    if present is None:
        return Counter()
    return Counter(present.buffers) + Counter(present.draft_buffers)


def _with_own(device: Device, own: dict[str, int]) -> Device:
    mine = sum(size for name, size in own.items() if name.partition("_")[0] == device.name)
    free = min(device.memory_free_bytes + mine, device.memory_total_bytes)
    return msgspec.structs.replace(device, memory_free_bytes=free)
