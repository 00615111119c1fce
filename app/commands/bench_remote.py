"""`stillroom bench SERVER/MODEL`: a model elsewhere, measured from here."""

import threading

from app.bench.results.report import Report
from app.bench.run.run_progress import OnBenchmarkProgress
from app.bench.run.suite import Suite
from app.commands.terminal.command_core import Core, looked_after
from app.commands.terminal.console import Console
from app.engine.protocol import ModelInfo
from app.machine.hardware import Machine, look_at_machine


def run_elsewhere(
    model: ModelInfo,
    suite: Suite,
    core: Core,
    console: Console,
    on_progress: OnBenchmarkProgress,
    cancel: threading.Event,
) -> tuple[Report, list[Report]]:
    """The run, and those before it."""
    from app.bench.run.remote_benchmark import ElsewhereBenchmark

    def look() -> Machine:
        return look_at_machine(core.store.root, ())

    console.note(f"{model.name} runs on {model.backend}, not on this computer: it is measured over HTTP.")
    with core.elsewhere() as answers, core.benchmarks() as history, looked_after(console, history):
        earlier = history.reports()
        report = ElsewhereBenchmark(answers, history, look).run(model, suite, on_progress, cancel)
    console.clear()
    return report, earlier
