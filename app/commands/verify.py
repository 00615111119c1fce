"""`stillroom verify`: whether a model's file is still what was recorded when it was made."""

import argparse
import threading

import msgspec

from app.commands.terminal.command_core import Core
from app.commands.terminal.console import Console, Unsuccessful
from app.commands.terminal.installed import installed_model
from converters.gguf.gguf_reader import check_gguf
from models.store.file_check import FileCheck, check_file, difference
from models.system.progress import JobContext
from models.system.units import byte_count

NAME = "verify"
SUMMARY = "hash a model's file again and compare it with what was recorded"
EXAMPLE = "stillroom verify r1-qwen-1.5b/Q4_K_M"


class VerifyResult(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document. `matches` is null where nothing was recorded to compare with."""

    path: str
    type: str
    bytes: int
    sha256: str
    recorded_sha256: str
    matches: bool | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL."""
    parser.add_argument(
        "model", metavar="MODEL", help="a model on disk (see `stillroom list`), `model/TYPE`, or a .gguf file"
    )


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Hash, compare, and fail with what to do where the file differs."""
    model = installed_model(core.store, options.model)
    check = check_file(model, JobContext(console.progress, cancel))
    console.end_progress()
    problem = difference(check)
    if problem is None:
        # Also where no hash is recorded, the header tells whether the file is whole.
        check_gguf(model.path)
    console.document(_result(check))
    console.say(f"{model.path}: {byte_count(check.bytes)}, sha256 {check.sha256}")
    if problem is not None:
        console.say(f"recorded: {byte_count(model.bytes)}, sha256 {check.recorded_sha256}")
        console.say(str(problem))
        console.say(problem.hint_text())
        raise Unsuccessful
    if check.is_recorded:
        console.say("The file is what was recorded.")
    else:
        console.say("No hash was recorded for this file, so only its header was checked: it is whole.")


def _result(check: FileCheck) -> VerifyResult:
    return VerifyResult(
        path=str(check.model.path),
        type=check.model.type,
        bytes=check.bytes,
        sha256=check.sha256,
        recorded_sha256=check.recorded_sha256,
        matches=check.matches if check.is_recorded else None,
    )
