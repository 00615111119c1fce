"""The benchmark's own promises: llama-bench's figures, an outside client's time to the first token, equal
runs, one thread less. Prints ratios and counts; never fails on a clock.

The machine must be quiet. 15 to 20 minutes with the starter model on two cores, most of them the pairs:

    python -m tests.perf.build_llama_tools llama-bench
    python -m tests.perf.bench_figures

`STILLROOM_PERF_ROUNDS` (5) and `STILLROOM_BENCH_PAIRS` (20) make it shorter. `STILLROOM_PERF_THREADS` are all
cores unless given; with one fewer than the machine has, figures scatter less.
"""

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import llama_cpp

from app.base.children import child_command
from app.bench.results.history import BenchmarkHistory
from app.bench.results.report import Measure, Report
from app.bench.results.run_difference import compare, noise_between
from app.bench.run.runner import BenchmarkRunner
from app.bench.run.suite import FIRST_TOKEN, Step, Suite, first_token_prompt
from app.engine.client.client import EngineClient
from app.engine.protocol import LoadSettings
from app.machine.hardware import look_at_machine
from app.telemetry.nvml_monitor import GpuMonitor
from models.system.child_process import computing_environment
from models.system.cores import physical_cores
from tests.perf.build_llama_tools import needed_tool
from tests.perf.engine_speed import as_planned, model_path
from tests.support.cli import Cli

PAIRS = int(os.environ.get("STILLROOM_BENCH_PAIRS", "20"))
ROUNDS = int(os.environ.get("STILLROOM_PERF_ROUNDS", "5"))
THREADS = int(os.environ.get("STILLROOM_PERF_THREADS", physical_cores()))
CONTEXT_TOKENS = 1024

PROMPT = Step(key="pp512", kind="prompt", tokens=512)
GENERATION = Step(key="tg128", kind="generation", tokens=128)
SAME = Suite(name="same", steps=(PROMPT, GENERATION))
RUN = Suite(name="run", steps=(PROMPT, GENERATION, FIRST_TOKEN))
FIRST = Suite(name="first", steps=(FIRST_TOKEN,))
FIRST_WORDS = (
    "One This That Each Some Any Our Your His Her My Their Its The No Every Another What Such Like With "
    "Near From For In On By At And But Or So If When Where Then Now Once Here There"
)
"""In place of the text's own, each once: with another beginning nothing of it is in the server's cache."""


class Bench:
    """Runs suites on one engine; each run loads the model anew."""

    def __init__(self, runner: BenchmarkRunner, engine: EngineClient, history: BenchmarkHistory) -> None:
        self._runner = runner
        self._engine = engine
        self._history = history

    def __call__(self, suite: Suite, threads: int = THREADS) -> Report:
        settings = LoadSettings(
            threads=threads, prompt_threads=threads, gpu_layers=0, context_tokens=CONTEXT_TOKENS
        )
        return self._runner.run(Path(model_path()), settings, suite, lambda told: None)

    def plan(self) -> LoadSettings:
        """Return what the last run's load came to."""
        assert self._engine.state.model is not None
        return self._engine.state.model.plan

    def noise(self) -> float:
        """The deviation between equal runs that a comparison in the window would take now."""
        return noise_between(self._history.reports())


@contextmanager
def bench_in(folder: Path) -> Iterator[Bench]:
    history = BenchmarkHistory(folder / "benchmarks.sqlite3")
    client = EngineClient(child_command("engine"))
    gpu = GpuMonitor()
    client.start()
    runner = BenchmarkRunner(
        client, history, lambda: look_at_machine(folder, ()), gpu, child_command("ceilings")
    )
    yield Bench(runner, client, history)
    client.close()
    gpu.close()
    history.close()


