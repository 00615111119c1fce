"""The child process that measures how fast replies read weights here; see `app.machine.memory_speed`."""

import os
import sys

import msgspec

from app.base.parent_death import leave_no_core_dump
from app.engine.devices.native_log import NativeLog
from app.engine.llama.backend import Backend
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
from app.telemetry.host import HostReader
from models.system.child_process import die_with_parent

REPLY_SHARE = 0.8
"""The part of what the products alone read that a reply reads, which also attends, draws tokens and waits for
its threads after each product. On two processors of an AMD EPYC 0.61 to 0.72 with R1 Qwen 1.5B and 7B in
Q4_K_M, 0.84 with 1.5B in Q8_0; nearer to 1 where the memory is slow for its processor."""


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
    """Compute for half a second, and see how busy the computer is beside this process and its parent.

    The usual speed counts, because a reply takes long: on a quiet computer as it was, beside other programs,
    which are not there for ever, about as it is without them.
    """
    size = room_for(BUFFER_BYTES)
    if not size:
        return SpeedReading(0.0, is_quiet=False)
    ggml = Backend(NativeLog(), wakes=False).ggml
    host = HostReader(lambda: (parent,))
    with weight_products(ggml, threads, size) as products:
        if not products:
            return SpeedReading(0.0, is_quiet=False)
        before = host.cpu_clock()
        spans = read_together([each.compute for each in products])
        machine_percent, own_percent = host.cpu_clock().percent_since(before)
    is_quiet = machine_percent - own_percent <= QUIET_PERCENT
    counted_bytes = REPLY_SHARE * products[0].matrix_bytes
    most_alone = ORDINARY_BYTES_PER_S / counted_bytes
    matrices_per_s = usual_window(spans) if is_quiet else busy_blocks_per_s(spans, most_alone)
    return SpeedReading(counted_bytes * matrices_per_s, is_quiet)


if __name__ == "__main__":
    sys.exit(main())
