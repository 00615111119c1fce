"""Choose the devices for a model's layers: this computer's, and other computers' where they are to help."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.engine.planning.file_shape import (
    HOST_USABLE_FRACTION,
    SMALLEST_CONTEXT_TOKENS,
    ModelShape,
)
from app.engine.protocol import Device, LoadNotice, LoadSettings, RpcProblem, RpcServer
from app.engine.rpc.rpc_devices import RemoteDevice
from models.memory.layer_split import usable_vram_bytes
from models.memory.memory_request import Demand

Local = Sequence[tuple[int, Device]]
"""This computer's devices with ggml's handles of them."""


class FindsRemote(Protocol):
    """A way to ask other computers for their devices: `rpc_devices.RpcDevices`."""

    def find(self, servers: Sequence[RpcServer]) -> tuple[list[RemoteDevice], list[RpcProblem]]:
        """Return the devices of the computers that answer, and why the others cannot be used."""


@dataclass(frozen=True, slots=True)
class Placement:
    """`devices` in the order in which llama.cpp fills them, each with its share of the layers in `split`.

    Without `handles` llama.cpp uses the same devices by its own choice. `endpoints` are the computers whose
    connection the model takes.
    """

    devices: tuple[Device, ...] = ()
    handles: tuple[int, ...] = ()
    split: tuple[float, ...] = ()
    endpoints: frozenset[str] = frozenset()
    notices: tuple[LoadNotice, ...] = ()


def place(
    settings: LoadSettings, shape: ModelShape | None, local: Local, ram_bytes: int, remote: FindsRemote
) -> Placement:
    """Choose the devices for a model of `shape` (None where its file does not tell), `ram_bytes` being free.

    Other computers are asked only where they are to help; one that does not answer is left out with a notice.
    """
    own = offload_devices([device for _, device in local])
    alone = Placement(tuple(own))
    if not settings.rpc_servers or settings.gpu_layers == 0:
        return alone
    if settings.rpc_use == "too_large" and (shape is None or _fits_here(settings, shape, own, ram_bytes)):
        return alone
    found, problems = remote.find(settings.rpc_servers)
    notices = [LoadNotice(problem.message, problem.values) for problem in problems]
    if not found:
        return Placement(tuple(own), notices=tuple(notices))
    # In this order, as in llama.cpp's own, what one device computes goes to the next by the shortest way.
    devices = [*(each.device for each in found), *own]
    handles = [each.handle for each in found]
    handles += [handle for wanted in own for handle, device in local if device == wanted]
    shares = tuple(float(usable_bytes(device)) for device in devices)
    notices.append(
        LoadNotice(
            "Other computers compute a part of this model ({addresses}). What is written crosses the network "
            "without encryption.",
            {"addresses": ", ".join(dict.fromkeys(each.device.description for each in found))},
        )
    )
    return Placement(
        tuple(devices),
        tuple(handles),
        shares if any(shares) else (),
        frozenset(each.endpoint for each in found),
        tuple(notices),
    )


def _fits_here(settings: LoadSettings, shape: ModelShape, own: Sequence[Device], ram_bytes: int) -> bool:
    """Tell whether this computer's cards and RAM hold the model with the context that is asked for."""
    demand = Demand(
        settings.context_tokens or SMALLEST_CONTEXT_TOKENS,
        settings.sequences or 1,
        settings.batch_tokens or 512,
        "f16" if settings.kv_type == "auto" else settings.kv_type,
    )
    room = ram_bytes * HOST_USABLE_FRACTION + sum(usable_bytes(device) for device in own)
    return shape.need(demand, 0).total <= room


def offload_devices(devices: Sequence[Device]) -> list[Device]:
    """Return the devices llama.cpp would use: graphics cards, or integrated graphics without a card."""
    # A card that answers to CUDA and to Vulkan is used through the first alone, as llama.cpp does it.
    cards: dict[str, Device] = {}
    for device in devices:
        if device.kind == "gpu":
            cards.setdefault(device.hardware_id or device.name, device)
    return list(cards.values()) or [device for device in devices if device.kind == "igpu"][:1]


def usable_bytes(device: Device) -> int:
    """Return the bytes that may be planned for on a device: free memory less a reserve."""
    return usable_vram_bytes(device.memory_free_bytes, device.memory_total_bytes)


ASK_AGAIN_S = 10.0
"""Other computers are asked no more often: one that is gone takes seconds, and replies wait for it."""


class AskedLately:
    """The answers of other computers, asked for again after `ASK_AGAIN_S`."""

    def __init__(self, remote: FindsRemote) -> None:
        self._remote = remote
        self._asked: tuple[Sequence[RpcServer], float] = ((), 0.0)
        self._said: tuple[list[RemoteDevice], list[RpcProblem]] = ([], [])

    def find(self, servers: Sequence[RpcServer]) -> tuple[list[RemoteDevice], list[RpcProblem]]:
        """Return the devices of the computers that answer, and why the others cannot be used."""
        asked, at_s = self._asked
        if asked != servers or time.monotonic() - at_s > ASK_AGAIN_S:
            self._said = self._remote.find(servers)
            self._asked = (servers, time.monotonic())
        return self._said

    def forget(self) -> None:
        """Ask again: a model has left their memory."""
        self._asked = ((), 0.0)
