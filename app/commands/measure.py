"""`stillroom measure`: what quantising cost a model that is built already."""

import argparse
import threading
from pathlib import Path
from typing import Any

import msgspec

from app.base.errors import StillroomError
from app.commands.terminal.command_core import Core
from app.commands.terminal.console import Console
from app.commands.terminal.installed import installed_model
from app.commands.terminal.quality_words import gate_warning, quality_document, quality_sentences
from models.quantisation.sizes import FULL_PRECISION
from models.store.store import InstalledModel, ModelStore
from models.system.progress import JobContext

NAME = "measure"
SUMMARY = "measure what quantising cost: perplexity and divergence against full precision"
EXAMPLE = "stillroom measure r1-qwen-1.5b"


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
    """MODEL, --reference, --text."""
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
        "--text", type=Path, metavar="FILE", help="the text to read (default: Stillroom's own held-out text)"
    )


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Measure, keep it in the manifest, and print it."""
    models = _models(core.store, options.model)
    job = JobContext(console.progress, cancel)
    measured = core.measurer().measure(models, job, reference=options.reference, text=options.text)
    console.end_progress()
    files = [
        MeasuredFile(
            path=str(model.path), type=model.type, bytes=model.bytes, quality=quality_document(model.quality)
        )
        for model in measured
    ]
    console.document(MeasureResult(models=files))
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
