"""RAM and CPU of the machine, and this program's share."""

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class HostSample:
    """The machine now. CPU figures are per cent of all logical cores together, since the last reading."""

    ram_used_bytes: int
    ram_total_bytes: int
    own_ram_bytes: int
    cpu_percent: float
    own_cpu_percent: float


@dataclass(frozen=True, slots=True)
class CpuClock:
    """CPU seconds spent so far, by the machine and by some processes; two of them give the use between."""

    at_s: float
    busy_s: float
    own_s: float

    def percent_since(self, earlier: "CpuClock") -> tuple[float, float]:
        """Per cent of all logical cores that the machine and the processes used since `earlier`."""
        capacity_s = (self.at_s - earlier.at_s) * (psutil.cpu_count() or 1)
        if capacity_s <= 0:
            return 0.0, 0.0

        def percent(spent_s: float) -> float:
            return min(100.0, max(0.0, 100 * spent_s / capacity_s))

        return percent(self.busy_s - earlier.busy_s), percent(self.own_s - earlier.own_s)


class HostReader:
    """Reads the host through psutil: about 0.2 ms a reading. One thread at a time.

    `child_pids` names the processes that belong to this program besides this one. They are named, not
    looked for: a search walks every process of the machine.
    """

    def __init__(
        self, child_pids: Callable[[], Iterable[int]] = tuple, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._child_pids = child_pids
        self._clock = clock
        self._processes: dict[int, psutil.Process] = {}
        self._last = self.cpu_clock()

    def own_pids(self) -> frozenset[int]:
        """This process and its named children."""
        return frozenset({os.getpid(), *self._child_pids()})

    def read(self) -> HostSample:
        """The machine now; CPU per cent since the previous call."""
        memory = psutil.virtual_memory()
        now = self.cpu_clock()
        cpu_percent, own_cpu_percent = now.percent_since(self._last)
        self._last = now
        return HostSample(
            ram_used_bytes=memory.total - memory.available,
            ram_total_bytes=memory.total,
            own_ram_bytes=int(sum(self._each(_resident_bytes))),
            cpu_percent=cpu_percent,
            own_cpu_percent=own_cpu_percent,
        )

    def cpu_clock(self) -> CpuClock:
        """CPU seconds so far of the machine and of this program."""
        times = psutil.cpu_times()
        idle_s = times.idle + getattr(times, "iowait", 0.0)
        # Linux counts a guest's time in user and nice already.
        total_s = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        own_s = sum(self._each(_cpu_seconds))
        return CpuClock(self._clock(), total_s - idle_s, own_s)

    def _each(self, figure: Callable[[psutil.Process], float]) -> list[float]:
        """`figure` of each own process; one that has just ended counts nothing."""
        figures = []
        pids = self.own_pids()
        self._processes = {pid: process for pid, process in self._processes.items() if pid in pids}
        for pid in pids:
            try:
                if pid not in self._processes:
                    self._processes[pid] = psutil.Process(pid)
                figures.append(figure(self._processes[pid]))
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                self._processes.pop(pid, None)
        return figures


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _resident_bytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss)


def reset_peak_ram(pid: int) -> None:
    """Start the peak of `pid` anew where the system can (Linux); elsewhere it is the one since its start.

    See proc_pid_clear_refs(5): writing 5 resets the peak resident set size.
    """
    if psutil.LINUX:
        try:
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        except OSError:
            return  # a kernel that refuses still tells the peak since the start


def peak_ram_bytes(pid: int) -> int:
    """The largest resident set of process `pid` so far, as the system counted it.

    Raises psutil.NoSuchProcess when the process is gone.
    """
    if psutil.LINUX:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except FileNotFoundError as error:
            raise psutil.NoSuchProcess(pid) from error
        fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        return int(fields.get("VmHWM", "0 kB").split()[0]) * 1024
    memory = psutil.Process(pid).memory_info()
    return int(getattr(memory, "peak_wset", memory.rss))
