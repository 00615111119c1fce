"""`stillroom build`: from a model's original weights to GGUF files."""

import argparse
import threading
import time
from functools import partial
from pathlib import Path

import msgspec

from app.children import child_command
from app.commands.arguments import TYPES, quantisation
from app.commands.console import Console, time_text
from app.commands.core import Core
from app.requantise import source_of
from models.reference import (
    CheckpointReference,
    GgufReference,
    Reference,
    parse_reference,
)
from models.wording import byte_count

NAME = "build"
SUMMARY = "convert and quantise a model, downloading its original weights where they are not here"
EXAMPLE = "stillroom build r1-qwen-1.5b --type Q4_K_M --type Q8_0"


class BuiltFile(msgspec.Struct, frozen=True, kw_only=True):
    """A GGUF file that was made, or was there already from the same commit."""

    path: str
    type: str
    sha256: str
    bytes: int


class BuildResult(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document. `peak_memory_bytes` is the build process's, 0 where nothing had to be built."""

    outputs: list[BuiltFile]
    seconds: float
    peak_memory_bytes: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, --type, --out."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a key of `stillroom list`, a Hugging Face id, a checkpoint's folder, or a .gguf file",
    )
    parser.add_argument(
        "--type",
        dest="types",
        action="append",
        type=quantisation,
        metavar="TYPE",
        required=True,
        help=f"one of {', '.join(TYPES)}; may be given several times",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder (default: Stillroom's own models)")


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Download where needed, convert, quantise; an interrupted download goes on when asked for again."""
    reference = parse_reference(options.model)
    if isinstance(reference, GgufReference):
        source = source_of(reference.file, core.store)
        if source.loses_quality:
            console.note(
                f"{reference.file.name} is quantised already ({source.type}): quantising it again loses more "
                "quality than building from the original weights."
            )
    types = list(dict.fromkeys(options.types))
    if options.out is None:
        result = _build_into_store(reference, types, core, console, cancel)
    else:
        out = options.out.expanduser().absolute()
        result = _build_into_folder(reference, types, out, core, console, cancel)
    console.end_progress()
    console.document(result)
    for file in result.outputs:
        console.say(f"{file.type}  {byte_count(file.bytes)}  {file.path}")
    console.say(f"Done in {time_text(result.seconds)}.")


def _build_into_store(
    reference: Reference, types: list[str], core: Core, console: Console, cancel: threading.Event
) -> BuildResult:
    acquired = core.acquirer().get(
        reference,
        types,
        keep_original=core.settings.values.keep_original_weights,
        on_progress=console.progress,
        cancel=cancel,
    )
    outputs = [
        BuiltFile(path=str(model.path), type=model.type, sha256=model.sha256, bytes=model.bytes)
        for model in acquired.models
    ]
    return BuildResult(
        outputs=outputs, seconds=round(acquired.seconds, 3), peak_memory_bytes=acquired.peak_memory_bytes
    )


def _build_into_folder(
    reference: Reference,
    types: list[str],
    out: Path,
    core: Core,
    console: Console,
    cancel: threading.Event,
) -> BuildResult:
    from converters.pipeline import build, requantise

    started_s = time.monotonic()
    build_process = partial(
        requantise if isinstance(reference, GgufReference) else build,
        command=child_command("build"),
        on_progress=console.progress,
        cancel=cancel,
    )
    if isinstance(reference, GgufReference):
        built = build_process(reference.file, types, out, reference.file.stem)
    elif isinstance(reference, CheckpointReference):
        built = build_process(reference.folder, types, out, reference.folder.name)
    else:
        built = core.acquirer().build_into(
            reference,
            types,
            out,
            keep_original=core.settings.values.keep_original_weights,
            on_progress=console.progress,
            cancel=cancel,
        )
    outputs = [
        BuiltFile(path=str(output.path), type=output.type, sha256=output.sha256, bytes=output.bytes)
        for output in built.outputs
    ]
    return BuildResult(
        outputs=outputs,
        seconds=round(time.monotonic() - started_s, 3),
        peak_memory_bytes=built.peak_memory_bytes,
    )
