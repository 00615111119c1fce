"""`stillroom pull`: download a model's original files, verified."""

import argparse
import threading
from pathlib import Path

import msgspec

from app.commands.terminal.command_core import Core
from app.commands.terminal.console import Console, time_text
from models.catalogue.reference import parse_reference
from models.system.progress import JobContext
from models.system.units import byte_count

NAME = "pull"
SUMMARY = "download the original files of a model and verify them"
EXAMPLE = "stillroom pull r1-qwen-1.5b"


class PulledFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was downloaded or was there already."""

    path: str
    sha256: str
    bytes: int


class PullResult(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document."""

    repo: str
    commit: str
    folder: str
    files: list[PulledFile]
    seconds: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, --revision, --out."""
    parser.add_argument("model", metavar="MODEL", help="a key of `stillroom list` or a Hugging Face id")
    parser.add_argument("--revision", default="", metavar="R", help="branch, tag or commit (default: main)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder (default: Stillroom's own)")


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Download; an interrupted one goes on where it stopped when it is asked for again."""
    pulled = core.acquirer().pull(
        parse_reference(options.model),
        JobContext(console.progress, cancel),
        revision=options.revision,
        out=options.out.expanduser().absolute() if options.out else None,
    )
    console.end_progress()
    console.document(
        PullResult(
            repo=pulled.repo,
            commit=pulled.commit,
            folder=str(pulled.folder),
            files=[
                PulledFile(path=str(file.path), sha256=file.sha256, bytes=file.bytes) for file in pulled.files
            ],
            seconds=round(pulled.seconds, 3),
        )
    )
    size = byte_count(sum(file.bytes for file in pulled.files))
    console.say(f"{pulled.repo} at {pulled.commit[:12]}: {size} verified in {time_text(pulled.seconds)}")
    console.say(f"It lies in {pulled.folder}")
