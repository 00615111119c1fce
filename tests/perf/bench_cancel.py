"""The time that cancelling a benchmark takes, in each of its stages, with the real engine.

python -m tests.perf.bench_cancel
"""

import random
import tempfile
import threading
import time
from pathlib import Path

from app.base.children import child_command
from app.base.errors import Cancelled
from app.bench.results.history import BenchmarkHistory
from app.bench.run.run_progress import BenchmarkProgress
from app.bench.run.runner import BenchmarkRunner
from app.bench.run.suite import FIRST_TOKEN, LOAD, REPLY, Step, Suite
from app.engine.client.client import EngineClient
from app.engine.protocol import LoadSettings
from app.machine.hardware import look_at_machine
from app.telemetry.nvml_monitor import GpuMonitor
from tests.support.engines import starter_path

ROUNDS = 3
LONGEST_WAIT_S = 0.4

SUITE = Suite(
    name="cancelled",
    steps=(
        LOAD,
        Step(key="pp1024", kind="prompt", tokens=1024),
        Step(key="tg64@1024", kind="generation", tokens=64, depth=1024),
        FIRST_TOKEN,
        REPLY,
        Step(key="tg64x8", kind="streams", tokens=64, streams=8),
    ),
    repeats=1,
    ceilings=True,
)
STAGES = ("load", "prompt", "generation", "first_token", "reply", "streams", "ceilings")


def cancelled_after_s(runner: BenchmarkRunner, stage: str, wait_s: float) -> float:
    """Cancel so long after the stage has begun; how long the run took to end."""
    cancel, begun = threading.Event(), threading.Event()
    ended_s: list[float] = []

    def note(progress: BenchmarkProgress) -> None:
        if progress.stage == stage:
            begun.set()

    def run() -> None:
        try:
            runner.run(
                Path(starter_path()), LoadSettings(threads=1, context_tokens=2048), SUITE, note, cancel
            )
        except Cancelled:
            ended_s.append(time.monotonic())

    worker = threading.Thread(target=run)
    worker.start()
    assert begun.wait(300)
    worker.join(wait_s)
    began_s = time.monotonic()
    cancel.set()
    worker.join()
    assert ended_s, "the run ended before it was cancelled"
    return ended_s[0] - began_s


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        cancel_in_each_stage(Path(folder))


def cancel_in_each_stage(folder: Path) -> None:
    history = BenchmarkHistory(folder / "benchmarks.sqlite3")
    engine = EngineClient(child_command("engine"))
    gpu = GpuMonitor()
    engine.start()
    runner = BenchmarkRunner(
        engine, history, lambda: look_at_machine(folder, ()), gpu, child_command("ceilings")
    )
    draw = random.Random(6)
    try:
        for stage in STAGES:
            seconds = []
            for _ in range(ROUNDS):
                runner.discard_unfinished(Path(starter_path()), SUITE)
                # A load lasts some tenths of a second.
                longest_s = 0.05 if stage == "load" else LONGEST_WAIT_S
                seconds.append(cancelled_after_s(runner, stage, draw.uniform(0.0, longest_s)))
            print(f"\n{stage}: worst of {ROUNDS} {1000 * max(seconds):.0f} ms", end="")
        print()
    finally:
        engine.close()
        gpu.close()
        history.close()


if __name__ == "__main__":
    main()
