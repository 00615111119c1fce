"""The devices that llama.cpp can compute on, this computer's and others'."""

from typing import Literal

import msgspec

from app.engine.protocol.message_base import Message


class RpcServer(msgspec.Struct, frozen=True):
    """Another computer that runs llama.cpp's rpc-server, as `host:port`. `anywhere` allows an address outside
    the local network, for somebody who insists: the connection has neither password nor encryption."""

    address: str
    anywhere: bool = False


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A compute device that this llama.cpp can use. `backend` is ggml's name ("CUDA", "Vulkan", "CPU")."""

    name: str
    description: str
    backend: str
    kind: Literal["cpu", "gpu", "igpu", "accel"]
    memory_total_bytes: int
    memory_free_bytes: int
    hardware_id: str = ""
    """The PCI address where it is known: a card that answers to CUDA and to Vulkan is one card."""


class RpcProblem(msgspec.Struct, frozen=True, kw_only=True):
    """The reason why another computer cannot be used; templates for `StillroomError` that `values` fills."""

    address: str
    message: str
    hint: str
    values: dict[str, str | int | float] = {}


class BackendState(msgspec.Struct, frozen=True, kw_only=True):
    """A back end of this llama.cpp; `library` is the one that was chosen, where it lies in one of its own.

    `reason` is the system's own word on why it did not load, or that it loaded and found no device.
    """

    name: str
    loaded: bool
    library: str = ""
    reason: str = ""


class ReadCards(Message, frozen=True, kw_only=True):
    """Read the memory that is free now on the cards that NVIDIA's library does not report. They are read
    between two steps, and once however often it was asked meanwhile. Answered by `CardsRead`."""


class CardsRead(Message, frozen=True, kw_only=True):
    """Answer to `ReadCards`: graphics cards of this computer, those of the CUDA back end left out."""

    cards: list[Device]


class DevicesFound(Message, frozen=True, kw_only=True):
    """The compute devices of this computer, once a card that slept at the start was woken."""

    devices: list[Device]


class ListDevices(Message, frozen=True, kw_only=True):
    """The compute devices with the memory that is free now, other computers' too. Answered by
    `DevicesListed`."""

    request_id: int
    rpc_servers: tuple[RpcServer, ...] = ()


class DevicesListed(Message, frozen=True, kw_only=True):
    """Answer to `ListDevices`. A device of another computer has the back end "RPC" and its address as
    `description`."""

    request_id: int
    devices: list[Device]
    problems: list[RpcProblem] = []
    backends: list[BackendState] = []
