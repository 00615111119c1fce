"""The benchmark's own promises: llama-bench's figures, equal runs, one thread less. Prints ratios and counts.

The machine must be quiet.

STILLROOM_BENCH_PAIRS=20 make perf
"""

import os
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.bench.compare import compare
from app.bench.history import BenchmarkHistory
from app.bench.report import Report
from app.bench.runner import BenchmarkRunner
from app.bench.suite import FIRST_TOKEN, Step, Suite
from app.children import child_command
from app.engine.client import EngineClient
from app.engine.messages import LoadSettings
from app.machine import look_at_machine, physical_cores
from app.telemetry.gpu_monitor import GpuMonitor
from tests.perf.build_llama_tools import llama_tool
from tests.perf.test_engine_speed import llama_bench, model_path

PAIRS = int(os.environ.get("STILLROOM_BENCH_PAIRS", "20"))
ROUNDS = int(os.environ.get("STILLROOM_PERF_ROUNDS", "7"))
THREADS = physical_cores()

PROMPT = Step(key="pp512", kind="prompt", tokens=512)
GENERATION = Step(key="tg128", kind="generation", tokens=128)
SAME = Suite(name="same", steps=(PROMPT, GENERATION))
RUN = Suite(name="run", steps=(PROMPT, GENERATION, FIRST_TOKEN))


class Bench:
    """Runs suites on one engine; each run loads the model anew."""

    def __init__(self, runner: BenchmarkRunner) -> None:
        self._runner = runner

    def __call__(self, suite: Suite, threads: int) -> Report:
        settings = LoadSettings(threads=threads, prompt_threads=threads, gpu_layers=0, context_tokens=1024)
        return self._runner.run(Path(model_path()), settings, suite, lambda told: None)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    history = BenchmarkHistory(tmp_path / "benchmarks.sqlite3")
    client = EngineClient(child_command("engine"))
    gpu = GpuMonitor()
    client.start()
    yield Bench(
        BenchmarkRunner(
            client, history, lambda: look_at_machine(tmp_path, ()), gpu, child_command("ceilings")
        )
    )
    client.close()
    gpu.close()
    history.close()


@pytest.mark.perf
@pytest.mark.timeout(3600)
def test_speeds_against_llama_bench(bench: Bench) -> None:
    tool = llama_tool("llama-bench")
    if tool is None:
        pytest.skip("no llama-bench: run `python -m tests.perf.build_llama_tools`")
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        theirs.append(llama_bench(tool, model_path(), THREADS))
        report = bench(SAME, THREADS)
        assert report.prompt is not None
        assert report.generation is not None
        ours.append((report.prompt.mean, report.generation.mean))
    print(f"\n{Path(model_path()).name}, {THREADS} thread(s), {ROUNDS} rounds, medians")
    for name, place in (("pp512", 0), ("tg128", 1)):
        mine, other = (statistics.median(row[place] for row in rows) for rows in (ours, theirs))
        print(f"  {name}: llama-bench {other:.1f}, benchmark {mine:.1f} tok/s ({mine / other:.3f})")


@pytest.mark.perf
@pytest.mark.timeout(7200)
def test_equal_runs_and_one_thread_less(bench: Bench) -> None:
    if THREADS < 2:
        pytest.skip("this machine has one core")
    bench(RUN, THREADS)
    different = slower = 0
    for number in range(PAIRS):
        first, second, fewer = bench(RUN, THREADS), bench(RUN, THREADS), bench(RUN, THREADS - 1)
        equal = compare(first, second)
        called = [change for change in equal.changes if change.verdict in ("better", "worse")]
        different += bool(called)
        less = compare(second, fewer)
        slower += less.outcome == "slower"
        changes = ", ".join(f"{change.key} {change.change_percent:+.1f}%" for change in equal.changes)
        print(f"\n  {number + 1}: {equal.outcome} ({changes}); one thread less: {less.outcome}", end="")
    print(f"\n{PAIRS} pairs: {different} equal ones called different, {slower} with one thread less slower")
