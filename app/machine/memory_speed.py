"""Measure how fast the processor reads memory, alone and with the computing of a reply: the bounds on the
tokens per second of a model in RAM."""

import logging
import statistics
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import psutil

from app.base.children import child_command
from app.base.one_shot_child import ask_child
from models.system.child_process import computing_environment

log = logging.getLogger(__name__)

BUFFER_BYTES = 384 << 20
"""More than the caches of today's desktop processors hold."""

MEASURED_S = 0.4
LONGEST_S = 60.0
"""For the child that measures, on a computer that is busy."""

_LEAST_PASSES = 3
_BLOCK_BYTES = 4 << 20
_WINDOW_BLOCKS = 4
QUIET_PERCENT = 10.0
"""Of all cores: the most that other programs may use while memory is measured, for the figure to count."""

_SMOOTH_BLOCKS = 24
"""So many blocks during which no thread waited for a processor tell the usual speed."""

_WAITED_SHARE, _WAITED_S = 0.05, 30e-6
"""A thread that had no processor for less than that in a block was not kept from it by another program."""

ORDINARY_BYTES_PER_S = 30e9
"""The RAM of an ordinary PC: the most that is believed of threads of which each ran alone."""


class Span(NamedTuple):
    """The times at which a block was begun and done, and how long its thread had a processor meanwhile."""

    began_s: float
    done_s: float
    processor_s: float

    @property
    def waited(self) -> bool:
        """Tell whether its thread was kept from its processor by another program."""
        took_s = self.done_s - self.began_s
        # Of both signs: Windows counts a thread's time in ticks that are longer than a block.
        return abs(took_s - self.processor_s) > _WAITED_SHARE * took_s + _WAITED_S


@dataclass(frozen=True, slots=True)
class SpeedReading:
    """Bytes of weights per second that were read, 0 where that could not be measured; `is_quiet` says that
    other programs left the processor alone meanwhile. Weights of 8 bits are a figure of their own, 0 where it
    was not measured."""

    bytes_per_s: float
    is_quiet: bool
    eight_bit_bytes_per_s: float = 0.0


def read_memory_speed(threads: int) -> SpeedReading:
    """Measure how fast a reply reads weights, by the steps of one, and how busy the computer is beside it.
    Blocks for about five seconds, on any thread; llama.cpp computes in a process of its own.

    Memory alone can be read at twice that speed: on two processors of an AMD EPYC at 35 or 67 GB/s, for
    seconds at a time; a reply of R1 Qwen 1.5B in Q4_K_M reads 27 or 31 there.
    """
    request = msgspec.json.encode(threads) + b"\n"
    environment = computing_environment()
    try:
        answer = ask_child(child_command("memory_speed"), request, limit_s=LONGEST_S, environment=environment)
        if answer.returncode:
            # Closing the program ends it, too.
            log.info(
                "the speed of the memory was not measured: code %d %s", answer.returncode, answer.last_words
            )
            return SpeedReading(0.0, is_quiet=False)
        return msgspec.json.decode(answer.data, type=SpeedReading)
    except (OSError, TimeoutError, msgspec.DecodeError) as error:
        log.warning("the speed of the memory was not measured: %s", error)
        return SpeedReading(0.0, is_quiet=False)


