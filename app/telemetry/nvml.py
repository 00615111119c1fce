"""Read what NVIDIA's management library (NVML) says about each GPU."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

from app.engine.devices.nvidia_cards import capable_cards, nvidia_cards

GpuState = Literal["pending", "ok", "no_driver", "no_gpu", "failing", "hanging", "asleep"]

T = TypeVar("T")

_THROTTLE_REASONS = 0x08 | 0x20 | 0x40 | 0x80
"""nvml.h: hardware slowdown, software and hardware thermal slowdown, hardware power brake. The software power
cap is left out: it is how a card runs at full load."""


@dataclass(frozen=True, slots=True)
class GpuSample:
    """One GPU now; None where this card or driver does not tell.

    `own_vram_bytes` is what the asked-for processes hold. Windows' WDDM driver does not tell it.
    """

    index: int
    name: str
    vram_used_bytes: int
    vram_total_bytes: int
    own_vram_bytes: int | None
    utilisation_percent: int | None
    temperature_c: int | None
    power_w: float | None
    energy_j: float | None = None
    """Since the driver was loaded."""
    vram_bytes_per_s: float | None = None
    """The bandwidth that the memory's highest clock and its bus allow."""
    pcie: str = ""
    """The widest link that card and slot can have, such as "4.0 x16"."""
    throttled: bool = False
    """The card runs slower now for its heat or its power."""
    compute_capability: tuple[int, int] | None = None
    """NVIDIA's number for the GPU's generation: https://developer.nvidia.com/cuda-gpus"""


@dataclass(frozen=True, slots=True)
class GpuReading:
    """All GPUs at one moment, or why there is nothing to show.

    `state` "pending": not answered yet; "no_driver": NVML is not installed; "no_gpu": a driver without a
    card; "failing": NVML answered with an error (`native` holds its words); "hanging": it does not answer;
    "asleep": it was not asked, since nothing uses the card and it would be switched on for that.
    """

    state: GpuState
    gpus: tuple[GpuSample, ...] = ()
    driver: str = ""
    native: str = ""
    cuda_cards: tuple[str, ...] = ()
    """The UUIDs of the cards, or of the instance, that CUDA computes on (`nvidia_cards.capable_cards`)."""


class NvmlReader:
    """Reads NVML through pynvml. Any call may hang for ever, so only a thread that can be spared uses it
    (`GpuMonitor` does). One reader belongs to one thread."""

    def __init__(self) -> None:
        import pynvml  # 30 ms that the first paint need not wait for

        self._nvml: Any = pynvml
        self._driver: str | None = None
        self._gpus: list[tuple[Any, str]] = []
        self._cuda_cards: tuple[str, ...] = ()

    def read(self, own_pids: frozenset[int] = frozenset({os.getpid()})) -> GpuReading:
        """A reading; `own_pids` are the processes whose VRAM counts as this program's. Never raises."""
        nvml = self._nvml
        try:
            if self._driver is None:
                self._open()
            if not self._gpus:
                return GpuReading("no_gpu", driver=self._driver or "")
            samples = [self._sample(i, gpu, name, own_pids) for i, (gpu, name) in enumerate(self._gpus)]
            return GpuReading("ok", tuple(samples), self._driver or "", cuda_cards=self._cuda_cards)
        except nvml.NVMLError as error:
            self._driver = None
            missing = (nvml.NVML_ERROR_LIBRARY_NOT_FOUND, nvml.NVML_ERROR_DRIVER_NOT_LOADED)
            return GpuReading("no_driver" if error.value in missing else "failing", native=str(error))

    def _open(self) -> None:
        nvml = self._nvml
        nvml.nvmlInit()
        handles = [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())]
        self._gpus = [(gpu, nvml.nvmlDeviceGetName(gpu)) for gpu in handles]
        self._cuda_cards = tuple(card.uuid for card in capable_cards(nvidia_cards()))
        self._driver = nvml.nvmlSystemGetDriverVersion()

    def _sample(self, index: int, gpu: Any, name: str, own_pids: frozenset[int]) -> GpuSample:
        nvml = self._nvml
        memory = nvml.nvmlDeviceGetMemoryInfo(gpu)
        utilisation = self._optional(lambda: nvml.nvmlDeviceGetUtilizationRates(gpu).gpu)
        milliwatts = self._optional(lambda: nvml.nvmlDeviceGetPowerUsage(gpu))
        millijoules = self._optional(lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(gpu))
        reasons = self._optional(lambda: nvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu))
        return GpuSample(
            index=index,
            name=name,
            vram_used_bytes=memory.used,
            vram_total_bytes=memory.total,
            own_vram_bytes=self._own_vram(gpu, own_pids),
            utilisation_percent=utilisation,
            temperature_c=self._optional(
                lambda: nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU)
            ),
            power_w=None if milliwatts is None else milliwatts / 1000,
            energy_j=None if millijoules is None else millijoules / 1000,
            vram_bytes_per_s=self._vram_bytes_per_s(gpu),
            pcie=self._pcie(gpu),
            throttled=bool(reasons and reasons & _THROTTLE_REASONS),
            compute_capability=self._optional(lambda: nvml.nvmlDeviceGetCudaComputeCapability(gpu)),
        )

    def _vram_bytes_per_s(self, gpu: Any) -> float | None:
        nvml = self._nvml
        clock_mhz = self._optional(lambda: nvml.nvmlDeviceGetMaxClockInfo(gpu, nvml.NVML_CLOCK_MEM))
        bus_bits = self._optional(lambda: nvml.nvmlDeviceGetMemoryBusWidth(gpu))
        # NVML's clock is that of the double data rate: two transfers a cycle.
        return clock_mhz * 1e6 * 2 * bus_bits / 8 if clock_mhz and bus_bits else None

    def _pcie(self, gpu: Any) -> str:
        nvml = self._nvml
        generation = self._optional(lambda: nvml.nvmlDeviceGetMaxPcieLinkGeneration(gpu))
        width = self._optional(lambda: nvml.nvmlDeviceGetMaxPcieLinkWidth(gpu))
        return f"{generation}.0 x{width}" if generation and width else ""

    def _own_vram(self, gpu: Any, own_pids: frozenset[int]) -> int | None:
        nvml = self._nvml
        used: dict[int, int] = {}
        for list_processes in (
            nvml.nvmlDeviceGetComputeRunningProcesses,
            nvml.nvmlDeviceGetGraphicsRunningProcesses,
        ):
            processes = self._optional(partial(list_processes, gpu))
            if processes is None:
                return None
            for process in processes:
                if process.pid not in own_pids:
                    continue
                if process.usedGpuMemory is None:
                    return None
                # A process that computes and draws is in both lists with the same figure.
                used[process.pid] = max(used.get(process.pid, 0), process.usedGpuMemory)
        return sum(used.values())

    def _optional(self, call: Callable[[], T]) -> T | None:
        """The figure, or None where this card does not have it; other errors go on up."""
        nvml = self._nvml
        try:
            return call()
        except nvml.NVMLError as error:
            if error.value in (
                nvml.NVML_ERROR_NOT_SUPPORTED,
                nvml.NVML_ERROR_NO_PERMISSION,
                nvml.NVML_ERROR_FUNCTION_NOT_FOUND,
            ):
                return None
            raise
