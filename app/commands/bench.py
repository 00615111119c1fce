"""`stillroom bench`: measure a model, and keep the report."""

import argparse
import threading
import time
from pathlib import Path

from app.base.children import child_command
from app.base.errors import StillroomError
from app.bench.results.report import Report
from app.bench.run.run_progress import BenchmarkProgress, OnBenchmarkProgress
from app.bench.run.suite import SUITES, suite_named
from app.commands import bench_drift, bench_quality, bench_remote
from app.commands.terminal.command_core import Core, looked_after
from app.commands.terminal.console import REDRAW_S, Console, WrongUse, time_text
from app.commands.terminal.installed import installed_model
from app.machine.hardware import Machine, look_at_machine
from app.remote.remote_reference import elsewhere_model
from app.telemetry.nvml_monitor import GpuMonitor
from models.system.shown_text import MOST_OF_A_VALUE, shown

NAME = "bench"
SUMMARY = "measure a model: speeds, latency, memory, energy, and how near the limits they are"
EXAMPLE = "stillroom bench starter --suite quick"

_STAGES = {
    "identify": "Reading the file",
    "load": "Loading",
    "prompt": "Prompt speed",
    "generation": "Generation speed",
    "reply": "A reply",
    "first_token": "Time to first token",
    "streams": "Several replies at once",
    "ceilings": "Measuring memory and processor",
}


IMPORT = "import"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL or import FILE, --suite, --save, --against, --anew, and the options of the suite quality."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a model on disk (see `stillroom list`), name/TYPE, a .gguf file, or SERVER/NAME of a server "
        "elsewhere; or the word import, to take up the runs in FILE",
    )
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        type=Path,
        help="with import: the output of `llama-bench -o json`, or a report saved as JSON",
    )
    parser.add_argument(
        "--suite",
        choices=(*SUITES, bench_quality.SUITE, bench_drift.SUITE),
        default="speed",
        help="what to measure (default: %(default)s)",
    )
    parser.add_argument(
        "--save",
        metavar="REPORT",
        type=Path,
        action="append",
        default=[],
        help="also write the report to a file ending in .html, .md, .json or .png (a card); may be "
        "given again",
    )
    parser.add_argument(
        "--against",
        metavar="MODEL",
        action="append",
        default=[],
        help="set the run beside the newest one of another model or type; may be given again, the first is "
        "what the others are compared with",
    )
    parser.add_argument(
        "--save-comparison",
        metavar="REPORT",
        type=Path,
        action="append",
        default=[],
        help="with --against: write the runs side by side to a file ending in .html, .md or .json",
    )
    parser.add_argument(
        "--anew", action="store_true", help="begin again instead of going on with a run that was ended"
    )
    bench_quality.add_arguments(parser)


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Measure; the report also goes into the history that the window shows."""
    if options.model == IMPORT:
        _import(options.file, core, console)
        return
    if options.file is not None:
        raise WrongUse("A file is only given to take up its runs.", "stillroom bench import FILE")
    from app.bench.export.save import ENDINGS, PICTURE

    for path in options.save:
        if path.suffix.lower() not in (*ENDINGS, PICTURE):
            raise WrongUse("A report's name ends in .html, .md, .json or .png.", "Choose another name.")
    for path in options.save_comparison:
        if path.suffix.lower() not in ENDINGS:
            raise WrongUse("A comparison's name ends in .html, .md or .json.", "Choose another name.")
    if options.save_comparison and not options.against:
        raise WrongUse("There is nothing to compare with.", "Name a model with --against.")
    if options.suite == bench_quality.SUITE:
        bench_quality.run(options, core, console, cancel)
        return
    if options.suite == bench_drift.SUITE:
        if options.against or options.save:
            raise WrongUse(
                "A drift check is compared with the file's own answers, and has no report to save.",
                "Leave --against and --save out; --json prints what was found.",
            )
        bench_drift.run(options, core, console, cancel)
        return
    others = _newest_runs(options.against, options.suite, core, console)
    line = _BenchmarkLine(console)
    elsewhere = elsewhere_model(core.settings.values.elsewhere, options.model)
    if elsewhere is not None:
        suite = suite_named(options.suite)
        report, earlier = bench_remote.run_elsewhere(elsewhere, suite, core, console, line, cancel)
    else:
        report, earlier = _measure(options, core, console, line, cancel)
    _tell(report, earlier, others, options, console)


def _newest_runs(models: list[str], suite: str, core: Core, console: Console) -> list[Report]:
    """The newest run of that suite of each of these models' files."""
    if not models:
        return []
    with core.benchmarks() as history, looked_after(console, history):
        runs = history.reports()
    found = []
    for text in models:
        model = installed_model(core.store, text)
        newest = next((run for run in runs if run.model.file == model.path.name and run.suite == suite), None)
        if newest is None:
            raise StillroomError(
                "There is no run of {model} to compare with.",
                "Run it first: stillroom bench {text} --suite {suite}",
                model=model.name,
                text=text,
                suite=suite,
            )
        found.append(newest)
    return found


