"""`stillroom import`: take up models that are on this computer already, where they lie."""

import argparse
import threading
from pathlib import Path

import msgspec

from app.acquire.importing import import_models
from app.commands.terminal.command_core import Core, listed_devices
from app.commands.terminal.console import Console, Unsuccessful
from models.system.shown_text import shown
from models.system.units import byte_count

NAME = "import"
SUMMARY = "add a GGUF file, or the models of an Ollama, LM Studio or other folder, without copying them"
EXAMPLE = "stillroom import ~/.ollama/models"


class ImportedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is in the list now; `key` is the catalogue's, where it is one of its models."""

    name: str
    type: str
    path: str
    bytes: int
    sha256: str
    key: str


class ImportResult(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document. `refused` says of each file that was not taken why."""

    models: list[ImportedFile]
    refused: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """PATH..."""
    parser.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="a .gguf file or a folder that holds models"
    )


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Record every file; fails only where none could be taken."""
    paths = [path.expanduser().absolute() for path in options.paths]
    imported = import_models(paths, core.store, known=_architectures(core, cancel), cancel=cancel)
    console.document(
        ImportResult(
            models=[
                ImportedFile(
                    name=model.name,
                    type=model.type,
                    path=str(model.path),
                    bytes=model.bytes,
                    sha256=model.sha256,
                    key=model.key,
                )
                for model in imported.models
            ],
            refused=[f"{error} {error.hint_text()}".strip() for error in imported.refused],
        )
    )
    for model in imported.models:
        console.say(f"{shown(model.name)}  {shown(model.type)}  {byte_count(model.bytes)}  {model.path}")
    for error in imported.refused:
        console.note(f"{error} {error.hint_text()}".strip())
    if not imported.models:
        raise Unsuccessful
    console.say("The files stay where they are; taking a model off the list never deletes them.")


def _architectures(core: Core, cancel: threading.Event) -> tuple[str, ...]:
    """Return the kinds of models that llama.cpp knows; none where it does not start, as loading says why."""
    with core.engine() as client:
        listed_devices(client, (), cancel)
        return client.state.architectures
