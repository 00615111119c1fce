"""`stillroom bench MODEL --suite quality`: how good a model's answers are."""

import argparse
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.base.children import child_command
from app.base.errors import StillroomError
from app.bench.quality.asking import QualityEngine
from app.bench.quality.progress import QualityProgress
from app.bench.quality.result import QualityRun
from app.bench.quality.store import QualityStore
from app.commands.terminal.command_core import Core, looked_after
from app.commands.terminal.console import REDRAW_S, Console, WrongUse, time_text
from app.commands.terminal.installed import installed_model
from app.engine.protocol import ModelInfo
from app.machine.hardware import Machine, look_at_machine
from app.remote.remote_reference import elsewhere_model
from app.telemetry.nvml_monitor import GpuMonitor
from models.system.progress import JobContext

SUITE = "quality"
LARGEST_TOKENS = 32_768
"""The limit on a reply's tokens in the authors' own evaluation."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--items, --kind, --seed, --max-tokens."""
    group = parser.add_argument_group("with --suite quality")
    group.add_argument("--items", type=int, default=0, metavar="N", help="at most N questions of each kind")
    group.add_argument(
        "--kind", action="append", metavar="KIND", help="only this kind of question; may be repeated"
    )
    group.add_argument(
        "--data",
        action="append",
        default=[],
        choices=("math-500", "wikitext-103"),
        help="a data set from the hub in place of Stillroom's own questions of its kind",
    )
    group.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the replies (default: 1)")
    group.add_argument(
        "--max-tokens",
        type=int,
        default=4096,
        metavar="N",
        help="longest reply, thinking included (default: %(default)s)",
    )


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Run the suite, or what is left of it, and print its report."""
    from app.bench.export.save import comparison_forms, quality_forms, save
    from app.bench.quality.comparison import compare_quality
    from app.bench.quality.figures import quality_report
    from app.bench.quality.item import KINDS
    from app.bench.quality.runner import QualityRunner, Wish
    from app.bench.quality.words import quality_side_by_side, report_lines
    from app.bench.report.side_by_side import side_by_side_lines
    from app.commands.terminal.command_core import told_templates
    from app.suites.model_prompts import renderer
    from app.suites.quality_suites import QualitySuites

    elsewhere = elsewhere_model(core.settings.values.elsewhere, options.model)
    model: Path | ModelInfo
    if elsewhere is None:
        here = installed_model(core.store, options.model)
        model, name = here.path, here.name
    else:
        model, name = elsewhere, elsewhere.name
    kinds = options.kind or KINDS
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise WrongUse(
            "There is no kind of question named {kind}.",
            "The kinds are: {known}.",
            kind=unknown[0],
            known=", ".join(KINDS),
        )
    if options.items < 0 or not 1 <= options.max_tokens <= LARGEST_TOKENS:
        raise WrongUse(
            "--items is from 0, --max-tokens from 1 to {most}.",
            "Leave them out for the usual.",
            most=LARGEST_TOKENS,
        )
    suites = QualitySuites(core.paths.data_sets, core.hub_choices.access)
    collections = suites.collections(kinds, options.data, JobContext(console.progress, cancel))
    console.end_progress()
    gpu = GpuMonitor()
    store = QualityStore(core.paths.quality)
    comparison = None

    def look() -> Machine:
        return look_at_machine(core.store.root, ())

    try:
        others = [_other_run(store, core, text) for text in options.against]
        with (
            core.benchmarks() as history,
            looked_after(console, store, history),
            _asked(core, elsewhere) as engine,
            told_templates(core, console) as templates,
        ):
            measure = child_command("measure")
            runner = QualityRunner(
                engine, store, history, renderer(templates), look, gpu, measure, suites.code.judge
            )
            wish = Wish(collections, options.items, options.seed, options.max_tokens, options.anew)
            load = core.load_choices().of(model if isinstance(model, Path) else model.path).load
            head = runner.run(model, load, wish, _QualityLine(console), cancel, name=name)
            results = store.results(head.id)
            report = quality_report(head, results, finished=True)
            if others:
                kept = [(other, store.results(other.id)) for other in others]
                comparison = compare_quality([*kept, (head, results)])
    finally:
        store.close()
        gpu.close()
        console.clear()
    for path in options.save:
        save(quality_forms(report), path)
    console.document(report if comparison is None else {"report": report, "comparison": comparison})
    for line in report_lines(report):
        console.say(line)
    if comparison is not None:
        table = quality_side_by_side(comparison)
        for path in options.save_comparison:
            save(comparison_forms(table, comparison), path)
        for line in side_by_side_lines(table):
            console.say(line)


@contextmanager
def _asked(core: Core, elsewhere: ModelInfo | None) -> Iterator[QualityEngine]:
    """An engine of its own, or what takes its place for a model elsewhere."""
    if elsewhere is None:
        with core.engine() as engine:
            yield engine
        return
    from app.remote.remote_engine import ElsewhereInPlace

    with core.elsewhere() as answers:
        yield ElsewhereInPlace(answers, elsewhere)


def _other_run(store: QualityStore, core: Core, text: str) -> QualityRun:
    """The newest finished run of another model's file."""
    model = installed_model(core.store, text)
    for run, finished in store.runs():
        if finished and run.model.file == model.path.name:
            return run
    raise StillroomError(
        "There is no finished quality run of {model} to compare with.",
        "Run it first: stillroom bench {text} --suite quality",
        model=model.name,
        text=text,
    )


class _QualityLine:
    """One redrawn line on a terminal; nothing elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._drawn_s = 0.0

    def __call__(self, progress: QualityProgress) -> None:
        now_s = time.monotonic()
        if now_s - self._drawn_s < REDRAW_S:
            return
        self._drawn_s = now_s
        stages = {"identify": "Reading the file", "text": "Reading the text", "load": "Loading"}
        fields = [f"{100 * progress.fraction:3.0f}%"]
        if progress.stage == "ask":
            fields.append(f"{progress.done} of {progress.total}  {progress.item}")
            fields.append(f"{progress.right} of {progress.judged} right")
        else:
            fields.append(stages[progress.stage])
        if progress.remaining_s is not None:
            fields.append(f"{time_text(progress.remaining_s)} left")
        self._console.status("  ".join(fields))
