"""The energy that a turn takes: the graphics cards' own counters and the processor's (RAPL)."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.bench.results.report import NotMeasured
from app.telemetry.nvml import GpuReading, GpuSample

POWERCAP = Path("/sys/class/powercap")
"""https://www.kernel.org/doc/html/latest/power/powercap/powercap.html"""

NO_COUNTER = "This computer has no counter of the processor's energy that Stillroom knows (RAPL)."
NOT_READABLE = "The system lets only administrators read the processor's energy counter."
NO_POWER = "The graphics card does not tell its power."


@dataclass(frozen=True, slots=True)
class EnergyStart:
    """The counters when a turn begins; `gpu_w` is what the cards took then."""

    at_s: float
    package_uj: dict[Path, int]
    gpu_j: float | None
    gpu_w: float | None


@dataclass(frozen=True, slots=True)
class Energy:
    """Joules of a turn and the seconds that it took."""

    joules: float
    seconds: float


class EnergyMeter:
    """Reads the counters of whatever computes: of the cards where `uses_gpu`, else of the processor."""

    def __init__(
        self, read_gpu: Callable[[], GpuReading], *, uses_gpu: bool, powercap: Path = POWERCAP
    ) -> None:
        self._read_gpu = read_gpu
        self._uses_gpu = uses_gpu
        self._packages = sorted(powercap.glob("intel-rapl:?")) if powercap.is_dir() else []
        self.why_not = self._why_not()

    def begin(self) -> EnergyStart | None:
        """The state before a turn; None where nothing can be read."""
        if self.why_not is not None:
            return None
        if self._uses_gpu:
            cards = self._read_gpu().gpus
            # A reading may have to be waited for: the time counts from it on.
            return EnergyStart(time.monotonic(), {}, _energy_j(cards), _power_w(cards))
        return EnergyStart(
            time.monotonic(), {folder: _counter(folder) for folder in self._packages}, None, None
        )

    def end(self, start: EnergyStart) -> Energy | None:
        """The energy since `start`; None where a counter went away meanwhile."""
        try:
            if not self._uses_gpu:
                joules = sum(_passed_uj(folder, before) / 1e6 for folder, before in start.package_uj.items())
                return Energy(joules, time.monotonic() - start.at_s)
        except (OSError, ValueError):
            return None
        cards = self._read_gpu().gpus
        seconds = time.monotonic() - start.at_s
        counted_j = _energy_j(cards)
        if counted_j is not None and start.gpu_j is not None:
            return Energy(counted_j - start.gpu_j, seconds)
        watts = [power for power in (start.gpu_w, _power_w(cards)) if power is not None]
        return Energy(sum(watts) / len(watts) * seconds, seconds) if watts else None

    def _why_not(self) -> NotMeasured | None:
        if self._uses_gpu:
            cards = self._read_gpu().gpus
            if _energy_j(cards) is None and _power_w(cards) is None:
                return NotMeasured(key="tok_per_j", reason=NO_POWER)
            return None
        if not self._packages:
            return NotMeasured(key="tok_per_j", reason=NO_COUNTER)
        try:
            for folder in self._packages:
                _counter(folder)
        except (OSError, ValueError):
            return NotMeasured(key="tok_per_j", reason=NOT_READABLE)
        return None


def _counter(folder: Path) -> int:
    return int((folder / "energy_uj").read_text())


def _passed_uj(folder: Path, before: int) -> int:
    passed = _counter(folder) - before
    # The counter begins again at its largest value, after some minutes.
    return passed if passed >= 0 else passed + int((folder / "max_energy_range_uj").read_text())


def _energy_j(cards: tuple[GpuSample, ...]) -> float | None:
    told = [card.energy_j for card in cards if card.energy_j is not None]
    return sum(told) if told else None


def _power_w(cards: tuple[GpuSample, ...]) -> float | None:
    told = [card.power_w for card in cards if card.power_w is not None]
    return sum(told) if told else None
