"""The share of the memory's speed that one token after another reaches: both in turn, in one process.

    python -m tests.perf.memory_share FILE ... [--threads 2] [--rounds 20]

On a computer that others share, memory is twice as fast in one second as in the next, so a speed that was
measured before says little of a step. Each round reads memory for 0.2 s, takes some steps and reads again;
its share is that of the median step in the median speed of both. FILE is one of `model_steps`'s.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np

from app.bench.results.model_work import model_work
from app.engine.devices.native_log import NativeLog
from app.engine.llama.backend import Backend
from app.machine.memory_speed import BUFFER_BYTES, read_together, usual_window
from converters.gguf.gguf_reader import inspect
from models.system.child_process import computing_environment
from tests.support.contexts import load_model, make_context, timed

BLOCK_BYTES = 4 << 20
READ_S = 0.2
STEPS = 8
CONTEXT_TOKENS = 1024


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The measurement of one file, in a process of its own."""

    file: str
    threads: int
    rounds: int


def main() -> None:
    """Print a line for each file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(msgspec.json.decode(options.measure, type=Asked))
    for file in options.files:
        asked = Asked(file=str(file), threads=options.threads, rounds=options.rounds)
        # Its threads wait for each other as an engine's do.
        again = [sys.executable, "-m", "tests.perf.memory_share", "--measure"]
        subprocess.run(
            [*again, msgspec.json.encode(asked).decode()],
            env={**os.environ, **computing_environment()},
            check=True,
        )


def measure(asked: Asked) -> None:
    """Measure one file in this process and print its line."""
    work = model_work(inspect(Path(asked.file)), "f16")
    assert work is not None
    backend = Backend(NativeLog())
    model = load_model(backend, Path(asked.file))
    context = make_context(backend, model, CONTEXT_TOKENS, threads=asked.threads)
    context.warm_up(max(model.bos, 0))
    length = BUFFER_BYTES // asked.threads
    parts = [np.ones(length // 8, dtype=np.uint64) for _ in range(asked.threads)]
    views = [
        [part[at : at + BLOCK_BYTES // 8].max for at in range(0, len(part), BLOCK_BYTES // 8)]
        for part in parts
    ]

    def memory() -> float:
        return usual_window(read_together(views, READ_S)) * BLOCK_BYTES

    speeds, steps, shares = [], [], []
    for _ in range(asked.rounds):
        before = memory()
        step_s = statistics.median(timed(context, 1, 0, 1) for _ in range(STEPS))
        speed = (before + memory()) / 2
        speeds.append(speed)
        steps.append(step_s)
        shares.append(work.bytes_at(0) / step_s / speed)
    quarters = statistics.quantiles(shares, n=4)
    print(
        f"{Path(asked.file).stem}, {asked.threads} thread(s), n = {asked.rounds}, medians: "
        f"memory {statistics.median(speeds) / 1e9:.1f} GB/s, a step {1e3 * statistics.median(steps):.1f} ms, "
        f"{100 * statistics.median(shares):.0f}% of the memory's speed "
        f"(quartiles {100 * quarters[0]:.0f} and {100 * quarters[2]:.0f}%)",
        flush=True,
    )


if __name__ == "__main__":
    main()
