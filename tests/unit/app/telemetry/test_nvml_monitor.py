"""The deadline around NVML. The readers here are fakes: only they can hang and recover at a chosen moment."""

import threading
from collections.abc import Iterator

import pytest

from app.telemetry.nvml import GpuReading, GpuState
from app.telemetry.nvml_monitor import GpuMonitor

PIDS = frozenset({7})


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class GatedReader:
    """Answers `state` once its gate is open, and remembers which processes it was asked about."""

    def __init__(self, state: GpuState = "ok") -> None:
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.state = state
        self.asked: list[frozenset[int]] = []

    def read(self, own_pids: frozenset[int]) -> GpuReading:
        self.asked.append(own_pids)
        self.entered.set()
        assert self.gate.wait(30)
        return GpuReading(self.state)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def readers() -> Iterator[list[GatedReader]]:
    made: list[GatedReader] = []
    yield made
    for reader in made:
        reader.gate.set()


@pytest.fixture
def monitor(clock: Clock, readers: list[GatedReader]) -> Iterator[GpuMonitor]:
    def make() -> GatedReader:
        readers.append(GatedReader())
        return readers[-1]

    monitor = GpuMonitor(make, deadline_s=5, retry_s=60, max_abandoned=2, clock=clock)
    yield monitor
    monitor.close()


def first_reader(monitor: GpuMonitor, readers: list[GatedReader], number: int = 0) -> GatedReader:
    while len(readers) <= number:
        monitor.poll(PIDS, wait_s=0.01)
    assert readers[number].entered.wait(30)
    return readers[number]


def test_gives_a_fresh_reading_within_the_wait(monitor: GpuMonitor, readers: list[GatedReader]) -> None:
    reader = first_reader(monitor, readers)
    reader.gate.set()
    assert monitor.poll(PIDS, wait_s=30).state == "ok"
    assert reader.asked == [PIDS]


def test_is_pending_until_the_first_answer(monitor: GpuMonitor) -> None:
    assert monitor.poll(PIDS, wait_s=0).state == "pending"


def test_hangs_after_the_deadline_and_recovers_with_the_late_answer(
    monitor: GpuMonitor, readers: list[GatedReader], clock: Clock
) -> None:
    reader = first_reader(monitor, readers)
    clock.now_s = 4.9
    assert monitor.poll(PIDS, wait_s=0).state == "pending"
    clock.now_s = 5.0
    assert monitor.poll(PIDS, wait_s=0).state == "hanging"
    reader.gate.set()
    assert monitor.poll(PIDS, wait_s=30).state == "ok"
    assert len(readers) == 1


def test_a_long_hang_is_tried_again_by_another_thread_a_few_times_only(
    monitor: GpuMonitor, readers: list[GatedReader], clock: Clock
) -> None:
    first_reader(monitor, readers)
    for attempt in (1, 2, 3, 4):
        clock.now_s = 60.0 * attempt
        monitor.poll(PIDS, wait_s=0)
        if attempt <= 2:
            first_reader(monitor, readers, attempt)
    clock.now_s += 5
    assert monitor.poll(PIDS, wait_s=0).state == "hanging"
    assert len(readers) == 3
    readers[2].gate.set()
    assert monitor.poll(PIDS, wait_s=30).state == "ok"


def test_an_error_is_asked_again_rarely(
    monitor: GpuMonitor, readers: list[GatedReader], clock: Clock
) -> None:
    reader = first_reader(monitor, readers)
    reader.state = "failing"
    reader.gate.set()
    assert monitor.poll(PIDS, wait_s=30).state == "failing"
    clock.now_s = 59
    monitor.poll(PIDS, wait_s=0.05)
    assert len(reader.asked) == 1
    reader.state = "ok"
    clock.now_s = 60
    assert monitor.poll(PIDS, wait_s=30).state == "ok"


def test_a_card_that_may_sleep_is_asked_only_where_it_may_be_woken() -> None:
    made: list[GatedReader] = []

    def make() -> GatedReader:
        made.append(GatedReader())
        made[-1].gate.set()
        return made[-1]

    monitor = GpuMonitor(make, may_sleep=lambda: True)
    assert monitor.poll(PIDS, wakes=False).state == "asleep"
    assert not made
    assert monitor.poll(PIDS, wait_s=30).state == "ok"
    assert monitor.poll(PIDS, wakes=False).state == "asleep"
    assert len(made[0].asked) == 1
    monitor.close()
    always = GpuMonitor(make, may_sleep=lambda: False)
    assert always.poll(PIDS, wait_s=30, wakes=False).state == "ok"
    always.close()
