"""Getting a model: resolve what was asked for, download, convert, quantise, and put it into the store."""

import importlib.metadata
import logging
import shutil
import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from app.acquire.disk_space import check_build_room
from app.acquire.hub_build import HubBuild, check_supported, drop_folder, keep_folder
from app.acquire.importance import Weighing
from app.acquire.importing import import_models
from app.acquire.input_hashes import InputHashes, checkpoint_inputs
from app.acquire.requantise import new_files, requantise_into, source_of, work_folder
from app.base.disk_full import told_when_full
from app.base.errors import StillroomError
from converters.build.build_client import BuildResult, build
from converters.build.working_files import discard_build, locked
from converters.gguf.gguf_types import canonical_type
from converters.gguf.inspect import check_gguf
from converters.system.errors import BuildError
from models.catalog.catalog import CatalogModel, find
from models.catalog.reference import (
    CatalogReference,
    CheckpointReference,
    GgufReference,
    HubReference,
    Reference,
    parse_reference,
)
from models.hub.download_record import DownloadRecord, read_record
from models.hub.file_download import TransferOptions
from models.hub.hub import HubClient
from models.hub.repository_download import LocalFile, download
from models.hub.snapshot import RemoteFile, Snapshot, checkpoint_files, choose_gguf, gguf_files
from models.store.manifest import InputFile, type_in_name
from models.store.store import InstalledModel, ModelStore, NewFile, folder_name
from models.system.progress import OnProgress, ignore_progress

log = logging.getLogger(__name__)

USUAL_TYPES = ("Q4_K_M",)
"""The types that are built where none is asked for."""


@dataclass(frozen=True, slots=True)
class Acquired:
    """The models that a `get` brought. `peak_memory_bytes` is the build's own, 0 where nothing was built."""

    models: tuple[InstalledModel, ...]
    seconds: float
    peak_memory_bytes: int


