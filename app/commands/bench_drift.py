"""`stillroom bench MODEL --suite drift`: whether a model still answers as it did."""

import argparse
import threading

from app.bench.drift.checker import DriftProgress
from app.commands.terminal.command_core import Core, looked_after
from app.commands.terminal.console import Console, WrongUse
from app.commands.terminal.installed import installed_model
from app.machine.hardware import Machine, look_at_machine
from app.remote.remote_reference import elsewhere_model
from app.telemetry.nvml_monitor import GpuMonitor

SUITE = "drift"


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Check, and print what has moved since the golden answers were kept."""
    from app.bench.drift.checker import DriftChecker
    from app.bench.drift.store import DriftStore
    from app.bench.drift.words import drift_lines
    from app.commands.terminal.command_core import told_templates
    from app.suites.model_prompts import renderer

    if elsewhere_model(core.settings.values.elsewhere, options.model) is not None:
        raise WrongUse(
            "Drift is watched with tokens and their probabilities, which a server elsewhere does not give.",
            "Name a model on this computer.",
        )
    model = installed_model(core.store, options.model)
    gpu = GpuMonitor()
    store = DriftStore(core.paths.drift)

    def look() -> Machine:
        return look_at_machine(core.store.root, ())

    def tell(progress: DriftProgress) -> None:
        words = f"{progress.done} of {progress.total} answers" if progress.total else "Reading the file"
        console.status(words)

    try:
        with (
            core.benchmarks() as history,
            looked_after(console, store, history),
            core.engine() as engine,
            told_templates(core, console) as templates,
        ):
            checker = DriftChecker(engine, store, history, renderer(templates), look, gpu)
            report = checker.load_and_check(
                model.path, core.load_choices().of(model.path).load, tell, cancel, name=model.name
            )
    finally:
        store.close()
        gpu.close()
        console.clear()
    console.document(report)
    for line in drift_lines(report):
        console.say(line)
