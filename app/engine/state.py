"""What the engine is doing, for the window and the telemetry."""

from dataclasses import dataclass, field
from typing import Literal

from app.engine.messages import Device, ModelInfo
from app.errors import EngineError

Phase = Literal["stopped", "starting", "ready", "loading", "loaded", "dead"]


@dataclass(frozen=True, slots=True)
class EngineState:
    """A snapshot. "ready" has no model; "dead" keeps `error` until the process is back, and stays where it
    crashed too often; the client loads the model of before again with the next message."""

    phase: Phase
    pid: int | None = None
    llama_cpp_version: str = ""
    system_info: str = ""
    devices: list[Device] = field(default_factory=list)
    model: ModelInfo | None = None
    load_fraction: float = 0.0
    error: EngineError | None = None
