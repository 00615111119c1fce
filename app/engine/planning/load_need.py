"""The memory that a load takes: a model, and the small one that guesses ahead for it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.engine.planning.cards import usable_bytes
from app.engine.planning.file_shape import ModelShape
from app.engine.protocol import Device
from models.memory.layer_split import gpu_layers_that_fit
from models.memory.memory_need import MemoryNeed, Share
from models.memory.memory_request import Demand, whole_lines


@dataclass(frozen=True, slots=True)
class LoadNeed:
    """The memory that a model of `shape` takes on `devices`. A `draft` is whole on this computer's graphics
    cards where the model has a layer there, else in RAM; its cache is in f16 (`draft.load_draft`)."""

    shape: ModelShape
    devices: Sequence[Device] = ()
    draft: ModelShape | None = None

    @property
    def layers(self) -> int:
        """All layers and the output."""
        return len(self.shape.layer_bytes) + 1

    def need(self, demand: Demand, gpu_layers: int = 0) -> MemoryNeed:
        """Compute what llama.cpp allocates in RAM and on all devices with `gpu_layers` there."""
        need = self.shape.need(demand, min(gpu_layers, self.layers), cards=max(1, len(self.devices)))
        draft = self._draft(demand, on_cards=gpu_layers > 0)
        return MemoryNeed(_sum(need.ram, draft.ram), _sum(need.device, draft.device))

    def layers_that_fit(self, demand: Demand) -> int:
        """Return `n_gpu_layers` for what is free on the devices, 0 to `layers`."""
        rooms = [usable_bytes(device) for device in self.devices]
        mine = [
            room if device.backend != "RPC" else 0 for room, device in zip(rooms, self.devices, strict=True)
        ]
        draft = self._draft(demand, on_cards=True).device.total
        if draft:
            if draft > sum(mine):
                return 0
            rooms = [room - draft * own // sum(mine) for room, own in zip(rooms, mine, strict=True)]
        return gpu_layers_that_fit(self.shape.dimensions, self.shape.weights, demand, rooms)

    def _draft(self, demand: Demand, *, on_cards: bool) -> MemoryNeed:
        if self.draft is None:
            return MemoryNeed(Share(), Share())
        demand = replace(demand, kv_type="f16", outputs=whole_lines(demand.sequences))
        cards = sum(device.backend != "RPC" for device in self.devices) if on_cards else 0
        layers = len(self.draft.layer_bytes) + 1 if cards else 0
        return self.draft.need(demand, layers, cards=max(1, cards))


def _sum(one: Share, other: Share) -> Share:
    return Share(one.weights + other.weights, one.cache + other.cache, one.compute + other.compute)
