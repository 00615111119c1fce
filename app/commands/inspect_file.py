"""`stillroom inspect`: the metadata and the tensors of a GGUF file."""

import argparse
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from app.commands.terminal.command_core import Core
from app.commands.terminal.console import Console
from app.commands.terminal.installed import installed_model
from app.commands.terminal.mixture_words import mixture_sentences
from app.commands.terminal.quality_words import quality_document, quality_sentences
from converters.gguf.file_type import stated_mixture
from converters.gguf.gguf_reader import ListSummary, TensorInfo, Value, inspect
from models.quantisation.chosen_mixture import ChosenMixture
from models.system.shown_text import shown
from models.system.units import byte_count

NAME = "inspect"
SUMMARY = "show the metadata and the tensors of a GGUF file"
EXAMPLE = "stillroom inspect model.gguf"

_SHOWN_CHARACTERS = 100


class InspectResult(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document. Of a long list of metadata its length and its first items are given."""

    file: str
    bytes: int
    version: int
    metadata: dict[str, Value | ListSummary]
    tensors: list[TensorInfo]
    quality: dict[str, Any] | None = None
    mixture: ChosenMixture | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FILE."""
    parser.add_argument(
        "file", metavar="FILE", help="a .gguf file, or a model on disk (see `stillroom list`)"
    )


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Read the header, check it against the file, and print it."""
    path = Path(options.file).expanduser()
    if not path.is_file():
        path = installed_model(core.store, options.file).path
    found = inspect(path)
    known = next((model for model in core.store.listing().models if model.path == path.absolute()), None)
    quality = known.quality if known is not None else None
    mixture = known.mixture if known is not None else None
    mixture = mixture or stated_mixture(found)
    console.document(
        InspectResult(
            file=str(path),
            bytes=found.bytes,
            version=found.version,
            metadata=found.metadata,
            tensors=found.tensors,
            quality=quality_document(quality),
            mixture=mixture,
        )
    )
    console.say(f"{path}: GGUF {found.version}, {byte_count(found.bytes)}, {len(found.tensors)} tensors")
    for key, value in found.metadata.items():
        console.say(f"  {shown(key)} = {_words(value)}")
    names = [shown(tensor.name) for tensor in found.tensors]
    width = max(map(len, names), default=0)
    for name, tensor in zip(names, found.tensors, strict=True):
        shape = " x ".join(str(size) for size in tensor.shape)
        console.say(f"  {name.ljust(width)}  {tensor.type:<6} {byte_count(tensor.bytes):>8}  {shape}")
    sizes: Counter[str] = Counter()
    for tensor in found.tensors:
        sizes[tensor.type] += tensor.bytes
    console.say(", ".join(f"{kind} {byte_count(size)}" for kind, size in sizes.most_common()))
    if mixture is not None:
        for line in mixture_sentences(mixture):
            console.say(line)
    if known is not None and quality is not None:
        for line in quality_sentences(known.type, quality):
            console.say(line)


def _words(value: Value | ListSummary) -> str:
    if isinstance(value, ListSummary):
        items = ", ".join(_word(item) for item in value.first)
        return shown(f"{value.length} x {value.type}: {items}", _SHOWN_CHARACTERS)
    return shown(_word(value), _SHOWN_CHARACTERS)


def _word(value: Value) -> str:
    # Quoted after it was cut: a text can be of megabytes.
    return repr(shown(value, _SHOWN_CHARACTERS)) if isinstance(value, str) else str(value)
