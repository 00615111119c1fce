"""The conditions under which a figure is measured: other programs, battery, heat."""

import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from app.bench.results.report import Mark, Sample
from app.telemetry.host import CpuClock, HostReader

BUSY_PERCENT = 5.0
"""Other programs' share of all cores from which a repeat is marked."""

HOT_C = 95.0
"""Processors of the last decade throttle at 95 to 105 °C."""

CPUS = Path("/sys/devices/system/cpu")

CPU_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal")


@dataclass(frozen=True, slots=True)
class Start:
    """The state of the machine when a repeat begins."""

    at_s: float
    cpu: CpuClock
    throttle_count: int


class Conditions:
    """Watches one repeat at a time, on the thread that runs it. `host` knows which processes are ours."""

    def __init__(self, host: HostReader) -> None:
        self._host = host

    def begin(self) -> Start:
        """The state before a repeat."""
        return Start(time.monotonic(), self._host.cpu_clock(), throttle_count())

    def sample(self, start: Start, value: float, *, gpu_throttled: bool = False) -> Sample:
        """The repeat that began at `start` and gave `value`, with what disturbed it."""
        machine_percent, own_percent = self._host.cpu_clock().percent_since(start.cpu)
        others_percent = max(0.0, machine_percent - own_percent)
        temperature_c = cpu_temperature_c()
        return Sample(
            value=value,
            duration_s=time.monotonic() - start.at_s,
            others_cpu_percent=round(others_percent, 1),
            temperature_c=temperature_c,
            marks=marks_of(
                others_percent,
                on_battery(),
                temperature_c,
                is_throttled=gpu_throttled or throttle_count() > start.throttle_count,
            ),
        )


def marks_of(
    others_percent: float, is_on_battery: bool, temperature_c: float | None, *, is_throttled: bool = False
) -> list[Mark]:
    """Choose the disturbances that are worth a mark."""
    marks: list[Mark] = []
    if others_percent >= BUSY_PERCENT:
        marks.append("busy")
    if is_on_battery:
        marks.append("battery")
    if temperature_c is not None and temperature_c >= HOT_C:
        marks.append("hot")
    if is_throttled:
        marks.append("throttled")
    return marks


def throttle_count(cpus: Path = CPUS) -> int:
    """Count how often the processor has slowed down for its heat since the start; 0 where the system does not
    count it."""
    total = 0
    for file in cpus.glob("cpu[0-9]*/thermal_throttle/core_throttle_count"):
        try:
            total += int(file.read_text())
        except (OSError, ValueError):
            return 0
    return total


def on_battery() -> bool:
    """Tell whether the computer has a battery and draws from it."""
    try:
        battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    except OSError:
        # A container without /sys has no battery to ask.
        return False
    return battery is not None and battery.power_plugged is False


def cpu_temperature_c() -> float | None:
    """The hottest sensor of the processor; None where the system tells none (Windows, virtual machines)."""
    if not hasattr(psutil, "sensors_temperatures"):
        return None
    sensors = psutil.sensors_temperatures()
    readings = [entry.current for name in CPU_SENSORS for entry in sensors.get(name, ())]
    return max(readings, default=None)