def llama_bench(tool: Path, plan: LoadSettings) -> dict[str, list[float]]:
    """The same sizes, repeats and settings, each after llama-bench's own warm-up, in the environment of the
    engine's process and on the llama.cpp that it runs, which is faster than as it comes."""
    command = [
        str(tool), "-m", model_path(), "-p", str(PROMPT.tokens), "-n", str(GENERATION.tokens),
        "-r", str(SAME.repeats), "-t", str(THREADS), "-ngl", "0", "-b", "512", "-ub", "512",
        *as_planned(plan), "-o", "json",
    ]  # fmt: skip
    libraries = Path(llama_cpp.__file__).parent / "lib"
    environment = computing_environment() | {"LD_LIBRARY_PATH": str(libraries)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    prompt, generation = json.loads(done.stdout)
    assert (prompt["n_prompt"], generation["n_gen"]) == (PROMPT.tokens, GENERATION.tokens)
    return {PROMPT.key: prompt["samples_ts"], GENERATION.key: generation["samples_ts"]}


def scatter_percent(values: Sequence[float]) -> float:
    """The deviation in per cent of the mean."""
    return 100 * statistics.stdev(values) / statistics.mean(values)


def measure(report: Report, key: str) -> Measure:
    found = report.measure(key)
    assert found is not None
    return found


def speeds_against_llama_bench(bench: Bench) -> None:
    tool = needed_tool("llama-bench")
    ours: dict[str, list[float]] = {PROMPT.key: [], GENERATION.key: []}
    theirs: dict[str, list[float]] = {PROMPT.key: [], GENERATION.key: []}
    bench(SAME)
    plan = bench.plan()
    for number in range(ROUNDS):
        for mine in (True, False) if number % 2 else (False, True):
            if mine:
                report = bench(SAME)
                for key, values in ours.items():
                    values += measure(report, key).values
            else:
                for key, values in llama_bench(tool, plan).items():
                    theirs[key] += values
    print(
        f"\n{Path(model_path()).name}, {THREADS} thread(s), {' '.join(as_planned(plan))}, "
        f"{ROUNDS} rounds of {SAME.repeats} repeats, in turn, medians"
    )
    for key in ours:
        mine_s, other_s = statistics.median(ours[key]), statistics.median(theirs[key])
        print(
            f"  {key}: llama-bench {other_s:.1f} tok/s (± {scatter_percent(theirs[key]):.1f}%), benchmark "
            f"{mine_s:.1f} (± {scatter_percent(ours[key]):.1f}%), ratio {mine_s / other_s:.3f}"
        )


def seen_ttft_s(http: httpx.Client, word: str) -> float:
    """From the request to the first text of a streamed completion, as any HTTP client sees it."""
    text = first_token_prompt()
    body = {
        "prompt": f"{word} {text.partition(' ')[2]}", "max_tokens": 8, "temperature": 0.0, "stream": True,
        "stream_options": {"include_usage": True},
    }  # fmt: skip
    began_s, first_s, cached = time.perf_counter(), 0.0, 0
    with http.stream("POST", "/v1/completions", json=body) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines():
            if not line.startswith("data: {"):
                continue
            chunk = json.loads(line.removeprefix("data: "))
            if not first_s and chunk["choices"] and chunk["choices"][0]["text"]:
                first_s = time.perf_counter() - began_s
            if chunk.get("usage"):
                cached = chunk["usage"]["prompt_tokens_details"]["cached_tokens"]
    assert cached <= 2, "the prompt was in the cache"
    return first_s


def time_to_first_token_against_an_outside_client(bench: Bench, folder: Path) -> None:
    home = folder / "home"
    home.mkdir()
    command = [
        "serve", model_path(), "--port", "0", "--context", str(CONTEXT_TOKENS), "--parallel", "1",
        "--threads", str(THREADS), "--gpu-layers", "0", "--json",
    ]  # fmt: skip
    ours: list[float] = []
    theirs: list[float] = []
    with Cli(home).start(*command) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        headers = {"Authorization": f"Bearer {told['key']}"}
        try:
            with httpx.Client(base_url=told["url"], headers=headers, timeout=600) as http:
                words = iter(FIRST_WORDS.split())
                seen_ttft_s(http, next(words))
                for _ in range(min(2 * ROUNDS, 12)):
                    ours += measure(bench(FIRST), FIRST_TOKEN.key).values
                    theirs += [seen_ttft_s(http, next(words)) for _ in range(FIRST.repeats)]
        finally:
            process.terminate()
            process.communicate()
    mine, other = statistics.median(ours), statistics.median(theirs)
    print(
        f"\n{Path(model_path()).name}, {THREADS} thread(s), {len(ours)} repeats of each in turn, medians\n"
        f"  time to first token: client {1000 * other:.0f} ms (± {scatter_percent(theirs):.1f}%), benchmark "
        f"{1000 * mine:.0f} ms (± {scatter_percent(ours):.1f}%), ratio {mine / other:.3f}"
    )


def equal_runs_and_one_thread_less(bench: Bench) -> None:
    if THREADS < 2:
        print("This machine has one core: no runs with one thread less.")
        return
    bench(RUN)
    different = slower = 0
    for number in range(PAIRS):
        first, second, fewer = bench(RUN), bench(RUN), bench(SAME, THREADS - 1)
        noise = bench.noise()
        equal = compare(first, second, noise)
        called = [change for change in equal.changes if change.verdict in ("better", "worse")]
        different += bool(called)
        less = compare(second, fewer, noise)
        slower += less.outcome == "slower"
        changes = ", ".join(f"{change.key} {change.change_percent:+.1f}%" for change in equal.changes)
        print(
            f"\n  {number + 1}: {equal.outcome} ({changes}; noise {100 * noise:.1f}%); one thread less: "
            f"{less.outcome}",
            end="",
        )
    print(f"\n{PAIRS} pairs: {different} equal ones called different, {slower} with one thread less slower")


def main() -> None:
    """Measure and print; each part with a history of its own."""
    with tempfile.TemporaryDirectory() as folder, bench_in(Path(folder)) as bench:
        speeds_against_llama_bench(bench)
    with tempfile.TemporaryDirectory() as folder, bench_in(Path(folder)) as bench:
        time_to_first_token_against_an_outside_client(bench, Path(folder))
    with tempfile.TemporaryDirectory() as folder, bench_in(Path(folder)) as bench:
        equal_runs_and_one_thread_less(bench)


if __name__ == "__main__":
    main()
