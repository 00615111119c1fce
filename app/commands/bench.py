"""`stillroom bench`: measure a model, and keep the report."""

import argparse
import threading
import time

from app.bench.progress import BenchmarkProgress
from app.bench.report import Report
from app.bench.suite import SUITES, suite_named
from app.children import child_command
from app.commands import bench_quality
from app.commands.console import REDRAW_S, Console, time_text
from app.commands.core import Core
from app.commands.installed import installed_model
from app.machine import Machine, look_at_machine
from app.telemetry.gpu_monitor import GpuMonitor

NAME = "bench"
SUMMARY = "measure a model: speeds, time to the first token, memory"
EXAMPLE = "stillroom bench starter --suite quick"

_STAGES = {
    "identify": "Reading the file",
    "load": "Loading",
    "prompt": "Prompt speed",
    "generation": "Generation speed",
    "first_token": "Time to first token",
    "streams": "Several replies at once",
    "ceilings": "Measuring memory and processor",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, --suite."""
    parser.add_argument(
        "model", metavar="MODEL", help="a model on disk (see `stillroom list`), name/TYPE, or a .gguf file"
    )
    parser.add_argument(
        "--suite",
        choices=(*SUITES, bench_quality.SUITE),
        default="speed",
        help="what to measure (default: %(default)s)",
    )
    bench_quality.add_arguments(parser)


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Measure; the report also goes into the history that the window shows."""
    if options.suite == bench_quality.SUITE:
        bench_quality.run(options, core, console, cancel)
        return
    from app.bench.report_words import format_measure, label_of
    from app.bench.runner import BenchmarkRunner

    model = installed_model(core.store, options.model)
    suite = suite_named(options.suite)
    gpu = GpuMonitor()

    def look() -> Machine:
        return look_at_machine(core.paths.models, ())

    try:
        with core.engine() as engine, core.benchmarks() as history:
            runner = BenchmarkRunner(engine, history, look, gpu, child_command("ceilings"))
            report: Report = runner.run(
                model.path, core.settings.values.load, suite, _BenchmarkLine(console), cancel, name=model.name
            )
    finally:
        gpu.close()
        console.clear()
    console.document(report)
    console.say(f"{report.model.name}, {report.model.quantisation}, on {report.engine.backend}:")
    for measure in report.measures:
        console.say(f"  {label_of(measure.key)}: {format_measure(measure)}")


class _BenchmarkLine:
    """One redrawn line on a terminal; nothing elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._drawn_s = 0.0

    def __call__(self, progress: BenchmarkProgress) -> None:
        now_s = time.monotonic()
        if now_s - self._drawn_s < REDRAW_S:
            return
        self._drawn_s = now_s
        turn = "warm-up" if progress.repeat == 0 else f"{progress.repeat} of {progress.repeats}"
        fields = [f"{100 * progress.fraction:3.0f}%", _STAGES[progress.stage]]
        if progress.stage not in ("identify", "ceilings"):
            fields.append(turn)
        if progress.remaining_s is not None:
            fields.append(f"{time_text(progress.remaining_s)} left")
        self._console.status("  ".join(fields))
