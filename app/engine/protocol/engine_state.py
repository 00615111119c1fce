"""The engine's state, for the window and the telemetry."""

from dataclasses import dataclass, field, replace
from typing import Literal

from app.base.errors import EngineError
from app.engine.protocol import (
    Device,
    DevicesFound,
    Event,
    Failed,
    Loaded,
    LoadNotice,
    LoadProgress,
    ModelInfo,
    Ready,
    Unloaded,
)

Phase = Literal["stopped", "starting", "ready", "loading", "loaded", "dead"]


@dataclass(frozen=True, slots=True)
class EngineState:
    """A snapshot. "ready" has no model; "dead" keeps `error` until the process is back, and stays where it
    crashed too often; the client loads the model of before again with the next message.

    `models` are in memory, the one that was loaded last at the end: it is the `model` that answers requests
    without a name, except while another is being loaded.
    """

    phase: Phase
    pid: int | None = None
    llama_cpp_version: str = ""
    system_info: str = ""
    devices: list[Device] = field(default_factory=list)
    architectures: tuple[str, ...] = ()
    model: ModelInfo | None = None
    models: tuple[ModelInfo, ...] = ()
    loading_path: str = ""
    load_fraction: float = 0.0
    load_waits: bool = False
    """The load waits for the end of a reply of another model, which has to be unloaded first."""
    load_notice: LoadNotice | None = None
    """The notice about the load before the file is read."""
    resting: ModelInfo | None = None
    """The model whose memory was given back because nobody used it: it comes back with the next request."""
    error: EngineError | None = None


def using(state: EngineState, path: str) -> EngineState:
    """Return the state with a file's model as the current one; the same object where it is not in memory."""
    found = next((info for info in state.models if info.path == path), None)
    if found is None or state.phase != "loaded":
        return state
    return replace(state, model=found, models=(*_without(state.models, path), found))


def after(state: EngineState, event: Event) -> EngineState:
    """Return the state after `event`; the same object where it changes nothing."""
    match event:
        case Ready():
            return EngineState(
                "ready",
                pid=event.pid,
                llama_cpp_version=event.llama_cpp_version,
                system_info=event.system_info,
                devices=event.devices,
                architectures=event.architectures,
            )
        case DevicesFound():
            return replace(state, devices=event.devices)
        case LoadProgress():
            return replace(
                state,
                phase="loading",
                model=None,
                models=_without(state.models, event.path),
                loading_path=event.path,
                load_fraction=event.fraction,
                load_waits=event.waits,
                load_notice=event.notice if event.plan is not None else state.load_notice,
                resting=None,
            )
        case Loaded():
            models = (*_without(state.models, event.info.path), event.info)
            return _at_rest(state, models, error=None)
        case Unloaded():
            models = _without(state.models, event.path) if event.path else ()
            # What makes room for a load goes in the middle of it.
            if state.phase == "loading" and event.path:
                return replace(state, models=models)
            resting = state.model or state.resting if event.rests else None
            return replace(_at_rest(state, models, error=state.error), resting=resting)
        case Failed() if state.phase == "loading" and event.load:
            error = EngineError(event.message, event.hint, native=event.native, **event.values)
            return _at_rest(state, state.models, error=None if event.cancelled else error)
        case _:
            return state


def _at_rest(state: EngineState, models: tuple[ModelInfo, ...], error: EngineError | None) -> EngineState:
    return replace(
        state,
        phase="loaded" if models else "ready",
        model=models[-1] if models else None,
        models=models,
        loading_path="",
        load_fraction=1.0 if models else 0.0,
        load_waits=False,
        load_notice=None,
        resting=None,
        error=error,
    )


def _without(models: tuple[ModelInfo, ...], path: str) -> tuple[ModelInfo, ...]:
    return tuple(info for info in models if info.path != path)