def room_for(size_bytes: int) -> int:
    """Return so many bytes or a quarter of the memory that is free; 0 where that is too little to tell."""
    size = min(size_bytes, psutil.virtual_memory().available // 4)
    return size if size >= size_bytes // 4 else 0


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

    length = room_for(size_bytes) // 8 // threads
    if length == 0:
        return 0.0
    parts = [np.ones(length, dtype=np.uint64) for _ in range(threads)]
    block = max(1, min(_BLOCK_BYTES // 8, length))
    # The last block is as long as the others: what is left over is not read.
    views = [[part[at : at + block] for at in range(0, length - block + 1, block)] for part in parts]
    spans = read_together([[view.max for view in each] for each in views], lasts_s)
    return fastest_window(spans) * block * 8


def read_together(
    parts: Sequence[Sequence[Callable[[], object]]], lasts_s: float = MEASURED_S
) -> list[list[Span]]:
    """Let a thread for each part read its blocks, again and again, and return the times of each block. They
    begin together."""
    together = threading.Barrier(len(parts))
    spans: list[list[Span]] = [[] for _ in parts]

    def read(blocks: Sequence[Callable[[], object]], mine: list[Span]) -> None:
        together.wait()
        # Timed by those who read: who waits for them may be woken when they are done.
        end_s = time.perf_counter() + lasts_s
        passes = 0
        while passes < _LEAST_PASSES or time.perf_counter() < end_s:
            for look in blocks:
                began_s, processor_s = time.perf_counter(), time.thread_time()
                look()
                processor_s = time.thread_time() - processor_s
                mine.append(Span(began_s, time.perf_counter(), processor_s))
            passes += 1

    workers = [
        threading.Thread(target=read, args=(blocks, mine), name="memory speed")
        for blocks, mine in zip(parts, spans, strict=True)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return spans


def fastest_window(spans: Sequence[Sequence[Span]]) -> float:
    """Return the most blocks per second that were read together, from when each block was begun and done."""
    return max(_window_rates(spans), default=0.0)


def usual_window(spans: Sequence[Sequence[Span]]) -> float:
    """Return the median of the blocks per second that were read together."""
    rates = list(_window_rates(spans))
    return statistics.median(rates) if rates else 0.0


def busy_blocks_per_s(spans: Sequence[Sequence[Span]], most_alone: float) -> float:
    """Return the blocks per second that were read beside other programs, about what they are without them.

    Those blocks tell that were read while none of the threads waited for a processor. Where other programs
    leave hardly any, each thread counts for as long as it had one, together up to `most_alone`: each may have
    had the memory for itself.
    """
    smooth = _smooth_rates(spans)
    if len(smooth) >= _SMOOTH_BLOCKS:
        return statistics.median(smooth)
    processor_s = [sum(span.processor_s for span in mine) for mine in spans]
    alone = sum(len(mine) / each_s for mine, each_s in zip(spans, processor_s, strict=True) if each_s > 0)
    return min(alone, most_alone) or fastest_window(spans)


def _smooth_rates(spans: Sequence[Sequence[Span]]) -> list[float]:
    """Give the blocks per second in each block of the first thread during which none of them waited."""
    first, *others = spans
    begins = [[span.began_s for span in other] for other in others]
    rates = []
    for span in first:
        took_s = span.done_s - span.began_s
        if span.waited or took_s <= 0:
            continue
        parts = [_smooth_part(span, other, at) for other, at in zip(others, begins, strict=True)]
        if all(parts):
            rates.append((1 + sum(parts)) / took_s)
    return rates


def _smooth_part(span: Span, other: Sequence[Span], begins: Sequence[float]) -> float:
    """Return the blocks that another thread read during `span`; 0 where it waited, or did not read all the
    time."""
    at = bisect_right(begins, span.began_s) - 1
    if at < 0 or other[-1].done_s < span.done_s:
        return 0.0
    blocks = 0.0
    for each in other[at:]:
        if each.began_s >= span.done_s:
            break
        if each.waited:
            return 0.0
        shared_s = min(each.done_s, span.done_s) - max(each.began_s, span.began_s)
        blocks += shared_s / max(each.done_s - each.began_s, 1e-9)
    return blocks


def _window_rates(spans: Sequence[Sequence[Span]]) -> Iterator[float]:
    """Give the blocks per second of each window.

    The windows are some blocks in a row of the first thread; of the other threads' blocks those parts count
    that lie within. What a thread waited is part of a block, so no window is faster than what was read.
    """
    first = spans[0]
    at = [0] * len(spans)
    for index in range(len(first) - _WINDOW_BLOCKS + 1):
        began_s, end_s = first[index].began_s, first[index + _WINDOW_BLOCKS - 1].done_s
        if end_s <= began_s:
            continue
        blocks = float(_WINDOW_BLOCKS)
        for number, other in enumerate(spans[1:], start=1):
            while at[number] < len(other) and other[at[number]].done_s <= began_s:
                at[number] += 1
            place = at[number]
            while place < len(other) and other[place].began_s < end_s:
                start, stop, _ = other[place]
                blocks += (min(stop, end_s) - max(start, began_s)) / max(stop - start, 1e-9)
                place += 1
        yield blocks / (end_s - began_s)
