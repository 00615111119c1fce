"""Getting a model the way the user wishes it: into the store or a folder, weighed, measured."""

import threading
from collections.abc import Sequence
from pathlib import Path

from app.acquire import USUAL_TYPES, Acquirer
from app.build_place import BuiltModel, FolderPlace, Made, StorePlace, from_result, from_store, passing_mark
from app.build_wish import AUTO, OFF, BuildWish
from app.errors import StillroomError
from app.quality_build import Build, QualityBuild
from app.requantise import source_of
from converters.pipeline import build, requantise
from models.progress import OnProgress, ignore_progress
from models.reference import CatalogReference, CheckpointReference, GgufReference, HubReference, Reference
from models.snapshot import Snapshot
from models.store import ModelStore


class Builder:
    """Joins `acquirer` with the processes that build and measure, which the commands start.

    Each method blocks and may run on any thread; the stages are those of the acquirer, "collect" and
    "measure".
    """

    def __init__(
        self,
        acquirer: Acquirer,
        store: ModelStore,
        build_command: Sequence[str],
        measure_command: Sequence[str],
    ) -> None:
        self._acquirer = acquirer
        self._store = store
        self._build_command = build_command
        self._measure_command = measure_command

    def resolve(self, repo: str, revision: str = "", *, cancel: threading.Event | None = None) -> Snapshot:
        """What a repository holds, see `HubClient.resolve`."""
        return self._acquirer.resolve(repo, revision, cancel=cancel)

    def discard(self, model: str) -> None:
        """Delete what an unfinished `get` of `model` left on disk."""
        self._acquirer.discard(model)
        for left in self._store.find(model):
            if left.passing:
                self._store.remove(left)

    def get(
        self,
        reference: Reference,
        types: Sequence[str],
        wish: BuildWish,
        *,
        revision: str = "",
        keep_original: bool = False,
        on_progress: OnProgress = ignore_progress,
        cancel: threading.Event | None = None,
    ) -> Build:
        """Bring the model into the store, as `Acquirer.get` does, and what `wish` adds to that."""
        if self._comes_as_gguf(reference, types, wish, revision, cancel):
            wish = BuildWish(imatrix=OFF)

        def make(kinds: Sequence[str]) -> Made:
            before = {model.path for model in self._store.listing().models}
            acquired = self._acquirer.get(
                reference,
                kinds,
                revision=revision,
                keep_original=keep_original,
                on_progress=on_progress,
                cancel=cancel,
            )
            models = [from_store(model, was_there=model.path in before) for model in acquired.models]
            return Made(tuple(models), acquired.peak_memory_bytes)

        place = StorePlace(self._store, make, self._build_command, on_progress, cancel)
        work = QualityBuild(place, self._measure_command, on_progress, cancel)
        return work.run(_kinds(reference, types), wish, self._source(reference))

    def build_into(
        self,
        reference: Reference,
        types: Sequence[str],
        out: Path,
        wish: BuildWish,
        *,
        keep_original: bool = False,
        on_progress: OnProgress = ignore_progress,
        cancel: threading.Event | None = None,
    ) -> Build:
        """Build into the folder `out` instead."""

        def make(kinds: Sequence[str]) -> Made:
            command = self._build_command
            there = {path for path in out.glob("*.gguf") if not passing_mark(path).exists()}
            match reference:
                case CheckpointReference(folder):
                    result = build(
                        folder,
                        kinds,
                        out,
                        folder.name,
                        command=command,
                        on_progress=on_progress,
                        cancel=cancel,
                    )
                case GgufReference(file):
                    result = requantise(
                        file, kinds, out, file.stem, command=command, on_progress=on_progress, cancel=cancel
                    )
                case CatalogReference() | HubReference():
                    result = self._acquirer.build_into(
                        reference,
                        kinds,
                        out,
                        keep_original=keep_original,
                        on_progress=on_progress,
                        cancel=cancel,
                    )
            return from_result(result, there=there)

        place = FolderPlace(out, make, self._build_command, on_progress, cancel)
        work = QualityBuild(place, self._measure_command, on_progress, cancel)
        return work.run(types, wish, self._source(reference))

    def _comes_as_gguf(
        self,
        reference: Reference,
        types: Sequence[str],
        wish: BuildWish,
        revision: str,
        cancel: threading.Event | None,
    ) -> bool:
        """Whether it is taken from a repository as it is; then `StillroomError` where more was wished."""
        if not isinstance(reference, HubReference) or not (wish.measure or wish.weighed(types)):
            return False
        if not reference.file:
            snapshot = self._acquirer.resolve(reference.repo, revision or reference.revision, cancel=cancel)
            if any(file.path.endswith(".safetensors") for file in snapshot.files):
                return False
        if wish.measure or wish.imatrix != AUTO:
            raise StillroomError(
                "{repo} has finished GGUF files only, so there is nothing to build and to measure.",
                "Choose the repository that has the model's original weights.",
                repo=reference.repo,
            )
        return True

    def _source(self, reference: Reference) -> BuiltModel | None:
        if not isinstance(reference, GgufReference):
            return None
        source = source_of(reference.file, self._store)
        size = reference.file.stat().st_size
        return BuiltModel(reference.file, source.type, source.sha256, size, was_there=True)


def _kinds(reference: Reference, types: Sequence[str]) -> Sequence[str]:
    """The types to build; none where a GGUF file is taken as it is, of which nobody chose a type."""
    return types or (USUAL_TYPES if isinstance(reference, CheckpointReference) else ())
