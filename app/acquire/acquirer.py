"""Getting a model the way the user wishes it: resolve what was asked for, download, convert, quantise,
measure, and put it into the store or a folder."""

import shutil
import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import msgspec

from app.acquire.build_options import AUTO, Order
from app.acquire.build_target import (
    BuildTarget,
    FolderTarget,
    StoreTarget,
    remove_from,
    tool_versions,
    work_folder,
    work_name,
)
from app.acquire.disk_space import check_made_room
from app.acquire.hub_build import HubWeights, drop_folder, keep_folder
from app.acquire.importing import import_models, unknown_architecture
from app.acquire.input_hashes import InputHashes, checkpoint_inputs
from app.acquire.kept_imatrix import MATRIX_NAME
from app.acquire.quality_build import Acquired, Commands, QualityBuild
from app.acquire.repository_offers import Support, known_gguf_architectures, support
from app.acquire.requantise import source_of
from app.acquire.weights import FolderWeights, GgufWeights, Origin, Weights, checkpoint_name
from app.base.errors import StillroomError
from app.load_choices import LoadChoices
from converters.gguf.gguf_reader import check_gguf, stated_architecture
from converters.gguf.gguf_types import canonical_type
from converters.imatrix.unfinished_imatrix import unfinished_path
from models.catalogue.reference import (
    CatalogueReference,
    CheckpointReference,
    GgufReference,
    HubReference,
    Reference,
    parse_reference,
)
from models.hub.file_download import TransferOptions
from models.hub.hub_client import HubClient
from models.hub.hub_search import search_models
from models.hub.repository_card import RepositoryCard
from models.hub.repository_download import LocalFile, download
from models.hub.snapshot import RemoteFile, Snapshot, checkpoint_files, choose_gguf, gguf_files
from models.hub.weight_headers import fetch_start
from models.quantisation.quantisation_types import EVERYDAY_TYPE
from models.store.manifest import BuiltFile, InputFile, type_in_name
from models.store.store import InstalledModel, ModelStore, folder_name
from models.store.work_locks import working
from models.system.disk_space import told_when_full
from models.system.progress import UNWATCHED, JobContext

