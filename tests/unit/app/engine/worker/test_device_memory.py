"""Drivers are asked under watch, since one may hang, and a card that sleeps takes its time. The back end is a
stand-in."""

import queue
from pathlib import Path

import pytest

from app.engine.devices.native_log import NativeLog
from app.engine.protocol import (
    BackendState,
    CardsRead,
    Device,
    DevicesFound,
    DevicesListed,
    Event,
    ListDevices,
    ReadCards,
    Ready,
    RpcProblem,
    RpcServer,
    Shutdown,
)
from app.engine.supervision.activity import Pulse
from app.engine.worker.engine_core import EngineCore

WAIT_S = 60.0


class Sleeping:
    """Wakes once, and notes of each question whether that is watched."""

    version = system_info = ""
    ggml = None
    watched: list[bool]
    pulse: Pulse

    def __init__(self, log: NativeLog, cuda: Path | None = None, *, wakes: bool = True) -> None:
        self._sleeps = not wakes
        self.rpc = self

    def wake(self) -> bool:
        self.watched.append(self.pulse.beat is not None)
        slept, self._sleeps = self._sleeps, False
        return slept

    def devices(self) -> list[Device]:
        self.watched.append(self.pulse.beat is not None)
        return []

    cards = devices

    def architectures(self) -> tuple[str, ...]:
        return ()

    def states(self) -> list[BackendState]:
        return []

    def find(self, servers: tuple[RpcServer, ...]) -> tuple[list[Device], list[RpcProblem]]:
        return [], []


def test_a_driver_is_watched_while_it_is_loaded_and_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    events: queue.Queue[Event] = queue.Queue()
    core = EngineCore(events.put)
    monkeypatch.setattr(Sleeping, "watched", [], raising=False)
    monkeypatch.setattr(Sleeping, "pulse", core.pulse, raising=False)
    monkeypatch.setattr("app.engine.llama.backend.Backend", Sleeping)
    core.start()
    assert isinstance(events.get(timeout=WAIT_S), Ready)
    Sleeping.watched.clear()
    core.post(ListDevices(request_id=1))
    assert events.get(timeout=WAIT_S) == DevicesFound(devices=[])
    assert events.get(timeout=WAIT_S) == DevicesListed(request_id=1, devices=[])
    # Nothing sleeps any more.
    core.post(ListDevices(request_id=2))
    assert events.get(timeout=WAIT_S) == DevicesListed(request_id=2, devices=[])
    core.post(ReadCards())
    assert events.get(timeout=WAIT_S) == CardsRead(cards=[])
    core.post(Shutdown())
    core.join(WAIT_S)
    assert Sleeping.watched == [True] * 6
    assert core.pulse.beat is None
