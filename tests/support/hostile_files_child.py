"""A process that reads hostile files and tells, in a JSON line each, what that took: `KIND BASE FOLDER`.

KIND is "gguf" (BASE: a whole file; each is shown as `stillroom inspect` shows it), "imatrix" (BASE: a whole
file in GGUF) or "checkpoint" (BASE: a folder; weights and settings are read as for a build). Everything is
written below FOLDER.
"""

import argparse
import io
import shutil
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import msgspec

from app.commands import inspect_file
from app.commands.terminal.console import Console
from converters.build.checkpoint_source import Conversion
from converters.checkpoint.safetensors_file import read_header
from converters.imatrix.imatrix_file import read_imatrix
from models.store.store import ModelStore
from tests.support import gguf_mutants, safetensors_mutants
from tests.support.measured import Outcome, measure


def main() -> None:
    kind, base, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "gguf":
        ggufs(base, folder)
    elif kind == "imatrix":
        matrices(base, folder)
    else:
        checkpoints(base, folder)


def ggufs(base: Path, folder: Path) -> None:
    file = folder / "mutant.gguf"
    core = cast("Any", types.SimpleNamespace(store=ModelStore(folder / "store")))

    def show(out: io.StringIO) -> None:
        options = argparse.Namespace(file=str(file))
        inspect_file.run(options, core, Console(out, out, as_json=False), threading.Event())

    file.write_bytes(base.read_bytes())
    tell("base", show)
    for name, data in gguf_mutants.mutants(base.read_bytes(), base.stem):
        file.write_bytes(data)
        del data
        tell(name, show)


def matrices(base: Path, folder: Path) -> None:
    file = folder / "mutant.gguf"
    file.write_bytes(base.read_bytes())
    tell("base", lambda _: read_imatrix(file))
    for name, data in gguf_mutants.mutants(base.read_bytes(), "llama"):
        file.write_bytes(data)
        tell(name, lambda _: read_imatrix(file))


def checkpoints(base: Path, folder: Path) -> None:
    weights = base / "model.safetensors"
    file = folder / "model.safetensors"
    shutil.copy(weights, file)
    tell("base", lambda _: read_header(file))
    for name, data in safetensors_mutants.mutants(weights.read_bytes()):
        file.write_bytes(data)
        del data
        tell(name, lambda _: read_header(file))
    for name, which, content in safetensors_mutants.settings():
        place = folder / "checkpoint"
        shutil.copytree(base, place)
        (place / which).write_bytes(content)
        del content
        tell(name, lambda _: Conversion(place, "m").output("F16"))  # noqa: B023 - called at once
        shutil.rmtree(place)


def tell(name: str, work: Callable[[io.StringIO], object]) -> None:
    """Do it and print the outcome; what is shown is judged as a sentence where nothing is refused."""
    out = io.StringIO()
    outcome: Outcome = measure(name, lambda: work(out))
    if any(not line.isprintable() for line in out.getvalue().split("\n")):
        outcome.typed, outcome.sentence = False, "what is shown holds control characters"
    print(msgspec.json.encode(outcome).decode(), flush=True)


if __name__ == "__main__":
    main()
