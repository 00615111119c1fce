"""Another type of a model that is on disk already: quantised anew from its GGUF file."""

import importlib.metadata
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.acquire.importance import Weighing
from converters.build.build_client import BuildResult, requantise
from converters.gguf.file_type import file_type
from converters.gguf.inspect import GgufSummary, inspect
from models.catalog.catalog import catalogue
from models.quantisation.quantisation_mixture import MixtureModel, mixture
from models.quantisation.sizes import FULL_PRECISION, tensor_bytes
from models.store.manifest import InputFile
from models.store.store import InstalledModel, ModelStore, NewFile, folder_name
from models.system.progress import OnProgress


@dataclass(frozen=True, slots=True)
class Source:
    """A GGUF file to quantise anew, and the model that its outputs belong to."""

    path: Path
    type: str
    name: str
    key: str = ""
    repo: str = ""
    commit: str = ""
    sha256: str = ""

    @property
    def loses_quality(self) -> bool:
        """Tell whether the file is quantised already, so that quantising it again adds to the first loss."""
        return self.type not in FULL_PRECISION


def source_of(path: Path, store: ModelStore) -> Source:
    """Describe the file `path`: a model of the store, or a file that it does not know. Raises `GgufError`."""
    kind = file_type(inspect(path))
    found = next((model for model in store.listing().models if model.path == path), None)
    if found is None:
        return Source(path, kind, path.stem)
    known = next((model.name for model in catalogue() if model.key == found.key), found.name)
    return Source(path, kind, known, found.key, found.repo, found.commit, found.sha256)


def estimated_bytes(summary: GgufSummary, kind: str) -> int:
    """Bytes of the file that quantising this one to `kind` makes."""
    architecture = summary.text("general.architecture")
    numbers = [
        value if isinstance(value, int) else 1
        for name in ("block_count", "attention.head_count", "attention.head_count_kv")
        for value in [summary.metadata.get(f"{architecture}.{name}")]
    ]
    shapes = {tensor.name: tensor.shape[::-1] for tensor in summary.tensors}
    kinds = mixture(kind, shapes, MixtureModel(architecture, *numbers))
    return summary.data_offset + sum(
        tensor_bytes((shapes[tensor.name], kinds[tensor.name])) if tensor.name in kinds else tensor.bytes
        for tensor in summary.tensors
    )


def requantise_into(
    store: ModelStore,
    source: Source,
    types: Sequence[str],
    *,
    command: Sequence[str],
    on_progress: OnProgress,
    cancel: threading.Event | None = None,
    matrix: Weighing | None = None,
) -> tuple[list[InstalledModel], int]:
    """Make each of `types` from `source` and put them into `store`; the models, and the build's peak memory.

    `command` starts the build process, `matrix` weighs the small types. Blocks, on any thread. Raises
    `StillroomError` and `Cancelled`; a later call goes on where this one stopped.
    """
    work = work_folder(store, source)
    work.mkdir(parents=True, exist_ok=True)
    result = requantise(
        source.path,
        list(types),
        work,
        folder_name(source.name),
        command=command,
        on_progress=on_progress,
        cancel=cancel,
        imatrix=matrix.file if matrix is not None else None,
    )
    models = store.add(
        source.name,
        new_files(result, matrix),
        key=source.key,
        repo=source.repo,
        commit=source.commit,
        inputs=[InputFile(path=source.path.name, sha256=source.sha256, bytes=source.path.stat().st_size)],
        tools={name: importlib.metadata.version(name) for name in ("stillroom", "llama-cpp-python")},
    )
    shutil.rmtree(work)
    return models, result.peak_memory_bytes


def new_files(result: BuildResult, matrix: Weighing | None) -> list[NewFile]:
    """List a build's files for the store to take; `matrix` is the one that they were quantised with."""
    return [
        NewFile(
            output.type,
            output.path,
            output.sha256,
            output.bytes,
            imatrix=matrix.text_for(output.type) if matrix is not None else "",
        )
        for output in result.outputs
    ]


def work_folder(store: ModelStore, source: Source) -> Path:
    """Return the folder for the outputs: its own, as a build from original weights may wait beside it."""
    return store.work_folder(f"{source.name} from {source.type}")
