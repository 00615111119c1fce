"""The child process that measures how fast replies read weights here; see `app.machine.memory_speed`."""

import os
import sys

import msgspec

from app.base.parent_death import leave_no_core_dump
from app.engine.devices.native_log import NativeLog
from app.engine.llama.backend import Backend
from app.engine.llama.errors import NativeError
from app.engine.llama.weight_products import weight_products
from app.machine.memory_speed import (
    BUFFER_BYTES,
    ORDINARY_BYTES_PER_S,
    QUIET_PERCENT,
    SpeedReading,
    busy_blocks_per_s,
    read_together,
    room_for,
    usual_window,
)
from app.machine.sample_reply import reply_bytes_per_s, sample_bytes
from app.telemetry.host import CpuClock, HostReader
from models.system.child_process import die_with_parent

TYPES = ("Q4_K_M", "Q8_0")
"""The types by which the speed is measured: most models are run in the first. Weights of 8 bits are unpacked
with fewer instructions, and are read up to a third faster where memory is not what is slow."""

REPLY_SHARE = 0.8
"""The part of what the products alone read that a reply reads, which also attends, draws tokens and waits for
its threads after each product. On two processors of an AMD EPYC 0.61 to 0.72 with R1 Qwen 1.5B and 7B in
Q4_K_M, 0.84 with 1.5B in Q8_0; on two of a Xeon 1.0 and 1.1."""


def main() -> int:
    """Read the number of threads from stdin, write a `SpeedReading` to stdout, both as JSON."""
    parent = os.getppid()
    die_with_parent(parent)
    leave_no_core_dump()
    threads = msgspec.json.decode(sys.stdin.buffer.readline(), type=int)
    reading = read_weights(threads, parent)
    sys.stdout.buffer.write(msgspec.json.encode(reading) + b"\n")
    return 0


def read_weights(threads: int, parent: int) -> SpeedReading:
    """Measure by the products of a reply for half a second, and on a quiet computer by its steps, too.

    Other programs are all but this process and its parent. Beside them steps say nothing, as llama.cpp's
    threads wait for each other after each product: then about what the products read without them counts.
    """
    size = room_for(BUFFER_BYTES)
    if not size:
        return SpeedReading(0.0, is_quiet=False)
    backend = Backend(NativeLog(), wakes=False)
    host = HostReader(lambda: (parent,))
    with weight_products(backend.ggml, threads, size) as products:
        if not products:
            return SpeedReading(0.0, is_quiet=False)
        before = host.cpu_clock()
        spans = read_together([each.compute for each in products])
        is_quiet = _is_quiet(host, before)
        counted_bytes = REPLY_SHARE * products[0].matrix_bytes
    if not is_quiet:
        most_alone = ORDINARY_BYTES_PER_S / counted_bytes
        return SpeedReading(counted_bytes * busy_blocks_per_s(spans, most_alone), is_quiet=False)
    by_products = counted_bytes * usual_window(spans)
    if room_for(sample_bytes(TYPES)) < sample_bytes(TYPES):
        return SpeedReading(by_products, is_quiet=True)
    before = host.cpu_clock()
    try:
        usual, eight_bit = reply_bytes_per_s(backend, threads, TYPES)
    except (OSError, NativeError) as error:
        sys.stderr.write(f"no sample of a reply could be made: {error}\n")
        return SpeedReading(by_products, is_quiet=True)
    if not _is_quiet(host, before):
        return SpeedReading(by_products, is_quiet=False)
    return SpeedReading(usual, is_quiet=True, eight_bit_bytes_per_s=eight_bit)


def _is_quiet(host: HostReader, before: CpuClock) -> bool:
    """Tell whether other programs, those of other computers of a host too, have left the processors alone."""
    machine_percent, own_percent = host.cpu_clock().percent_since(before)
    return machine_percent - own_percent <= QUIET_PERCENT


if __name__ == "__main__":
    sys.exit(main())
