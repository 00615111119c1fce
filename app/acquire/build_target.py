"""The place for a build's files: the store, or a folder that the user named."""

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.acquire.importance import Weighing
from app.acquire.requantise import requantise_into, source_of
from converters.build.build_client import BuildResult, requantise
from models.quantisation.quantisation_loss import Quality
from models.store.store import InstalledModel, ModelStore
from models.system.progress import OnProgress


@dataclass(frozen=True, slots=True)
class BuiltModel:
    """A file of the build; `was_there` is one that no new file had to be made for."""

    path: Path
    type: str
    sha256: str
    bytes: int
    was_there: bool = False
    imatrix: str = ""
    quality: Quality | None = None
    installed: InstalledModel | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """The result of one step of a build."""

    models: tuple[BuiltModel, ...]
    peak_memory_bytes: int = 0


class Make(Protocol):
    """Makes a model from what it is built of."""

    def __call__(
        self, types: Sequence[str], /, *, later: Sequence[str] = (), matrix: Weighing | None = None
    ) -> Made:
        """Its files of `types`, weighed by `matrix`; what it is built of stays for the types `later`. Files
        that are there already are not made again.
        """


class BuildPlace(Protocol):
    """The operations that `app.acquire.quality_build.QualityBuild` needs of a place; each method blocks."""

    make: Make

    def requantise(self, source: BuiltModel, types: Sequence[str], matrix: Weighing) -> Made:
        """The model from its file `source`, weighed by `matrix`."""

    def record(self, model: BuiltModel, quality: Quality) -> BuiltModel:
        """`model` with what it cost."""

    def set_passing(self, model: BuiltModel, passing: bool) -> None:
        """Note whether `model` was made in passing: a run after an interrupted one then deletes it."""

    def remove(self, model: BuiltModel) -> None:
        """Delete a file that was made in passing."""


class StorePlace:
    """The store; what is recorded is in its manifests."""

    def __init__(
        self,
        store: ModelStore,
        make: Make,
        command: Sequence[str],
        on_progress: OnProgress,
        cancel: threading.Event | None,
    ) -> None:
        self._store = store
        self.make = make
        self._command = command
        self._on_progress = on_progress
        self._cancel = cancel

    def requantise(self, source: BuiltModel, types: Sequence[str], matrix: Weighing) -> Made:
        """See `BuildPlace`."""
        models, peak_memory_bytes = requantise_into(
            self._store,
            source_of(source.path, self._store),
            types,
            command=self._command,
            on_progress=self._on_progress,
            cancel=self._cancel,
            matrix=matrix,
        )
        return Made(tuple(map(from_store, models)), peak_memory_bytes)

    def record(self, model: BuiltModel, quality: Quality) -> BuiltModel:
        """See `BuildPlace`."""
        assert model.installed is not None
        return from_store(self._store.record_quality(model.installed, quality))

    def set_passing(self, model: BuiltModel, passing: bool) -> None:
        """See `BuildPlace`."""
        assert model.installed is not None
        if model.installed.passing != passing:
            self._store.set_passing(model.installed, passing)

    def remove(self, model: BuiltModel) -> None:
        """See `BuildPlace`."""
        assert model.installed is not None
        self._store.remove(model.installed)


class FolderPlace:
    """A folder; what is recorded is in the build's result only."""

    def __init__(
        self,
        out: Path,
        make: Make,
        command: Sequence[str],
        on_progress: OnProgress,
        cancel: threading.Event | None,
    ) -> None:
        self._out = out
        self.make = make
        self._command = command
        self._on_progress = on_progress
        self._cancel = cancel

    def requantise(self, source: BuiltModel, types: Sequence[str], matrix: Weighing) -> Made:
        """See `BuildPlace`."""
        result = requantise(
            source.path,
            types,
            self._out,
            source.path.stem.removesuffix(f"-{source.type}"),
            command=self._command,
            on_progress=self._on_progress,
            cancel=self._cancel,
            imatrix=matrix.file,
        )
        return from_result(result, matrix)

    def record(self, model: BuiltModel, quality: Quality) -> BuiltModel:
        """See `BuildPlace`."""
        return BuiltModel(
            model.path, model.type, model.sha256, model.bytes, imatrix=model.imatrix, quality=quality
        )

    def set_passing(self, model: BuiltModel, passing: bool) -> None:
        """See `BuildPlace`."""
        if passing:
            passing_mark(model.path).touch()
        else:
            passing_mark(model.path).unlink(missing_ok=True)

    def remove(self, model: BuiltModel) -> None:
        """See `BuildPlace`."""
        model.path.unlink()
        passing_mark(model.path).unlink(missing_ok=True)


def passing_mark(path: Path) -> Path:
    """The file beside `path` that says that it was made in passing."""
    return path.with_name(f".{path.name}.passing")


def from_store(model: InstalledModel, *, was_there: bool = False) -> BuiltModel:
    """A model of the store."""
    return BuiltModel(
        path=model.path,
        type=model.type,
        sha256=model.sha256,
        bytes=model.bytes,
        was_there=was_there and not model.passing,
        imatrix=model.imatrix,
        quality=model.quality,
        installed=model,
    )


def from_result(result: BuildResult, matrix: Weighing | None, *, there: Collection[Path] = ()) -> Made:
    """The files of a build into a folder, which held the files `there` before."""
    models = tuple(
        BuiltModel(
            output.path,
            output.type,
            output.sha256,
            output.bytes,
            was_there=output.path in there,
            imatrix=matrix.text_for(output.type) if matrix is not None else "",
        )
        for output in result.outputs
    )
    return Made(models, result.peak_memory_bytes)