USUAL_TYPES = (EVERYDAY_TYPE,)
"""The types that are built where none is asked for."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """Downloaded, verified files of a repository at one commit."""

    repo: str
    commit: str
    folder: Path
    files: tuple[LocalFile, ...]
    seconds: float


class Acquirer:
    """Gets models into `store`, or into folders. Each method blocks, may run on any thread, reports its
    stages ("download", "verify", "convert", "quantise", "collect", "measure") there, and stops at once when
    it is cancelled.

    `checkpoints` is the folder for original weights, `commands` start the children that build and measure.
    `load_choices` gets the settings of what was sized for a smaller KV cache; None keeps none.
    """

    def __init__(
        self,
        hub: HubClient,
        store: ModelStore,
        checkpoints: Path,
        commands: Commands,
        options: TransferOptions | None = None,
        load_choices: LoadChoices | None = None,
    ) -> None:
        self._hub = hub
        self._store = store
        self._checkpoints = checkpoints
        self._commands = commands
        self._options = options
        self._load_choices = load_choices

    def resolve(self, repo: str, revision: str = "", job: JobContext = UNWATCHED) -> Snapshot:
        """List what a repository holds, see `HubClient.resolve`."""
        return self._hub.resolve(repo, revision, cancel=job.cancel, on_progress=job.on_progress)

    def search(
        self, text: str, *, cancel: threading.Event | None = None
    ) -> tuple[tuple[RepositoryCard, Support], ...]:
        """Find models at the hub, see `search_models`, and whether each can be used."""
        return tuple((card, support(card)) for card in search_models(self._hub, text, cancel=cancel))

    def get(self, order: Order, job: JobContext = UNWATCHED) -> Acquired:
        """Bring the model as `order` says.

        Types that are in the store from the same commit, or from the same files of this computer, are not
        built again. A GGUF file on this computer is quantised anew, or recorded where it lies if there are no
        types; one in a repository is downloaded as it is. Original weights are quantised as they arrive and
        deleted when they are used up. Raises `StillroomError`, also while the models are being
        moved, and `Cancelled`; a later call goes on where this one stopped.
        """
        with told_when_full(order.out or self._store.root):
            acquired = self._get(order, job)
            self._keep_caches(acquired.models)
            return acquired

    def _keep_caches(self, models: Sequence[InstalledModel]) -> None:
        """Have each file loaded with the cache that it was sized for."""
        for model in models:
            cache = model.mixture.cache if model.mixture is not None else None
            if self._load_choices is not None and cache is not None and cache.kv_type != "f16":
                chosen = self._load_choices.of(model.path)
                load = msgspec.structs.replace(chosen.load, kv_type=cache.kv_type)
                self._load_choices.choose(model.path, msgspec.structs.replace(chosen, load=load))

    def _get(self, order: Order, job: JobContext) -> Acquired:
        started_s = time.monotonic()
        match order.reference:
            case GgufReference(file) if order.only_imports:
                imported = import_models([file], self._store, cancel=job.cancel)
                return Acquired(imported.models, time.monotonic() - started_s)
            case GgufReference(file):
                source = source_of(file, self._store)
                made_of = self._store.inputs_at(source.path)
                with InputHashes([source.path]) as hashes:
                    quantised = GgufWeights(source, file.stem, made_of, hashes, self._commands.build)
                    if order.out is None and not source.sha256:
                        hashes.start()
                    with self._working(order, source.name, source):
                        return self._built(order, quantised, job)
            case CheckpointReference(folder):
                with InputHashes(checkpoint_inputs(folder)) as hashes:
                    weights = FolderWeights(folder, hashes, self._commands.build)
                    if order.out is None:
                        # The store keeps them; they are computed while the build runs.
                        hashes.start()
                    with self._working(order, model_name(order.reference)):
                        return self._built(order, weights, job)
            case CatalogueReference() | HubReference() as reference:
                name = model_name(reference)
                with self._working(order, name), working(self._checkpoints / folder_name(name)):
                    return self._from_hub(order, reference, job)

    def _from_hub(
        self, order: Order, reference: CatalogueReference | HubReference, job: JobContext
    ) -> Acquired:
        started_s = time.monotonic()
        self._check_known_room(order)
        snapshot = self._snapshot(reference, order.revision, job)
        if order.out is None and _is_gguf(reference, snapshot):
            model, found = self._get_gguf(order, reference, snapshot, job)
            return Acquired((model,), time.monotonic() - started_s, found=(model,) if found else ())
        name = model_name(reference)
        key = reference.model.key if isinstance(reference, CatalogueReference) else ""
        remote = HubWeights(
            snapshot,
            Origin(name, key, snapshot.repo, snapshot.commit),
            self._checkpoints / folder_name(name),
            self._hub,
            self._commands.build,
            self._options,
            keep_original=order.keep_original,
        )
        return self._built(order, remote, job)

    def _working(
        self, order: Order, name: str, source: InstalledModel | None = None
    ) -> AbstractContextManager[None]:
        return self._store.working(work_name(name, source)) if order.out is None else nullcontext()

    def pull(
        self,
        reference: Reference,
        job: JobContext = UNWATCHED,
        *,
        revision: str = "",
        out: Path | None = None,
    ) -> Pulled:
        """Download the original files into `out`, or into the program's own folder, where they are kept."""
        with told_when_full(out or self._checkpoints):
            return self._pull(reference, job, revision, out)

    def _pull(self, reference: Reference, job: JobContext, revision: str, out: Path | None) -> Pulled:
        started_s = time.monotonic()
        if isinstance(reference, CheckpointReference | GgufReference):
            raise StillroomError(
                "This model is on this computer already, so there is nothing to download.",
                "Build it with “stillroom build”, or chat with it.",
            )
        snapshot = self._snapshot(reference, revision, job)
        if _is_gguf(reference, snapshot):
            files = [choose_gguf(snapshot, _file(reference))]
        else:
            files = list(checkpoint_files(snapshot))
        folder = out or self._checkpoints / folder_name(model_name(reference))
        with working(folder) if out is None else nullcontext():
            local = download(snapshot, files, folder, self._hub, job, options=self._options)
            keep_folder(folder)
        return Pulled(snapshot.repo, snapshot.commit, folder, tuple(local), time.monotonic() - started_s)

    def discard(self, model: str) -> None:
        """Delete what an unfinished `get` of `model` left on disk; whole models and kept weights stay.

        Raises `StillroomError` where somebody works with it now.
        """
        try:
            reference = parse_reference(model)
        except StillroomError:
            # A folder or file that is gone by now: nothing of it was copied.
            return
        if isinstance(reference, GgufReference):
            source = source_of(reference.file, self._store)
            name, made = source.name, work_name(source.name, source)
        else:
            name = made = model_name(reference)
        with self._store.working(made):
            if isinstance(reference, CatalogueReference | HubReference):
                with working(self._checkpoints / folder_name(name)):
                    drop_folder(self._checkpoints / folder_name(name))
            self._drop(name, made)

    def _drop(self, name: str, made: str) -> None:
        shutil.rmtree(self._store.work_folder(made), ignore_errors=True)
        unfinished_path(self._store.folder_of(name) / MATRIX_NAME).unlink(missing_ok=True)
        for left in self._store.find(name):
            if left.passing:
                remove_from(self._store, left)

    def _check_known_room(self, order: Order) -> None:
        """Raise `DiskFullError` before anything is asked of the hub where the files will not fit."""
        if isinstance(order.reference, CatalogueReference) and order.out is None:
            model = order.reference.model
            there = {found.type for found in self._store.find(model.name)}
            sizes = [
                model.sizes_bytes.get(kind, 0) for kind in order.types or USUAL_TYPES if kind not in there
            ]
            check_made_room(sum(sizes), work_folder(self._store, model.name))

    def _built(self, order: Order, weights: Weights, job: JobContext) -> Acquired:
        target: BuildTarget = StoreTarget(self._store) if order.out is None else FolderTarget(order.out)
        types = order.types or (() if order.wish.mixture_label else USUAL_TYPES)
        return QualityBuild(weights, target, self._commands, job).run(types, order.wish)

    def _snapshot(
        self, reference: CatalogueReference | HubReference, revision: str, job: JobContext
    ) -> Snapshot:
        repo = reference.model.repo if isinstance(reference, CatalogueReference) else reference.repo
        asked = revision or (reference.revision if isinstance(reference, HubReference) else "")
        return self.resolve(repo, asked, job)

    def _check_architecture(self, snapshot: Snapshot, file: RemoteFile, job: JobContext) -> None:
        """Refuse a GGUF file that llama.cpp does not know, before it is downloaded."""
        known = known_gguf_architectures()
        if snapshot.card is not None and snapshot.card.gguf_architecture in known:
            return
        start = fetch_start(snapshot, file, self._hub, options=self._options, cancel=job.cancel)
        name = Path(file.path).name
        architecture = stated_architecture(name, start, file.bytes)
        if architecture and architecture not in known:
            raise unknown_architecture(name, architecture, known)

    def _get_gguf(
        self,
        order: Order,
        reference: CatalogueReference | HubReference,
        snapshot: Snapshot,
        job: JobContext,
    ) -> tuple[InstalledModel, bool]:
        """Take the repository's GGUF file as it is, and tell whether it was there already. Raises
        `StillroomError` if more was wished."""
        kinds = [canonical_type(kind) for kind in order.types]
        wish = order.wish
        if wish.measure or (wish.imatrix != AUTO and wish.weighed(kinds)):
            raise StillroomError(
                "{repo} has finished GGUF files only, so there is nothing to build and to measure.",
                "Choose the repository that has the model's original weights.",
                repo=snapshot.repo,
            )
        name = model_name(reference)
        remote = choose_gguf(snapshot, _file(reference) or next(iter(kinds), ""))
        kind = type_in_name(remote.path)
        for model in self._store.find(name, kind):
            if (model.repo, model.commit) == (snapshot.repo, snapshot.commit):
                return model, True
        self._check_architecture(snapshot, remote, job)
        work = work_folder(self._store, name)
        [local] = download(snapshot, [remote], work, self._hub, job, options=self._options)
        check_gguf(local.path)
        [model] = self._store.add(
            name,
            [BuiltFile(kind, local.path, local.sha256, local.bytes)],
            repo=snapshot.repo,
            commit=snapshot.commit,
            inputs=[InputFile(path=local.name, sha256=local.sha256, bytes=local.bytes)],
            tools=tool_versions(),
        )
        shutil.rmtree(work)
        return model, False


def model_name(reference: CatalogueReference | HubReference | CheckpointReference) -> str:
    """Return the store's name for a model that is built from original weights."""
    match reference:
        case CatalogueReference(model):
            return model.name
        case CheckpointReference(folder):
            return checkpoint_name(folder)
        case HubReference(repo):
            return repo


def _file(reference: CatalogueReference | HubReference) -> str:
    return reference.file if isinstance(reference, HubReference) else ""


def _is_gguf(reference: CatalogueReference | HubReference, snapshot: Snapshot) -> bool:
    """Tell whether a GGUF file is meant: it is named, or there is nothing else."""
    has_weights = any(file.path.endswith(".safetensors") for file in snapshot.files)
    return bool(_file(reference)) or (bool(gguf_files(snapshot)) and not has_weights)
