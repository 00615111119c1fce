"""Getting a model the way the user wishes it: into the store or a folder, weighed, measured."""

import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from app.acquire.acquirer import USUAL_TYPES, Acquirer, hub_source, model_name
from app.acquire.build_options import AUTO, OFF, BuildWish
from app.acquire.build_target import (
    BuiltModel,
    FolderPlace,
    Made,
    StorePlace,
    from_result,
    from_store,
    passing_mark,
)
from app.acquire.disk_space import check_build_room
from app.acquire.importance import MATRIX_NAME, Weighing, weights_fingerprint
from app.acquire.input_hashes import InputHashes, checkpoint_inputs
from app.acquire.quality_build import Build, Keeping, QualityBuild
from app.acquire.requantise import Source, source_of
from app.base.errors import StillroomError
from converters.build.build_client import build, requantise
from converters.imatrix.unfinished_imatrix import unfinished_path
from models.catalog.reference import (
    CatalogReference,
    CheckpointReference,
    GgufReference,
    HubReference,
    Reference,
    parse_reference,
)
from models.hub.snapshot import Snapshot, checkpoint_files
from models.store.store import KEPT_SUFFIX, ModelStore, folder_name
from models.system.progress import OnProgress, ignore_progress


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
        """List what a repository holds, see `HubClient.resolve`."""
        return self._acquirer.resolve(repo, revision, cancel=cancel)

    def discard(self, model: str) -> None:
        """Delete what an unfinished `get` of `model` left on disk."""
        self._acquirer.discard(model)
        try:
            reference = parse_reference(model)
        except StillroomError:
            # A folder or file that is gone by now.
            return
        name = _name(reference, self._source(reference))
        unfinished_path(self._store.folder_of(name) / MATRIX_NAME).unlink(missing_ok=True)
        for left in self._store.find(name):
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
        originals = self._originals(reference, _kinds(reference, types), wish, revision, cancel)
        if originals is not None:
            revision = originals.commit
        inputs: InputHashes | None = None
        if isinstance(reference, CheckpointReference):
            inputs = InputHashes(checkpoint_inputs(reference.folder))

        def make(kinds: Sequence[str], *, later: Sequence[str] = (), matrix: Weighing | None = None) -> Made:
            before = {model.path for model in self._store.listing().models}
            acquired = self._acquirer.get(
                reference,
                kinds,
                revision=revision,
                keep_original=keep_original,
                later=later,
                matrix=matrix,
                hashes=inputs,
                on_progress=on_progress,
                cancel=cancel,
            )
            models = [from_store(model, was_there=model.path in before) for model in acquired.models]
            return Made(tuple(models), acquired.peak_memory_bytes)

        with inputs or nullcontext():
            source = self._source(reference)
            name = _name(reference, source)
            fingerprint = self._fingerprint(reference, source, originals, inputs, on_progress, cancel)
            keeping = Keeping(self._store.folder_of(name) / MATRIX_NAME, fingerprint)
            place = StorePlace(self._store, make, self._build_command, on_progress, cancel)
            work = QualityBuild(place, keeping, self._measure_command, on_progress, cancel)
            return work.run(_kinds(reference, types), wish, _model(source))

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
        originals = self._originals(reference, types, wish, "", cancel)

        def make(kinds: Sequence[str], *, later: Sequence[str] = (), matrix: Weighing | None = None) -> Made:
            command = self._build_command
            imatrix = matrix.file if matrix is not None else None
            there = {path for path in out.glob("*.gguf") if not passing_mark(path).exists()}
            match reference:
                case CheckpointReference(folder):
                    if later:
                        out.mkdir(parents=True, exist_ok=True)
                        size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
                        check_build_room(size, [*kinds, *later], out)
                    result = build(
                        folder,
                        kinds,
                        out,
                        folder.name,
                        command=command,
                        on_progress=on_progress,
                        cancel=cancel,
                        imatrix=imatrix,
                    )
                case GgufReference(file):
                    result = requantise(
                        file,
                        kinds,
                        out,
                        file.stem,
                        command=command,
                        on_progress=on_progress,
                        cancel=cancel,
                        imatrix=imatrix,
                    )
                case CatalogReference() | HubReference():
                    result = self._acquirer.build_into(
                        reference,
                        kinds,
                        out,
                        revision=originals.commit if originals is not None else "",
                        keep_original=keep_original,
                        later=later,
                        matrix=matrix,
                        on_progress=on_progress,
                        cancel=cancel,
                    )
            return from_result(result, matrix, there=there)

        source = self._source(reference)
        name = source.path.stem if source is not None else folder_name(model_name(_built(reference)))
        fingerprint = self._fingerprint(reference, source, originals, None, on_progress, cancel)
        keeping = Keeping(out / f"{name}{KEPT_SUFFIX}", fingerprint)
        place = FolderPlace(out, make, self._build_command, on_progress, cancel)
        work = QualityBuild(place, keeping, self._measure_command, on_progress, cancel)
        return work.run(types, wish, _model(source))

    def _comes_as_gguf(
        self,
        reference: Reference,
        types: Sequence[str],
        wish: BuildWish,
        revision: str,
        cancel: threading.Event | None,
    ) -> bool:
        """Tell whether the repository's GGUF file is taken as it is. `StillroomError` if more was wished."""
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

    def _originals(
        self,
        reference: Reference,
        types: Sequence[str],
        wish: BuildWish,
        revision: str,
        cancel: threading.Event | None,
    ) -> Snapshot | None:
        """Resolve the weights for a matrix, at one commit for all passes; None if they are not on the hub."""
        if not isinstance(reference, CatalogReference | HubReference) or not wish.weighed(types):
            return None
        repo, _, _, asked = hub_source(reference, revision)
        return self._acquirer.resolve(repo, asked, cancel=cancel)

    def _source(self, reference: Reference) -> Source | None:
        return source_of(reference.file, self._store) if isinstance(reference, GgufReference) else None

    def _fingerprint(
        self,
        reference: Reference,
        source: Source | None,
        originals: Snapshot | None,
        inputs: InputHashes | None,
        on_progress: OnProgress,
        cancel: threading.Event | None,
    ) -> Callable[[], str]:
        """Return a function that computes the fingerprint of the weights, also of those that a GGUF file was
        built from; `inputs` are the hashes of a checkpoint's folder, where the build needs them all."""

        def hashed(files: Sequence[Path]) -> str:
            with InputHashes(files) as hashes:
                return weights_fingerprint(file.sha256 for file in hashes.wait(on_progress, cancel))

        def find() -> str:
            if originals is not None:
                weights = (file for file in checkpoint_files(originals) if _is_weights(file.path))
                return weights_fingerprint(file.sha256 or file.oid for file in weights)
            if inputs is not None:
                files = inputs.wait(on_progress, cancel)
                return weights_fingerprint(file.sha256 for file in files if _is_weights(file.path))
            if isinstance(reference, CheckpointReference):
                return hashed(sorted(reference.folder.glob(f"*{_WEIGHTS}")))
            assert source is not None
            recorded = [file.sha256 for file in self._store.inputs_at(source.path) if _is_weights(file.path)]
            if recorded or source.sha256:
                return weights_fingerprint(recorded or [source.sha256])
            return hashed([source.path])

        return find


_WEIGHTS = ".safetensors"


def _is_weights(file: str) -> bool:
    return file.endswith(_WEIGHTS)


def _name(reference: Reference, source: Source | None) -> str:
    """Return the store's name for the model."""
    return source.name if source is not None else model_name(_built(reference))


def _built(reference: Reference) -> CatalogReference | HubReference | CheckpointReference:
    assert not isinstance(reference, GgufReference)
    return reference


def _model(source: Source | None) -> BuiltModel | None:
    if source is None:
        return None
    return BuiltModel(source.path, source.type, source.sha256, source.path.stat().st_size, was_there=True)


def _kinds(reference: Reference, types: Sequence[str]) -> Sequence[str]:
    """The types to build; none where a GGUF file is taken as it is, of which nobody chose a type."""
    return types or (USUAL_TYPES if isinstance(reference, CheckpointReference) else ())