@dataclass(frozen=True, slots=True)
class Pulled:
    """Downloaded, verified files of a repository at one commit."""

    repo: str
    commit: str
    folder: Path
    files: tuple[LocalFile, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    """Original weights that a model was built from."""

    name: str
    folder: Path
    inputs: tuple[InputFile, ...]
    key: str = ""
    repo: str = ""
    commit: str = ""


class Acquirer:
    """Gets models into `store`. Each method blocks, may run on any thread, reports its stages ("download",
    "verify", "convert", "quantise") there, and stops at once when `cancel` is set.

    `checkpoints` is the folder for original weights, `build_command` starts the child that builds.
    """

    def __init__(
        self,
        hub: HubClient,
        store: ModelStore,
        checkpoints: Path,
        build_command: Sequence[str],
        transfer: TransferOptions | None = None,
    ) -> None:
        self._hub = hub
        self._store = store
        self._checkpoints = checkpoints
        self._build_command = list(build_command)
        self._transfer = transfer
        self._hub_build = HubBuild(hub, self._build_command, transfer)

    def resolve(self, repo: str, revision: str = "", *, cancel: threading.Event | None = None) -> Snapshot:
        """List what a repository holds, see `HubClient.resolve`."""
        return self._hub.resolve(repo, revision, cancel=cancel)

    def get(
        self,
        reference: Reference,
        types: Sequence[str],
        *,
        revision: str = "",
        keep_original: bool = False,
        later: Sequence[str] = (),
        matrix: Weighing | None = None,
        hashes: InputHashes | None = None,
        on_progress: OnProgress = ignore_progress,
        cancel: threading.Event | None = None,
    ) -> Acquired:
        """Bring the model into the store in each of `types`.

        Types that are there from the same commit, or from the same files of a checkpoint's folder, are not
        built again; `hashes` are those files', where they are computed already. A GGUF file on this computer
        is quantised anew, or recorded where it lies if there are no `types`; one in a repository is
        downloaded as it is. Original weights are quantised as they arrive and deleted when they are used up,
        unless `keep_original`, or until the types `later` are asked for. `matrix` weighs the small types.
        Raises `StillroomError` and `Cancelled`; a later call goes on where this one stopped.
        """
        started_s = time.monotonic()
        kinds = list(dict.fromkeys(canonical_type(kind) for kind in types))
        peak_memory_bytes = 0
        models: tuple[InstalledModel, ...]
        if isinstance(reference, GgufReference) and kinds:
            source = source_of(reference.file, self._store)
            built, peak_memory_bytes = requantise_into(
                self._store,
                source,
                kinds,
                command=self._build_command,
                on_progress=on_progress,
                cancel=cancel,
                matrix=matrix,
            )
            models = tuple(built)
        elif isinstance(reference, GgufReference):
            models = import_models([reference.file], self._store, cancel=cancel).models
        elif isinstance(reference, CheckpointReference):
            files = checkpoint_inputs(reference.folder)
            with nullcontext(hashes) if hashes is not None else InputHashes(files) as inputs:
                models, peak_memory_bytes = self._build_from_folder(
                    reference.folder, kinds or USUAL_TYPES, later, matrix, inputs, on_progress, cancel
                )
        else:
            repo, key, file, asked = hub_source(reference, revision)
            snapshot = self._hub.resolve(repo, asked, cancel=cancel)
            name = model_name(reference)
            if file or not _has_checkpoint(snapshot):
                wanted = file or next(iter(kinds), "")
                models = (self._get_gguf(snapshot, wanted, name, on_progress, cancel),)
            else:
                models = self._there(name, snapshot, kinds, matrix)
                missing = [kind for kind in kinds or USUAL_TYPES if kind not in {m.type for m in models}]
                if missing:
                    made, peak_memory_bytes = self._build_from_hub(
                        snapshot, name, key, missing, later, matrix, on_progress, cancel, keep_original
                    )
                    models += made
                elif not later:
                    self._clear_up(folder_name(name))
        return Acquired(models, time.monotonic() - started_s, peak_memory_bytes)

    def pull(
        self,
        reference: Reference,
        *,
        revision: str = "",
        out: Path | None = None,
        on_progress: OnProgress = ignore_progress,
        cancel: threading.Event | None = None,
    ) -> Pulled:
        """Download the original files into `out`, or into the program's own folder, where they are kept."""
        started_s = time.monotonic()
        if isinstance(reference, CheckpointReference | GgufReference):
            raise StillroomError(
                "This model is on this computer already, so there is nothing to download.",
                "Build it with `stillroom build`, or chat with it.",
            )
        repo, _, file, asked = hub_source(reference, revision)
        snapshot = self._hub.resolve(repo, asked, cancel=cancel)
        files: Sequence[RemoteFile]
        if file or not _has_checkpoint(snapshot):
            files = [choose_gguf(snapshot, file)]
        else:
            files = checkpoint_files(snapshot)
        folder = out or self._checkpoints / folder_name(model_name(reference))
        local = self._download(snapshot, files, folder, on_progress, cancel)
        keep_folder(folder)
        return Pulled(snapshot.repo, snapshot.commit, folder, tuple(local), time.monotonic() - started_s)

    def build_into(
        self,
        reference: CatalogReference | HubReference,
        types: Sequence[str],
        out: Path,
        *,
        revision: str = "",
        keep_original: bool = False,
        later: Sequence[str] = (),
        matrix: Weighing | None = None,
        on_progress: OnProgress = ignore_progress,
        cancel: threading.Event | None = None,
    ) -> BuildResult:
        """Build a repository's model into the folder `out` instead of the store, otherwise as `get` does."""
        repo, _, _, asked = hub_source(reference, revision)
        snapshot = self._hub.resolve(repo, asked, cancel=cancel)
        name = folder_name(model_name(reference))
        folder = self._checkpoints / name
        built = self._hub_build.run(
            snapshot,
            types,
            folder,
            out,
            name,
            keep_original=keep_original,
            later=later,
            imatrix=matrix.file if matrix is not None else None,
            on_progress=on_progress,
            cancel=cancel,
        )
        if not later:
            drop_folder(folder)
        discard_build(out, name)
        return built.result

    def discard(self, model: str) -> None:
        """Delete what an unfinished `get` of `model` left on disk; whole models and kept weights stay."""
        try:
            reference = parse_reference(model)
        except StillroomError:
            # A folder or file that is gone by now: nothing of it was copied.
            return
        if isinstance(reference, GgufReference):
            shutil.rmtree(
                work_folder(self._store, source_of(reference.file, self._store)), ignore_errors=True
            )
            return
        name = folder_name(model_name(reference))
        if not isinstance(reference, CheckpointReference):
            drop_folder(self._checkpoints / name)
        shutil.rmtree(self._store.work_folder(name), ignore_errors=True)

    def _clear_up(self, name: str) -> None:
        """Delete what a `get` left that was killed when everything was in the store already."""
        folder, work = self._checkpoints / name, self._store.work_folder(name)
        if work.is_dir():
            with suppress(BuildError), locked(work, name):  # refused while another process builds it
                drop_folder(folder)
                shutil.rmtree(work, ignore_errors=True)
        else:
            drop_folder(folder)

    def _there(
        self, name: str, snapshot: Snapshot, types: Sequence[str], matrix: Weighing | None = None
    ) -> tuple[InstalledModel, ...]:
        return tuple(
            model
            for model in self._store.find(name)
            if model.type in types and (model.repo, model.commit) == (snapshot.repo, snapshot.commit)
            if _is_weighed_by(matrix, model)
        )

    def _there_from_files(
        self,
        name: str,
        types: Sequence[str],
        matrix: Weighing | None,
        hashes: InputHashes,
        on_progress: OnProgress,
        cancel: threading.Event | None,
    ) -> tuple[InstalledModel, ...]:
        """Waits for the checksums only where names and sizes are the same."""
        here = [(path.name, path.stat().st_size) for path in hashes.files]
        alike = {
            model: inputs
            for model in self._store.find(name)
            if model.type in types and _is_weighed_by(matrix, model)
            for inputs in [self._store.inputs_at(model.path)]
            if [(file.path, file.bytes) for file in inputs] == here
        }
        if not alike:
            return ()
        now = hashes.wait(on_progress, cancel)
        return tuple(model for model, inputs in alike.items() if inputs == now)

    def _download(
        self,
        snapshot: Snapshot,
        files: Sequence[RemoteFile],
        folder: Path,
        on_progress: OnProgress,
        cancel: threading.Event | None,
    ) -> list[LocalFile]:
        return download(
            snapshot,
            files,
            folder,
            self._hub,
            options=self._transfer,
            on_progress=on_progress,
            cancel=cancel,
        )

    def _get_gguf(
        self,
        snapshot: Snapshot,
        wanted: str,
        name: str,
        on_progress: OnProgress,
        cancel: threading.Event | None,
    ) -> InstalledModel:
        remote = choose_gguf(snapshot, wanted)
        there = self._there(name, snapshot, [type_in_name(remote.path)])
        if there:
            return there[0]
        work = self._store.work_folder(name)
        [local] = self._download(snapshot, [remote], work, on_progress, cancel)
        check_gguf(local.path)
        new = NewFile(type_in_name(local.path.name), local.path, local.sha256, local.bytes)
        source = InputFile(path=local.name, sha256=local.sha256, bytes=local.bytes)
        [model] = self._store.add(
            name, [new], repo=snapshot.repo, commit=snapshot.commit, inputs=[source], tools=tool_versions()
        )
        shutil.rmtree(work)
        return model

    def _build_from_hub(
        self,
        snapshot: Snapshot,
        name: str,
        key: str,
        types: Sequence[str],
        later: Sequence[str],
        matrix: Weighing | None,
        on_progress: OnProgress,
        cancel: threading.Event | None,
        keep_original: bool,
    ) -> tuple[tuple[InstalledModel, ...], int]:
        folder, work = self._checkpoints / folder_name(name), self._store.work_folder(name)
        with told_when_full(work):
            built = self._hub_build.run(
                snapshot,
                types,
                folder,
                work,
                folder_name(name),
                keep_original=keep_original,
                later=later,
                imatrix=matrix.file if matrix is not None else None,
                on_progress=on_progress,
                cancel=cancel,
            )
            checkpoint = _Checkpoint(name, folder, built.inputs, key, snapshot.repo, snapshot.commit)
            models = self._store_built(checkpoint, built.result, matrix)
        if not later:
            drop_folder(folder)
        return models, built.result.peak_memory_bytes

    def _build_from_folder(
        self,
        folder: Path,
        types: Sequence[str],
        later: Sequence[str],
        matrix: Weighing | None,
        hashes: InputHashes,
        on_progress: OnProgress,
        cancel: threading.Event | None,
    ) -> tuple[tuple[InstalledModel, ...], int]:
        check_supported(folder / "config.json", folder.name)
        record = read_record(folder)
        known = _known(folder)
        name, key = (known.name, known.key) if known is not None else (folder.name, "")
        there = self._there_from_files(name, types, matrix, hashes, on_progress, cancel)
        missing = [kind for kind in types if kind not in {model.type for model in there}]
        if not missing:
            return there, 0
        work = self._store.work_folder(name)
        if later:
            work.mkdir(parents=True, exist_ok=True)
            weights = (path for path in hashes.files if path.suffix == ".safetensors")
            check_build_room(sum(path.stat().st_size for path in weights), [*missing, *later], work)
        result = build(
            folder,
            missing,
            work,
            folder_name(name),
            command=self._build_command,
            on_progress=on_progress,
            cancel=cancel,
            imatrix=matrix.file if matrix is not None else None,
        )
        inputs = hashes.wait(on_progress, cancel)
        try:
            _require_as_verified(folder, record, inputs)
        except StillroomError:
            shutil.rmtree(work)
            raise
        checkpoint = _Checkpoint(name, folder, inputs, key, record.repo, record.commit)
        return there + self._store_built(checkpoint, result, matrix), result.peak_memory_bytes

    def _store_built(
        self, checkpoint: _Checkpoint, result: BuildResult, matrix: Weighing | None
    ) -> tuple[InstalledModel, ...]:
        work = self._store.work_folder(checkpoint.name)
        models = self._store.add(
            checkpoint.name,
            new_files(result, matrix),
            key=checkpoint.key,
            repo=checkpoint.repo,
            commit=checkpoint.commit,
            inputs=checkpoint.inputs,
            tools=tool_versions(),
        )
        shutil.rmtree(work)
        return tuple(models)


def _require_as_verified(folder: Path, record: DownloadRecord, inputs: Sequence[InputFile]) -> None:
    """Refuse weights that the disk has changed: another content at the time of the one that was verified."""
    for file in inputs:
        known = record.files.get(file.path)
        if known is None or known.sha256 == file.sha256:
            continue
        if (folder / file.path).stat().st_mtime_ns == known.modified_ns:
            raise StillroomError(
                "The file {file} is damaged: it is not what it was when it was downloaded.",
                "Delete it and get the model again; the other files are used.",
                file=str(folder / file.path),
            )


def tool_versions() -> dict[str, str]:
    """The versions that decide what a built file holds."""
    return {name: importlib.metadata.version(name) for name in ("stillroom", "llama-cpp-python", "gguf")}


def hub_source(reference: CatalogReference | HubReference, revision: str) -> tuple[str, str, str, str]:
    """Repository, catalogue key, file and revision."""
    if isinstance(reference, CatalogReference):
        return reference.model.repo, reference.model.key, "", revision
    return reference.repo, "", reference.file, revision or reference.revision


def model_name(reference: CatalogReference | HubReference | CheckpointReference) -> str:
    """Return the store's name for a model that is built from original weights."""
    match reference:
        case CatalogReference(model):
            return model.name
        case CheckpointReference(folder):
            known = _known(folder)
            return known.name if known is not None else folder.name
        case HubReference(repo):
            return repo


def _known(folder: Path) -> CatalogModel | None:
    return find(read_record(folder).repo) or find(folder.name)


def _is_weighed_by(matrix: Weighing | None, model: InstalledModel) -> bool:
    return matrix is None or model.imatrix == matrix.text_for(model.type)


def _has_checkpoint(snapshot: Snapshot) -> bool:
    return not gguf_files(snapshot) or any(file.path.endswith(".safetensors") for file in snapshot.files)
