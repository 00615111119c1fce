"""A benchmark of a small model as a process of its own, to be killed.

`python -m tests.support.bench_child FOLDER` prints a line for each turn that begins, and ends with 0 once the
run is in the history.
"""

import sys
from pathlib import Path

from app.base.children import child_command
from app.bench.results.history import BenchmarkHistory
from app.bench.run.run_progress import BenchmarkProgress
from app.bench.run.runner import BenchmarkRunner
from app.bench.run.suite import LOAD, Step, Suite
from app.engine.client.client import EngineClient
from app.engine.protocol import LoadSettings
from app.machine.hardware import look_at_machine
from app.telemetry.nvml_monitor import GpuMonitor
from tests.support.starter_variants import shallow_path

HISTORY = "benchmarks.sqlite3"

SUITE = Suite(
    name="kills",
    steps=(
        LOAD,
        Step(key="pp32", kind="prompt", tokens=32),
        Step(key="tg8", kind="generation", tokens=8),
        Step(key="reply8", kind="reply", tokens=8, warm_ups=0),
        Step(key="tg8@32", kind="generation", tokens=8, depth=32, warm_ups=0),
        Step(key="tg4x2", kind="streams", tokens=4, streams=2),
    ),
)


def main() -> int:
    """Run, or go on with, the benchmark."""
    folder = Path(sys.argv[1])
    history = BenchmarkHistory(folder / HISTORY)
    client = EngineClient(child_command("engine"))
    gpu = GpuMonitor()

    last = ""

    def tell(progress: BenchmarkProgress) -> None:
        nonlocal last
        line = f"{progress.key or progress.stage} {progress.repeat}"
        if line != last:
            last = line
            print(line, flush=True)

    client.start()
    try:
        runner = BenchmarkRunner(
            client, history, lambda: look_at_machine(folder, ()), gpu, child_command("ceilings")
        )
        runner.run(Path(shallow_path()), LoadSettings(context_tokens=1024, threads=1), SUITE, tell)
    finally:
        client.close()
        gpu.close()
        history.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
