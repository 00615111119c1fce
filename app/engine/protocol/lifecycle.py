"""The engine's process, and requests that end before their answer."""

from typing import Literal

from app.engine.protocol.devices import Device
from app.engine.protocol.message_base import Message

Reload = Literal["", "memory", "gpu", "peer", "file", "unknown"]


class Ready(Message, frozen=True, kw_only=True):
    """First event of a fresh engine process. `architectures` are the kinds of models that its llama.cpp
    knows, by their names in GGUF files; empty where it does not tell."""

    llama_cpp_version: str
    system_info: str
    devices: list[Device]
    pid: int
    architectures: tuple[str, ...] = ()


class Alive(Message, frozen=True, kw_only=True):
    """The engine's process lives: comes every second. `step` counts what the engine's thread began so far,
    and `step_s` is how long it has been at the last of it, 0 when it waits for a request."""

    step: int
    step_s: float


class Cancel(Message, frozen=True, kw_only=True):
    """Stop a load or a generation within one step; its own answer then ends it."""

    request_id: int


class Failed(Message, frozen=True, kw_only=True):
    """A request that could not be served. `message` and `hint` are templates for `StillroomError`,
    `values` fills them; `native` is llama.cpp's own reason."""

    request_id: int
    message: str
    hint: str = ""
    values: dict[str, str | int | float] = {}
    native: str = ""
    cancelled: bool = False
    load: bool = False
    """It was a `Load`."""
    refused: bool = False
    """Nothing failed: what was asked cannot be done as it stands."""
    reload: Reload = ""
    """The model must be loaded again before it can answer, and why: what ended this reply."""


class Shutdown(Message, frozen=True, kw_only=True):
    """Free everything and end the process."""
