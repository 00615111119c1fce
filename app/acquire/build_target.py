"""The place for a build's files: the store, or a folder that the user named."""

import glob
import importlib.metadata
import shutil
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from app.acquire.kept_imatrix import MATRIX_NAME
from app.acquire.weights import BuildPass, Weights
from app.base.errors import StillroomError
from converters.build.working_files import discard_build
from models.quantisation.chosen_mixture import ChosenMixture
from models.quantisation.quantisation_loss import Quality
from models.store.manifest import InputFile
from models.store.store import COSTS_SUFFIX, KEPT_SUFFIX, InstalledModel, ModelStore, folder_name
from models.system.disk_space import told_when_full
from models.system.progress import JobContext

COSTS_NAME = f"tensors{COSTS_SUFFIX}"
"""In the store, beside the types of a model."""


@dataclass(frozen=True, slots=True)
class Made:
    """The files of one pass over the weights: those that it `found` there already, and the `new` ones; the
    memory is the build process's peak, 0 where nothing was built."""

    found: tuple[InstalledModel, ...]
    new: tuple[InstalledModel, ...] = ()
    peak_memory_bytes: int = 0


class BuildTarget(ABC):
    """Each method blocks, on any thread."""

    @abstractmethod
    def make(self, weights: Weights, step: BuildPass, job: JobContext) -> Made:
        """Make the files of one pass over `weights`, which stay where `step` says so. Files of the very
        weights that are there already are not made again. Raises `StillroomError` and `Cancelled`."""

    @abstractmethod
    def there(self, weights: Weights, step: BuildPass, job: JobContext) -> tuple[InstalledModel, ...]:
        """Return the files that `make` need not make. Raises as it does."""

    @abstractmethod
    def mixtures(self, weights: Weights, job: JobContext) -> list[ChosenMixture]:
        """Return the choices by which files of `weights` were made that are there. Raises as `make`."""

    @abstractmethod
    def inputs_of(self, model: InstalledModel) -> tuple[InputFile, ...]:
        """Return the files that `model` was built from, as far as that is recorded."""

    @abstractmethod
    def kept(self) -> set[Path]:
        """Return the files that are there now and were not made in passing."""

    @abstractmethod
    def matrix_file(self, weights: Weights) -> Path:
        """Return the file in which an importance matrix of `weights` is kept."""

    @abstractmethod
    def costs_file(self, weights: Weights) -> Path:
        """Return the file in which is kept what each tensor of `weights` costs in each type."""

    @abstractmethod
    def record(self, model: InstalledModel, quality: Quality) -> InstalledModel:
        """Keep what quantising cost `model`, and return it with that."""

    @abstractmethod
    def set_passing(self, model: InstalledModel, passing: bool) -> None:
        """Note whether `model` was made in passing: a run after an interrupted one then deletes it."""

    @abstractmethod
    def reading(self, model: InstalledModel) -> AbstractContextManager[None]:
        """Keep `model` from being deleted as made in passing by others, until the context ends."""

    @abstractmethod
    def remove(self, model: InstalledModel) -> None:
        """Delete a file that was made in passing, unless somebody reads it: who reads it deletes it then."""

    @abstractmethod
    def remove_passing(self, weights: Weights) -> None:
        """Delete all that was made of `weights` in passing, by a run that was stopped, too."""


