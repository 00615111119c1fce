"""The telemetry thread over the real host, whatever GPU this machine has."""

import queue
import threading

from app.engine.protocol import Delta, Device
from app.engine.protocol.engine_state import EngineState
from app.telemetry.host import HostReader
from app.telemetry.nvml import GpuReading, GpuSample
from app.telemetry.nvml_monitor import GpuMonitor
from app.telemetry.other_gpus import CardMonitor
from app.telemetry.rates import RateMeter
from app.telemetry.sampler import HISTORY_S, TelemetrySampler, TelemetrySnapshot


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def nothing() -> None:
    """The engine is not asked here."""


class OneCard:
    """A fake GPU reader: this machine may have no card."""

    def read(self, own_pids: frozenset[int]) -> GpuReading:
        return GpuReading("ok", (GpuSample(0, "Fake GPU", 5, 10, 1, 50, 40, 100.0),), "580")


def test_keeps_the_last_minutes_and_no_more() -> None:
    clock = Clock()
    rates = RateMeter()
    sampler = TelemetrySampler(
        HostReader(), GpuMonitor(), CardMonitor(nothing), rates, lambda snapshot: None, 2.0, clock
    )
    for _ in range(int(HISTORY_S) + 50):
        clock.now_s += 1.0
        snapshot = sampler.sample()
    times_s = snapshot.history.times_s
    assert times_s[-1] == clock.now_s
    assert times_s[0] == clock.now_s - HISTORY_S
    assert len(times_s) == len(snapshot.history.generation_tok_per_s)


def test_a_card_that_appears_late_has_a_whole_series() -> None:
    clock = Clock()
    gate = threading.Event()

    class LateCard(OneCard):
        def read(self, own_pids: frozenset[int]) -> GpuReading:
            assert gate.wait(30)
            return super().read(own_pids)

    sampler = TelemetrySampler(
        HostReader(), GpuMonitor(LateCard), CardMonitor(nothing), RateMeter(), print, 2.0, clock
    )
    assert sampler.sample().history.vram_used_bytes == ()
    gate.set()
    snapshot = sampler.sample()
    while snapshot.gpu.state == "pending":
        snapshot = sampler.sample()
    assert len(snapshot.history.vram_used_bytes[0]) == len(snapshot.history.times_s)
    assert snapshot.history.vram_used_bytes[0][-1] == 5


def test_a_card_that_only_the_engine_knows_has_the_last_series() -> None:
    cards = CardMonitor(nothing)
    radeon = Device(
        name="Vulkan0",
        description="Fake Radeon",
        backend="Vulkan",
        kind="gpu",
        memory_total_bytes=20,
        memory_free_bytes=13,
    )
    cards.on_state(EngineState("ready", pid=1, devices=[radeon]))
    sampler = TelemetrySampler(HostReader(), GpuMonitor(OneCard), cards, RateMeter(), print, rate_hz=2.0)
    snapshot = sampler.sample()
    while snapshot.gpu.state == "pending":
        snapshot = sampler.sample()
    assert [card.name for card in snapshot.cards or ()] == ["Fake Radeon"]
    assert [series[-1] for series in snapshot.history.vram_used_bytes] == [5, 7]
    cards.on_state(EngineState("dead"))
    snapshot = sampler.sample()
    assert snapshot.cards is None
    assert len(snapshot.history.vram_used_bytes) == 1


def test_own_processes_are_looked_for_once_a_snapshot_and_not_before() -> None:
    looks: list[int] = []

    def children() -> list[int]:
        looks.append(1)
        return []

    host = HostReader(children)
    assert looks == []
    sampler = TelemetrySampler(
        host, GpuMonitor(OneCard), CardMonitor(nothing), RateMeter(), print, rate_hz=2.0
    )
    sampler.sample()
    assert len(looks) == 1


def test_the_thread_delivers_and_stops() -> None:
    delivered: queue.Queue[TelemetrySnapshot] = queue.Queue()
    rates = RateMeter()
    sampler = TelemetrySampler(
        HostReader(), GpuMonitor(OneCard), CardMonitor(nothing), rates, delivered.put, rate_hz=4.0
    )
    sampler.start()
    try:
        rates.on_event(Delta(request_id=1, channel="answer", text="", tokens=1), 0.0)
        snapshot = delivered.get(timeout=30)
        while snapshot.rates.phase == "idle":
            snapshot = delivered.get(timeout=30)
        assert snapshot.host.own_ram_bytes > 0
    finally:
        sampler.stop()
    assert "telemetry" not in {thread.name for thread in threading.enumerate()}