def _measure(
    options: argparse.Namespace,
    core: Core,
    console: Console,
    on_progress: OnBenchmarkProgress,
    cancel: threading.Event,
) -> tuple[Report, list[Report]]:
    """The run of a model on this computer, and those before it."""
    from app.bench.drift.store import DriftStore
    from app.bench.export.report_sections import FurtherSections
    from app.bench.quality.store import QualityStore
    from app.bench.run.runner import BenchmarkRunner

    model = installed_model(core.store, options.model)
    suite = suite_named(options.suite)
    load = core.load_choices().of(model.path).load
    gpu = GpuMonitor()
    kept = QualityStore(core.paths.quality), DriftStore(core.paths.drift)

    def look() -> Machine:
        return look_at_machine(core.store.root, ())

    try:
        with (
            core.benchmarks() as history,
            looked_after(console, history, *kept),
            core.engine() as engine,
        ):
            sections = FurtherSections(*kept)
            runner = BenchmarkRunner(engine, history, look, gpu, child_command("ceilings"), sections)
            unfinished = None if options.anew else runner.unfinished(model.path, suite, load)
            if options.anew:
                runner.discard_unfinished(model.path, suite)
            elif unfinished is not None and unfinished.done:
                console.note(f"An earlier run was ended: {unfinished.done} results of it can be used.")
            earlier = history.reports()
            report = runner.run(model.path, load, suite, on_progress, cancel, name=model.name)
            return report, earlier
    finally:
        for store in kept:
            store.close()
        gpu.close()
        console.clear()


def _tell(
    report: Report, earlier: list[Report], others: list[Report], options: argparse.Namespace, console: Console
) -> None:
    from app.bench.export.save import comparison_forms, save, speed_forms
    from app.bench.report.report_words import (
        MARKS,
        OUTCOMES,
        STATISTICS,
        format_measure,
        label_of,
        limit_text,
        model_title,
    )
    from app.bench.report.side_by_side import side_by_side_lines
    from app.bench.report.speed_comparison import speed_comparison, speed_side_by_side
    from app.bench.results.run_difference import compare, compare_all, is_same_subject, noise_between

    for path in options.save:
        save(speed_forms(report), path)
    noise = noise_between([report, *earlier])
    pairs = compare_all([*others, report], noise) if others else []
    for path in options.save_comparison:
        save(comparison_forms(speed_side_by_side(pairs), speed_comparison(pairs)), path)
    console.document({"report": report, "comparison": speed_comparison(pairs)} if pairs else report)
    where = f", {report.source}" if report.is_elsewhere else ""
    console.say(f"{shown(model_title(report.model))} on {report.engine.backend}{where}:")
    for measure in report.measures:
        limit = report.limit(measure.key)
        words = f"{label_of(measure.key)}: {format_measure(measure)}, n = {len(measure.samples)}"
        console.say(f"  {words}{'' if limit is None else f' ({limit_text(limit)})'}")
    for item in report.not_measured:
        console.say(f"  {label_of(item.key)}: not measured. {item}")
    console.say(STATISTICS)
    for mark in report.marks:
        console.say(MARKS[mark])
    if pairs:
        for line in side_by_side_lines(speed_side_by_side(pairs)):
            console.say(line)
        return
    same = (run for run in earlier if run.suite == report.suite and is_same_subject(run, report))
    before = next(same, None)
    if before is not None:
        console.say(
            f"Against the run of {before.started_at}: {OUTCOMES[compare(before, report, noise).outcome]}."
        )


def _import(file: Path | None, core: Core, console: Console) -> None:
    from app.bench.export.import_runs import imported_reports, read_runs
    from app.bench.report.report_words import format_measure, label_of

    if file is None:
        raise WrongUse("There is no file to import.", "stillroom bench import FILE")
    reports = imported_reports(read_runs(file))
    with core.benchmarks() as history, looked_after(console, history):
        reports = history.take_in(reports)
    console.document({"imported": reports})
    for report in reports:
        run = f"{report.model.name}, {report.model.quantisation}, {report.started_at}"
        console.say(f"{shown(run, MOST_OF_A_VALUE)}:")
        for measure in report.measures:
            console.say(f"  {label_of(measure.key)}: {format_measure(measure)}, n = {len(measure.samples)}")


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