class StoreTarget(BuildTarget):
    """The store; what is recorded is in its manifests."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store

    def make(self, weights: Weights, step: BuildPass, job: JobContext) -> Made:
        """See `BuildTarget`."""
        there = self.there(weights, step, job)
        missing = [kind for kind in step.types if kind not in {model.type for model in there}]
        work = work_folder(self._store, weights.origin.name, weights.file)
        if not missing:
            if not step.later:
                weights.release(work)
            return Made(there)
        origin = weights.origin
        with told_when_full(work):
            result = weights.build(replace(step, types=missing), work, folder_name(origin.name), job)
            try:
                inputs = weights.inputs(job)
            except StillroomError:
                shutil.rmtree(work)
                raise
            models = self._store.add(
                origin.name,
                result.outputs,
                key=origin.key,
                repo=origin.repo,
                commit=origin.commit,
                inputs=inputs,
                tools=tool_versions(),
            )
            shutil.rmtree(work)
        if not step.later:
            weights.release()
        return Made(there, tuple(models), result.peak_memory_bytes)

    def there(self, weights: Weights, step: BuildPass, job: JobContext) -> tuple[InstalledModel, ...]:
        """See `BuildTarget`."""
        found = [
            (model, self.inputs_of(model))
            for model in self._store.find(weights.origin.name)
            if model.type in step.types
            and _is_weighed_so(model, step)
            and (model.mixture is None or model.mixture == step.mixture)
        ]
        return weights.built(found, job)

    def mixtures(self, weights: Weights, job: JobContext) -> list[ChosenMixture]:
        """See `BuildTarget`."""
        chosen = [model for model in self._store.find(weights.origin.name) if model.mixture is not None]
        there = weights.built([(model, self.inputs_of(model)) for model in chosen], job)
        return [model.mixture for model in there if model.mixture is not None]

    def inputs_of(self, model: InstalledModel) -> tuple[InputFile, ...]:
        """See `BuildTarget`."""
        return self._store.inputs_at(model.path)

    def kept(self) -> set[Path]:
        """See `BuildTarget`."""
        return {model.path for model in self._store.listing().models if not model.passing}

    def matrix_file(self, weights: Weights) -> Path:
        """See `BuildTarget`."""
        return self._store.folder_of(weights.origin.name) / MATRIX_NAME

    def costs_file(self, weights: Weights) -> Path:
        """See `BuildTarget`."""
        return self._store.folder_of(weights.origin.name) / COSTS_NAME

    def record(self, model: InstalledModel, quality: Quality) -> InstalledModel:
        """See `BuildTarget`."""
        return self._store.record_quality(model, quality)

    def set_passing(self, model: InstalledModel, passing: bool) -> None:
        """See `BuildTarget`."""
        if model.passing != passing:
            self._store.set_passing(model, passing)

    def reading(self, model: InstalledModel) -> AbstractContextManager[None]:
        """See `BuildTarget`."""
        return self._store.reading([model])

    def remove(self, model: InstalledModel) -> None:
        """See `BuildTarget`."""
        remove_from(self._store, model)

    def remove_passing(self, weights: Weights) -> None:
        """See `BuildTarget`."""
        for model in self._store.find(weights.origin.name):
            if model.passing:
                self.remove(model)


def _is_weighed_so(model: InstalledModel, step: BuildPass) -> bool:
    if step.matrix is None:
        return not (step.unweighed and model.imatrix)
    return model.imatrix == step.matrix.text_for(model.type)


class FolderTarget(BuildTarget):
    """A folder; what is recorded is in the build's result only."""

    def __init__(self, out: Path) -> None:
        self._out = out

    def make(self, weights: Weights, step: BuildPass, job: JobContext) -> Made:
        """See `BuildTarget`; all of the types are made."""
        result = weights.build(step, self._out, weights.stem, job)
        if not step.later:
            weights.release()
        discard_build(self._out, weights.stem)
        models = tuple(
            InstalledModel(
                weights.origin.name,
                file.type,
                file.path,
                file.bytes,
                file.sha256,
                imatrix=file.imatrix,
                mixture=file.mixture,
            )
            for file in result.outputs
        )
        return Made((), models, result.peak_memory_bytes)

    def there(self, weights: Weights, step: BuildPass, job: JobContext) -> tuple[InstalledModel, ...]:
        """See `BuildTarget`."""
        return ()

    def mixtures(self, weights: Weights, job: JobContext) -> list[ChosenMixture]:
        """See `BuildTarget`."""
        return []

    def inputs_of(self, model: InstalledModel) -> tuple[InputFile, ...]:
        """See `BuildTarget`."""
        return ()

    def kept(self) -> set[Path]:
        """See `BuildTarget`."""
        return {path for path in self._out.glob("*.gguf") if not _passing_mark(path).exists()}

    def matrix_file(self, weights: Weights) -> Path:
        """See `BuildTarget`."""
        return self._out / f"{weights.stem}{KEPT_SUFFIX}"

    def costs_file(self, weights: Weights) -> Path:
        """See `BuildTarget`."""
        return self._out / f"{weights.stem}{COSTS_SUFFIX}"

    def record(self, model: InstalledModel, quality: Quality) -> InstalledModel:
        """See `BuildTarget`."""
        return replace(model, quality=quality)

    def set_passing(self, model: InstalledModel, passing: bool) -> None:
        """See `BuildTarget`."""
        if passing:
            _passing_mark(model.path).touch()
        else:
            _passing_mark(model.path).unlink(missing_ok=True)

    def reading(self, model: InstalledModel) -> AbstractContextManager[None]:
        """See `BuildTarget`; nobody else deletes anything in the user's folder."""
        return nullcontext()

    def remove(self, model: InstalledModel) -> None:
        """See `BuildTarget`."""
        model.path.unlink()
        _passing_mark(model.path).unlink(missing_ok=True)

    def remove_passing(self, weights: Weights) -> None:
        """See `BuildTarget`."""
        for path in self._out.glob(f"{glob.escape(weights.stem)}-*.gguf"):
            if _passing_mark(path).exists():
                path.unlink()
                _passing_mark(path).unlink()


def remove_from(store: ModelStore, model: InstalledModel) -> None:
    """Delete a file that was made in passing, and what was begun of a build from it: nobody goes on with
    that. One that somebody reads stays for now."""
    if store.remove_passing(model):
        shutil.rmtree(work_folder(store, model.name, model), ignore_errors=True)


def work_folder(store: ModelStore, name: str, source: InstalledModel | None = None) -> Path:
    """Return the folder for the outputs of a build of `name` into the store; from the GGUF file `source` its
    own, as a build from original weights may wait beside it."""
    return store.work_folder(work_name(name, source))


def work_name(name: str, source: InstalledModel | None = None) -> str:
    """Return the name that the store knows this folder by."""
    return name if source is None else f"{name} from {source.type}"


def tool_versions() -> dict[str, str]:
    """Return the versions that decide what a built file holds."""
    return {name: importlib.metadata.version(name) for name in ("stillroom", "llama-cpp-python", "gguf")}


def _passing_mark(path: Path) -> Path:
    """The file beside `path` that says that it was made in passing."""
    return path.with_name(f".{path.name}.passing")
