"""`stillroom measure`: what quantising cost a model that is built already."""

import argparse
import threading
from pathlib import Path
from typing import Any

import msgspec

from app.base.errors import StillroomError
from app.commands.terminal.command_core import Core
from app.commands.terminal.console import Console, WrongUse
from app.commands.terminal.installed import installed_model
from app.commands.terminal.quality_words import gate_warning, quality_document, quality_sentences
from models.quantisation.quantisation_types import FULL_PRECISION
from models.store.store import InstalledModel, ModelStore
from models.system.progress import JobContext

NAME = "measure"
SUMMARY = "measure what quantising cost: perplexity and divergence against full precision"
EXAMPLE = "stillroom measure r1-qwen-1.5b"

REASONING = "reasoning"
"""Stands for a text of our own in place of a file's name."""


class MeasuredFile(msgspec.Struct, frozen=True, kw_only=True):
    """A GGUF file and its measured quality."""

    path: str
    type: str
    bytes: int
    quality: dict[str, Any] | None


class MeasureResult(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document."""

    models: list[MeasuredFile]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, --reference, --text, --plot."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a model on disk (all its quantised files), one of them as NAME/TYPE, or a .gguf file",
    )
    parser.add_argument(
        "--reference",
        type=Path,
        metavar="FILE",
        help="the full-precision GGUF file to compare with (default: the model's own, downloaded if need be)",
    )
    parser.add_argument(
        "--text",
        metavar="FILE",
        help=f"the text to read (default: Stillroom's own held-out text); {REASONING} is its own text of "
        "reasoning traces, for models that think",
    )
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="FILE",
        help="also draw size against divergence to a file ending in .svg: each type a point, the mixtures "
        "of `stillroom build --size` a line",
    )


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Measure, keep it in the manifest, and print it."""
    # They bring along what the command line's help does without.
    from app.bench.export.save import write_report
    from app.bench.report.loss_plot import loss_svg
    from converters.quality.measuring_client import reasoning_held_out_text

    plot: Path | None = options.plot
    if plot is not None and plot.suffix.lower() != ".svg":
        raise WrongUse("A plot's name ends in .svg.", "Choose another name.")
    models = _models(core.store, options.model)
    job = JobContext(console.progress, cancel)
    text = Path(options.text) if options.text else None
    if options.text == REASONING:
        text = reasoning_held_out_text()
    measured = core.measurer().measure(models, job, reference=options.reference, text=text)
    console.end_progress()
    files = [
        MeasuredFile(
            path=str(model.path), type=model.type, bytes=model.bytes, quality=quality_document(model.quality)
        )
        for model in measured
    ]
    console.document(MeasureResult(models=files))
    if plot is not None:
        write_report(plot, loss_svg(measured[0].name, measured).encode())
    for model in measured:
        if model.quality is not None:
            for line in quality_sentences(model.type, model.quality):
                console.say(line)
            warning = gate_warning(model.type, model.quality, core.settings.values.accuracy_loss_gate_percent)
            if warning:
                console.note(warning)


def _models(store: ModelStore, text: str) -> list[InstalledModel]:
    found = [model for model in store.find(text) if model.type not in FULL_PRECISION]
    model = installed_model(store, text)
    models = found or [model]
    if models[0].type in FULL_PRECISION:
        raise StillroomError(
            "{model} is in full precision, so quantising has cost it nothing.",
            "Name one of its quantised files.",
            model=models[0].name,
        )
    if len({model.path.parent for model in models}) > 1:
        return [model]
    return models
