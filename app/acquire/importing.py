"""Taking up models that are on this computer already, where they lie: nothing is copied."""

import difflib
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.base.errors import StillroomError
from converters.gguf.file_type import file_type
from converters.gguf.gguf_reader import GgufSummary, inspect
from converters.system.errors import GgufError
from models.catalogue.catalogue import CatalogueModel, catalogue
from models.store.foreign_models import ForeignModel, find_foreign_models
from models.store.store import InstalledModel, ModelStore
from models.system.progress import raise_if_cancelled


@dataclass(frozen=True, slots=True)
class Imported:
    """The models that were recorded, and the errors of those that were refused."""

    models: tuple[InstalledModel, ...]
    refused: tuple[StillroomError, ...]


def import_models(
    paths: Sequence[Path],
    store: ModelStore,
    *,
    known: Collection[str] = (),
    cancel: threading.Event | None = None,
) -> Imported:
    """Record the GGUF files at `paths`, and those in the folders among them, in `store`.

    A folder is Ollama's, LM Studio's or any other. Each file's header is checked first; one of an
    architecture that is not among those `known` to llama.cpp is refused (none: all are taken). Blocks, on any
    thread. Raises `StillroomError` where the only file or path is refused, and `Cancelled`.
    """
    found: list[ForeignModel] = []
    models: list[InstalledModel] = []
    refused: list[StillroomError] = []
    for path in paths:
        try:
            found += _found(path)
        except StillroomError as error:
            refused.append(error)
    for foreign in found:
        raise_if_cancelled(cancel)
        try:
            models.append(_take_up(foreign, store, known))
        except StillroomError as error:
            refused.append(error)
    if not models and len(refused) == 1:
        raise refused[0]
    return Imported(tuple(models), tuple(refused))


def _found(path: Path) -> Sequence[ForeignModel]:
    if not path.exists():
        raise StillroomError("There is nothing at {path}.", "Check the path.", path=str(path))
    here = find_foreign_models(path) if path.is_dir() else [ForeignModel(path, path.stem)]
    if not here:
        raise StillroomError(
            "There is no GGUF file in {folder}.",
            "Choose a folder with .gguf files, or Ollama's or LM Studio's folder of models.",
            folder=str(path),
        )
    return here


def _take_up(foreign: ForeignModel, store: ModelStore, known: Collection[str]) -> InstalledModel:
    if not foreign.path.exists():
        raise StillroomError(
            "The file of {name} is missing: {file}.",
            "Get the model again with the program that it belongs to.",
            name=foreign.name,
            file=str(foreign.path),
        )
    if foreign.is_part:
        raise StillroomError(
            "{file} is one part of a model in several files, which Stillroom does not load.",
            "Join them with llama.cpp's llama-gguf-split --merge, then add the whole file.",
            file=foreign.path.name,
        )
    summary = inspect(foreign.path)
    if summary.text("general.type") not in ("", "model"):
        raise GgufError(
            "{file} is no language model, but of the kind {kind}.",
            "Choose the model's own file.",
            file=foreign.path.name,
            kind=summary.text("general.type"),
        )
    architecture = summary.text("general.architecture")
    if known and architecture not in known:
        raise unknown_architecture(foreign.path.name, architecture, known)
    listed = _known(summary)
    return store.import_file(
        foreign.path,
        name=foreign.name,
        type=file_type(summary),
        key=listed.key if listed is not None else "",
        sha256=foreign.sha256,
    )


def unknown_architecture(file: str, architecture: str, known: Collection[str]) -> GgufError:
    """Make the error for a file of an architecture that llama.cpp does not know, with those that it does."""
    near = difflib.get_close_matches(architecture, known, n=2, cutoff=0.6)
    usual = [name for name in _USUAL if name in known]
    return GgufError(
        "{file} is a model of the architecture “{architecture}”, which this llama.cpp does not know.",
        "It knows {count} others, {names} among them: choose a model of one of these, or a newer Stillroom.",
        file=file,
        architecture=architecture or "?",
        count=len(known),
        names=", ".join(dict.fromkeys((*near, *usual))),
    )


_USUAL = ("llama", "qwen2", "qwen3", "gemma3", "phi3", "mistral3", "deepseek2", "gpt-oss")
"""Named first, where this llama.cpp knows them: what people look for most."""


def _known(summary: GgufSummary) -> CatalogueModel | None:
    """The catalogue's model that this is: by its name and by its dimensions, whatever the file is called."""
    architecture = summary.text("general.architecture")
    dimensions = (
        summary.metadata.get(f"{architecture}.block_count"),
        summary.metadata.get(f"{architecture}.embedding_length"),
    )
    words = _words(summary.text("general.name"))
    for model in catalogue():
        same = (model.shape.layers, model.shape.hidden) == dimensions
        if same and words and words == _words(model.name):
            return model
    return None


def _words(name: str) -> str:
    """A name without what programs change in it: spaces, hyphens, letter case."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())
