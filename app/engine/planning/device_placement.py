"""Choose the devices for a model's layers: this computer's, and other computers' where they are to help."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from app.engine.planning.card_choice import choose_cards
from app.engine.planning.cards import usable_bytes
from app.engine.planning.file_shape import (
    DEFAULT_BATCH_TOKENS,
    HOST_USABLE_FRACTION,
    SMALLEST_CONTEXT_TOKENS,
    ModelShape,
)
from app.engine.protocol import Device, LoadNotice, LoadSettings, RpcProblem, RpcServer
from app.engine.rpc.rpc_devices import RemoteDevice
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

    def here(self) -> "Placement":
        """Return the part of it that is on this computer."""
        if not self.endpoints:
            return self
        own = [index for index, device in enumerate(self.devices) if device.backend != "RPC"]
        handles = tuple(self.handles[index] for index in own)
        split = tuple(self.split[index] for index in own) if self.split else ()
        return Placement(tuple(self.devices[index] for index in own), handles, split)


def place(
    settings: LoadSettings, shape: ModelShape | None, local: Local, ram_bytes: int, remote: FindsRemote
) -> Placement:
    """Choose the devices for a model of `shape` (None where its file does not tell), `ram_bytes` being free.

    Other computers are asked only where they are to help; one that does not answer is left out with a notice.
    """
    choice = choose_cards(settings, shape, [device for _, device in local], ram_bytes)
    own = choice.devices
    own_handles = [handle for wanted in own for handle, device in local if device == wanted]
    alone = Placement(
        own,
        tuple(own_handles) if choice.is_own else (),
        _shares(own) if choice.is_own and len(own) > 1 else (),
        notices=choice.notices,
    )
    if not settings.rpc_servers or settings.gpu_layers == 0:
        return alone
    if settings.rpc_use == "too_large" and (shape is None or _fits_here(settings, shape, own, ram_bytes)):
        return alone
    found, problems = remote.find(settings.rpc_servers)
    notices = [*choice.notices, *(LoadNotice(problem.message, problem.values) for problem in problems)]
    if not found:
        return replace(alone, notices=tuple(notices))
    # In this order, as in llama.cpp's own, what one device computes goes to the next by the shortest way.
    devices = [*(each.device for each in found), *own]
    handles = [*(each.handle for each in found), *own_handles]
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
        _shares(devices),
        frozenset(each.endpoint for each in found),
        tuple(notices),
    )


def _shares(devices: Sequence[Device]) -> tuple[float, ...]:
    shares = tuple(float(usable_bytes(device)) for device in devices)
    return shares if any(shares) else ()


def _fits_here(settings: LoadSettings, shape: ModelShape, own: Sequence[Device], ram_bytes: int) -> bool:
    """Tell whether this computer's cards and RAM hold the model with the context that is asked for."""
    demand = Demand(
        settings.context_tokens or SMALLEST_CONTEXT_TOKENS,
        settings.sequences or 1,
        settings.batch_tokens or DEFAULT_BATCH_TOKENS,
        "f16" if settings.kv_type == "auto" else settings.kv_type,
    )
    room = ram_bytes * HOST_USABLE_FRACTION + sum(usable_bytes(device) for device in own)
    return shape.need(demand, 0).total <= room


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
