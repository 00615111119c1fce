"""RAM and CPU of the machine, and this program's share."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class PartSample:
    """The share of a part of this program, by the name of its child; "" is this process with its helpers."""

    name: str
    ram_bytes: int
    cpu_percent: float


@dataclass(frozen=True, slots=True)
class HostSample:
    """The machine now. CPU figures are per cent of all logical cores together, since the last reading.

    `parts` are those of the own figures.
    """

    ram_used_bytes: int
    ram_total_bytes: int
    own_ram_bytes: int
    cpu_percent: float
    own_cpu_percent: float
    parts: tuple[PartSample, ...] = ()


@dataclass(frozen=True, slots=True)
class CpuClock:
    """CPU seconds spent so far, by the machine and by some processes; two of them give the use between.

    `parts_s` are the processes' seconds by the part of the program that they belong to.
    """

    at_s: float
    busy_s: float
    own_s: float
    parts_s: Mapping[str, float] = field(default_factory=dict)

    def percent_since(self, earlier: "CpuClock") -> tuple[float, float]:
        """Per cent of all logical cores that the machine and the processes used since `earlier`."""
        return (
            self._percent(self.busy_s - earlier.busy_s, earlier),
            self._percent(self.own_s - earlier.own_s, earlier),
        )

    def part_percent_since(self, earlier: "CpuClock", part: str) -> float:
        """Per cent of all logical cores that one part of the program used since `earlier`."""
        return self._percent(self.parts_s.get(part, 0.0) - earlier.parts_s.get(part, 0.0), earlier)

    def _percent(self, spent_s: float, earlier: "CpuClock") -> float:
        capacity_s = (self.at_s - earlier.at_s) * (psutil.cpu_count() or 1)
        return min(100.0, max(0.0, 100 * spent_s / capacity_s)) if capacity_s > 0 else 0.0


class HostReader:
    """Reads the host through psutil: below a millisecond a reading. One thread at a time.

    `child_pids` names the processes that belong to this program besides this one: some, or all below it
    (`ProcessTree.pids`). `part_of` tells the part of the program that one of them belongs to.
    """

    def __init__(
        self,
        child_pids: Callable[[], Iterable[int]] = tuple,
        clock: Callable[[], float] = time.monotonic,
        part_of: Callable[[int], str] = lambda _: "",
    ) -> None:
        self._child_pids = child_pids
        self._part_of = part_of
        self._clock = clock
        self._processes: dict[int, psutil.Process] = {}
        self._spent_ns: dict[int, int] = {}
        """By each own process that runs, as read last. Whole numbers, whose sum no order changes."""
        self._ended_ns: dict[str, int] = {}
        """By those that have ended, for each part: a sum never falls when one of them ends."""
        self._parts: dict[int, str] = {}
        self._last: CpuClock | None = None

    def own_pids(self) -> frozenset[int]:
        """This process and its named children, found anew."""
        return frozenset({os.getpid(), *self._child_pids()})

    @property
    def last_pids(self) -> frozenset[int]:
        """The own processes of the last reading."""
        return frozenset(self._spent_ns)

    def read(self) -> HostSample:
        """The machine now; CPU per cent since the previous call, none at the first one."""
        memory = psutil.virtual_memory()
        now = self.cpu_clock()
        earlier, self._last = self._last or now, now
        cpu_percent, own_cpu_percent = now.percent_since(earlier)
        ram_bytes: Counter[str] = Counter()
        for pid, resident_bytes in self._each(self._spent_ns, _resident_bytes).items():
            ram_bytes[self._parts[pid]] += resident_bytes
        return HostSample(
            ram_used_bytes=memory.total - memory.available,
            ram_total_bytes=memory.total,
            own_ram_bytes=ram_bytes.total(),
            cpu_percent=cpu_percent,
            own_cpu_percent=own_cpu_percent,
            parts=tuple(
                PartSample(part, ram_bytes[part], now.part_percent_since(earlier, part))
                for part in sorted(ram_bytes)
            ),
        )

    def cpu_clock(self) -> CpuClock:
        """CPU seconds so far of the machine and of this program."""
        times = psutil.cpu_times()
        idle_s = times.idle + getattr(times, "iowait", 0.0)
        # Linux counts a guest's time in user and nice already.
        total_s = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        spent_ns = self._each(self.own_pids(), _cpu_ns)
        for pid in spent_ns:
            # What a child is shows when its program has begun: until then it may be another part's.
            self._parts[pid] = self._part_of(pid)
        for pid in self._spent_ns.keys() - spent_ns.keys():
            if pid in self._processes and self._processes[pid].is_running():
                # Not found this time, as its parent's children change while they are listed.
                spent_ns[pid] = self._spent_ns[pid]
            else:
                part = self._parts.pop(pid)
                self._ended_ns[part] = self._ended_ns.get(part, 0) + self._spent_ns[pid]
                self._processes.pop(pid, None)
        self._spent_ns = spent_ns
        parts_ns = Counter(self._ended_ns)
        for pid, own_ns in spent_ns.items():
            parts_ns[self._parts[pid]] += own_ns
        return CpuClock(
            self._clock(),
            total_s - idle_s,
            parts_ns.total() / 1e9,
            {part: spent / 1e9 for part, spent in parts_ns.items()},
        )

    def _each(self, pids: Iterable[int], figure: Callable[[psutil.Process], int]) -> dict[int, int]:
        """`figure` of each of these processes; one that has just ended has none."""
        figures = {}
        for pid in pids:
            try:
                if pid not in self._processes:
                    self._processes[pid] = psutil.Process(pid)
                figures[pid] = figure(self._processes[pid])
            except psutil.NoSuchProcess:
                self._processes.pop(pid, None)
            except psutil.AccessDenied:
                continue  # for now: it runs
        return figures


def _cpu_ns(process: psutil.Process) -> int:
    times = process.cpu_times()
    return round(times.user * 1e9) + round(times.system * 1e9)


def _resident_bytes(process: psutil.Process) -> int:
    return int(process.memory_info().rss)


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
