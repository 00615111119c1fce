"""`stillroom list`: the catalogue and what is on disk."""

import argparse
import threading
from collections.abc import Sequence
from typing import Any

import msgspec

from app.commands.terminal.command_core import Core
from app.commands.terminal.console import Console
from app.commands.terminal.quality_words import quality_document
from app.remote.remote_reference import reference_of
from app.remote.remote_server import ElsewhereServer
from models.catalogue.catalogue import catalogue
from models.quantisation.quantisation_types import QUANTISATIONS
from models.store.store import InstalledModel
from models.system.shown_text import shown
from models.system.units import byte_count

NAME = "list"
SUMMARY = "show the catalogue and the models on disk"
EXAMPLE = "stillroom list"


class ListedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A GGUF file on disk."""

    path: str
    type: str
    bytes: int
    sha256: str
    imatrix: str = ""
    quality: dict[str, Any] | None = None


class ListedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model of the catalogue, or one that is only on disk (`key` empty). `sizes` are bytes by type."""

    key: str
    name: str
    repo: str
    licence: str
    download_bytes: int
    sizes: dict[str, int]
    files: list[ListedFile]


class ListedElsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """A model of a server elsewhere, as that server last told. `context_tokens` 0 where it did not."""

    name: str
    server: str
    context_tokens: int


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document."""

    models: list[ListedModel]
    folder: str
    elsewhere: list[ListedElsewhere] = []


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Print the list."""
    on_disk = core.store.listing()
    for notice in on_disk.notices:
        console.note(f"{notice} {notice.hint_text()}")
    models = _listed(on_disk.models)
    elsewhere = _elsewhere(core.settings.values.elsewhere)
    console.document(Listing(models=models, folder=str(core.store.root), elsewhere=elsewhere))
    labels = [shown(model.key or model.name) for model in models]
    width = max(map(len, labels))
    console.say(f"{'model'.ljust(width)}  {'download':>9}  {QUANTISATIONS[0]:>9}  on disk")
    for label, model in zip(labels, models, strict=True):
        files = ", ".join(f"{shown(file.type)} {byte_count(file.bytes)}" for file in model.files) or "-"
        everyday = model.sizes.get(QUANTISATIONS[0], 0)
        console.say(f"{label.ljust(width)}  {_size(model.download_bytes):>9}  {_size(everyday):>9}  {files}")
    if elsewhere:
        console.say("Not on this computer:")
    for other in elsewhere:
        console.say(f"  {shown(other.name)}")


def _elsewhere(servers: Sequence[ElsewhereServer]) -> list[ListedElsewhere]:
    return [
        ListedElsewhere(
            name=reference_of(server, model), server=server.host, context_tokens=model.context_tokens
        )
        for server in servers
        for model in server.models
    ]


def _listed(installed: tuple[InstalledModel, ...]) -> list[ListedModel]:
    listed = []
    names = {model.name for model in catalogue()}
    for model in catalogue():
        mine = [file for file in installed if model.name == file.name or model.key == file.key]
        listed.append(
            ListedModel(
                key=model.key,
                name=model.name,
                repo=model.repo,
                licence=model.licence,
                download_bytes=model.checkpoint_bytes,
                sizes=model.sizes_bytes,
                files=[_file(file) for file in mine],
            )
        )
    keys = {model.key for model in catalogue()}
    others = [file for file in installed if file.name not in names and file.key not in keys]
    for name in dict.fromkeys(file.name for file in others):
        mine = [file for file in others if file.name == name]
        listed.append(
            ListedModel(
                key="",
                name=name,
                repo=mine[0].repo,
                licence="",
                download_bytes=0,
                sizes={file.type: file.bytes for file in mine},
                files=[_file(file) for file in mine],
            )
        )
    return listed


def _file(model: InstalledModel) -> ListedFile:
    return ListedFile(
        path=str(model.path),
        type=model.type,
        bytes=model.bytes,
        sha256=model.sha256,
        imatrix=model.imatrix,
        quality=quality_document(model.quality),
    )


def _size(size_bytes: int) -> str:
    return byte_count(size_bytes) if size_bytes else "-"
