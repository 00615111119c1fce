"""Energy from the processor's counters (files as Linux has them) and from the graphics card's readings.

The counters here are stand-ins: this machine has neither.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.bench.run.energy import NO_COUNTER, NO_POWER, EnergyMeter
from app.telemetry.nvml import GpuReading, GpuSample


def package(root: Path, number: int, energy_uj: int) -> Path:
    folder = root / f"intel-rapl:{number}"
    folder.mkdir(parents=True)
    (folder / "energy_uj").write_text(f"{energy_uj}\n")
    (folder / "max_energy_range_uj").write_text("1000000000\n")
    return folder


def no_card() -> GpuReading:
    return GpuReading("no_driver")


def cards(*readings: GpuSample) -> Callable[[], GpuReading]:
    left = list(readings)

    def read() -> GpuReading:
        return GpuReading("ok", (left.pop(0) if len(left) > 1 else left[0],), "580")

    return read


def sample(power_w: float | None, energy_j: float | None = None) -> GpuSample:
    return GpuSample(0, "Stand-in", 0, 12 << 30, 0, 50, 60, power_w, energy_j)


def test_the_packages_are_added(tmp_path: Path) -> None:
    first, second = package(tmp_path, 0, 5_000_000), package(tmp_path, 1, 7_000_000)
    (tmp_path / "intel-rapl:0:0").mkdir()  # a part of the first, which counts it already
    meter = EnergyMeter(no_card, uses_gpu=False, powercap=tmp_path)
    assert meter.why_not is None
    start = meter.begin()
    assert start is not None
    (first / "energy_uj").write_text("9000000")
    (second / "energy_uj").write_text("8000000")
    energy = meter.end(start)
    assert energy is not None
    assert energy.joules == pytest.approx(5.0)


def test_a_counter_that_began_again_is_understood(tmp_path: Path) -> None:
    folder = package(tmp_path, 0, 999_000_000)
    meter = EnergyMeter(no_card, uses_gpu=False, powercap=tmp_path)
    start = meter.begin()
    assert start is not None
    (folder / "energy_uj").write_text("1000000")
    energy = meter.end(start)
    assert energy is not None
    assert energy.joules == pytest.approx(2.0)


def test_a_counter_that_goes_away_gives_nothing(tmp_path: Path) -> None:
    folder = package(tmp_path, 0, 1)
    meter = EnergyMeter(no_card, uses_gpu=False, powercap=tmp_path)
    start = meter.begin()
    assert start is not None
    (folder / "energy_uj").unlink()
    assert meter.end(start) is None


def test_the_time_begins_with_the_reading_not_with_the_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clock_s = [100.0]
    monkeypatch.setattr("app.bench.run.energy.time.monotonic", lambda: clock_s[0])
    counted_j = [10.0, 10.0, 30.0]

    def read_slowly() -> GpuReading:
        clock_s[0] += 0.5
        return GpuReading("ok", (sample(100.0, counted_j.pop(0)),), "580")

    meter = EnergyMeter(read_slowly, uses_gpu=True)
    start = meter.begin()
    assert start is not None
    clock_s[0] += 1.5
    energy = meter.end(start)
    assert energy is not None
    assert (energy.joules, energy.seconds) == (20.0, 2.0)


def test_without_a_counter_it_says_why(tmp_path: Path) -> None:
    meter = EnergyMeter(no_card, uses_gpu=False, powercap=tmp_path / "none")
    assert str(meter.why_not) == NO_COUNTER
    assert meter.begin() is None
    assert str(EnergyMeter(cards(sample(None)), uses_gpu=True).why_not) == NO_POWER


def test_a_card_s_counter_is_better_than_its_power() -> None:
    meter = EnergyMeter(cards(*[sample(100.0, 50.0)] * 2, sample(100.0, 61.0)), uses_gpu=True)
    start = meter.begin()
    assert start is not None
    energy = meter.end(start)
    assert energy is not None
    assert energy.joules == pytest.approx(11.0)


def test_a_card_without_a_counter_gives_power_by_time() -> None:
    meter = EnergyMeter(cards(sample(90.0), sample(90.0), sample(110.0)), uses_gpu=True)
    start = meter.begin()
    assert start is not None
    energy = meter.end(start)
    assert energy is not None
    assert energy.joules == pytest.approx(100.0 * energy.seconds)
