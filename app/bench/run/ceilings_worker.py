"""The child process that measures what this computer can do at most; see `app.bench.run.ceilings`."""

import os
import sys

import msgspec

from app.bench.run.ceilings import CeilingsRequest, MeasuredCeilings
from app.engine.devices.native_log import NativeLog
from app.engine.llama.backend import Backend
from app.engine.llama.matmul_speed import matmul_flop_per_s
from app.machine.memory_speed import measure_memory_speed
from models.system.child_process import die_with_parent


def main() -> int:
    """Read a `CeilingsRequest` from stdin, write `MeasuredCeilings` to stdout, both as JSON."""
    die_with_parent(os.getppid())
    request = msgspec.json.decode(sys.stdin.buffer.readline(), type=CeilingsRequest)
    ggml = Backend(NativeLog()).ggml
    measured = MeasuredCeilings(
        one_thread_bytes_per_s=measure_memory_speed(1),
        all_threads_bytes_per_s=measure_memory_speed(request.threads),
        working_set_bytes_per_s=measure_memory_speed(request.threads, request.working_set_bytes),
        flop_per_s=matmul_flop_per_s(ggml, request.type_number, request.threads, request.device_kind),
    )
    sys.stdout.buffer.write(msgspec.json.encode(measured) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
