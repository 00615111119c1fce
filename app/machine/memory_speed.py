"""Measure how fast the processor reads memory: the bound on the tokens per second of a model in RAM."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil

from app.telemetry.host import HostReader

BUFFER_BYTES = 384 << 20
"""More than the caches of today's desktop processors hold."""

MEASURED_S = 0.4
_LEAST_PASSES = 3
_BLOCK_BYTES = 4 << 20
_WINDOW_BLOCKS = 4
QUIET_PERCENT = 10.0
"""Of all cores: the most that other programs may use while memory is measured, for the figure to count."""

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class SpeedReading:
    """Bytes per second that were read, 0 where there was no memory to spare; `is_quiet` says that other
    programs left the processor alone meanwhile."""

    bytes_per_s: float
    is_quiet: bool


def read_memory_speed(threads: int) -> SpeedReading:
    """Measure the speed, and how busy the computer is beside it. Blocks for about a second, on any thread."""
    host = HostReader()
    before = host.cpu_clock()
    bytes_per_s = measure_memory_speed(threads)
    machine_percent, own_percent = host.cpu_clock().percent_since(before)
    return SpeedReading(bytes_per_s, machine_percent - own_percent <= QUIET_PERCENT)


def measure_memory_speed(
    threads: int, size_bytes: int = BUFFER_BYTES, *, lasts_s: float = MEASURED_S
) -> float:
    """Bytes per second that `threads` read together from `size_bytes` of memory, again and again.

    Each looks for the largest number in its own part of a buffer, block by block, which costs next to no
    computing. The fastest millisecond counts, in which all of them ran: beside other programs each has the
    processor in turns, and some of these coincide. With very large caches it is a little too high. 0 where
    there is no memory to spare for it.
    """
    import numpy as np  # slow to load, and measured seldom

    size = min(size_bytes, psutil.virtual_memory().available // 4)
    length = size // 8 // threads
    if size < size_bytes // 4 or length == 0:
        return 0.0
    parts = [np.ones(length, dtype=np.uint64) for _ in range(threads)]
    block = max(1, min(_BLOCK_BYTES // 8, length))
    # The last block is as long as the others: what is left over is not read.
    views = [[part[at : at + block] for at in range(0, length - block + 1, block)] for part in parts]
    together = threading.Barrier(threads)
    spans: list[list[Span]] = [[] for _ in range(threads)]

    def read(largest: Sequence[Callable[[], object]], mine: list[Span]) -> None:
        together.wait()
        # Timed by those who read: who waits for them may be woken when they are done.
        end_s = time.perf_counter() + lasts_s
        passes = 0
        while passes < _LEAST_PASSES or time.perf_counter() < end_s:
            for look in largest:
                began_s = time.perf_counter()
                look()
                mine.append((began_s, time.perf_counter()))
            passes += 1

    workers = [
        threading.Thread(target=read, args=([view.max for view in each], mine), name="memory speed")
        for each, mine in zip(views, spans, strict=True)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return fastest_window(spans) * block * 8


def fastest_window(spans: Sequence[Sequence[Span]]) -> float:
    """Return the most blocks per second that were read together, from when each block was begun and done.

    The windows are some blocks in a row of the first thread; of the other threads' blocks those parts count
    that lie within. What a thread waited is part of a block, so no window is faster than what was read.
    """
    first = spans[0]
    best = 0.0
    at = [0] * len(spans)
    for index in range(len(first) - _WINDOW_BLOCKS + 1):
        began_s, end_s = first[index][0], first[index + _WINDOW_BLOCKS - 1][1]
        if end_s <= began_s:
            continue
        blocks = float(_WINDOW_BLOCKS)
        for number, other in enumerate(spans[1:], start=1):
            while at[number] < len(other) and other[at[number]][1] <= began_s:
                at[number] += 1
            place = at[number]
            while place < len(other) and other[place][0] < end_s:
                start, stop = other[place]
                blocks += (min(stop, end_s) - max(start, began_s)) / max(stop - start, 1e-9)
                place += 1
        best = max(best, blocks / (end_s - began_s))
    return best
