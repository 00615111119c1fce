"""A card that sleeps is woken under watch: its driver may hang. The back end is a stand-in."""

from app.engine.protocol import Device, DevicesFound, Event
from app.engine.supervision.activity import Pulse
from app.engine.worker.engine_core import EngineCore


class Sleeping:
    """Wakes once, and notes whether that is watched."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._sleeps = True
        self.watched: list[bool] = []

    def wake(self) -> bool:
        self.watched.append(self._pulse.beat is not None)
        slept, self._sleeps = self._sleeps, False
        return slept

    def devices(self) -> list[Device]:
        self.watched.append(self._pulse.beat is not None)
        return []


def test_a_driver_that_is_loaded_for_a_card_that_slept_is_watched() -> None:
    events: list[Event] = []
    core = EngineCore(events.append)
    backend = Sleeping(core.pulse)
    core._backend = backend  # type: ignore[assignment]  # a stand-in
    core._wake_cards()
    core._wake_cards()
    assert backend.watched == [True, True, True]
    assert core.pulse.beat is None
    assert events == [DevicesFound(devices=[])]
