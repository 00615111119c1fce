"""Measure how fast the processor reads memory: the bound on the tokens per second of a model in RAM."""

import threading
import time
from collections.abc import Callable

import psutil

BUFFER_BYTES = 384 << 20
"""More than the caches of today's desktop processors hold."""

_PASSES = 5
_LEAST_PASS_BYTES = 64 << 20


def measure_memory_speed(threads: int, size_bytes: int = BUFFER_BYTES) -> float:
    """Bytes per second that `threads` read together from `size_bytes` of memory, again and again; takes about
    half a second, on any thread.

    Each looks for the largest number in its own part of a buffer, which costs next to no computing. The
    fastest pass counts: other programs can only make it slower. On a busy computer it is too low, and with
    very large caches a little too high. 0 where there is no memory to spare for it.
    """
    import numpy as np  # slow to load, and measured once

    size = min(size_bytes, psutil.virtual_memory().available // 4)
    length = size // 8 // threads
    if size < size_bytes // 4 or length == 0:
        return 0.0
    # A small buffer is read several times in one pass, which is else over before all threads run.
    rounds = -(-_LEAST_PASS_BYTES // size)
    parts = [np.ones(length, dtype=np.uint64) for _ in range(threads)]
    together = threading.Barrier(threads)
    spans_s: list[list[tuple[float, float]]] = [[] for _ in range(_PASSES)]

    def read(largest: Callable[[], object]) -> None:
        # Timed by those who read: who waits for them may be woken when they are done.
        for spans in spans_s:
            together.wait()
            began_s = time.perf_counter()
            for _ in range(rounds):
                largest()
            spans.append((began_s, time.perf_counter()))

    workers = [threading.Thread(target=read, args=(part.max,), name="memory speed") for part in parts]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    fastest_s = min(max(end for _, end in spans) - min(began for began, _ in spans) for spans in spans_s)
    return rounds * length * 8 * threads / fastest_s
