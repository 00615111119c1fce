"""The weights that files are built from: a checkpoint's folder or a GGUF file; of the hub's see
`hub_build`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.acquire.arrived import SAFETENSORS
from app.acquire.disk_space import check_build_room
from app.acquire.input_hashes import InputHashes
from app.acquire.kept_imatrix import weights_fingerprint
from app.base.errors import StillroomError
from converters.build.build_client import build
from converters.checkpoint.architectures import read_settings
from converters.process.messages import BuildRequest, BuildResult, MatrixFile
from models.catalogue.catalogue import CatalogueModel, find
from models.hub.download_record import DownloadRecord, read_record
from models.quantisation.chosen_mixture import ChosenMixture
from models.store.manifest import InputFile
from models.store.store import InstalledModel
from models.system.foreign_json import MOST_JSON_BYTES, parse_json
from models.system.progress import JobContext
from models.system.regular_file import read_regular

Recorded = tuple[InstalledModel, tuple[InputFile, ...]]
"""A model of the store, and what it was built from."""


@dataclass(frozen=True, slots=True)
class BuildPass:
    """One reading of the weights: it makes `types`, weighed by `matrix`; without one, a weighed file that is
    there serves unless it is to be `unweighed`. The types `later` are made of the same weights afterwards, so
    these stay until then, and the types `after` of a file of `types`; room for all is looked for before.
    `mixture` is the one that is made where `types` hold its label."""

    types: Sequence[str]
    later: Sequence[str] = ()
    after: Sequence[str] = ()
    matrix: MatrixFile | None = None
    mixture: ChosenMixture | None = None
    unweighed: bool = False

    @property
    def mixtures(self) -> tuple[ChosenMixture, ...]:
        """The mixtures that a build of this step needs to know."""
        return () if self.mixture is None else (self.mixture,)


@dataclass(frozen=True, slots=True)
class Origin:
    """The model that the weights are of: its name, catalogue key, repository and commit in the store."""

    name: str
    key: str = ""
    repo: str = ""
    commit: str = ""


class Weights(ABC):
    """Original weights, or what stands for them. `stem` begins the names of files in a folder of the user's,
    and `file` is the GGUF file itself where they are one. The methods block, on any thread."""

    def __init__(self, origin: Origin, stem: str, *, file: InstalledModel | None = None) -> None:
        self.origin = origin
        self.stem = stem
        self.file = file

    @abstractmethod
    def build(self, step: BuildPass, out_dir: Path, name: str, job: JobContext) -> BuildResult:
        """Make `<out_dir>/<name>-<TYPE>.gguf` of each type. Raises `StillroomError` and `Cancelled`; a later
        call goes on where this one stopped."""

    @abstractmethod
    def inputs(self, job: JobContext) -> tuple[InputFile, ...]:
        """Return the files that `build` has read. Raises `StillroomError` where they are damaged, and
        `Cancelled`."""

    @abstractmethod
    def sha256(self, job: JobContext) -> str:
        """Return one hash of the weights. Raises `Cancelled`."""

    def built(self, models: Sequence[Recorded], job: JobContext) -> tuple[InstalledModel, ...]:
        """Choose those of `models` that were built of these weights."""
        return ()

    def release(self, work: Path | None = None) -> None:  # noqa: B027 - most weights are the user's own
        """Let go of what was fetched for the build, and of what a build into the folder `work` has left that
        was killed when everything was in the store already."""


class FolderWeights(Weights):
    """The checkpoint in `folder`; `hashes` are of its files. Raises `CheckpointError` for an unsupported
    one."""

    def __init__(self, folder: Path, hashes: InputHashes, command: Sequence[str]) -> None:
        check_supported(folder / "config.json", folder.name)
        known = known_checkpoint(folder)
        self._record = record = read_record(folder)
        name, key = (known.name, known.key) if known is not None else (folder.name, "")
        super().__init__(Origin(name, key, record.repo, record.commit), folder.name)
        self._folder = folder
        self._hashes = hashes
        self._command = command

    def build(self, step: BuildPass, out_dir: Path, name: str, job: JobContext) -> BuildResult:
        """See `Weights`."""
        if step.later or step.after:
            size = sum(path.stat().st_size for path in self._folder.glob(f"*{SAFETENSORS}"))
            check_build_room(size, [*step.types, *step.later, *step.after], out_dir)
        return _build_from(self._folder, step, out_dir, name, self._command, job)

    def inputs(self, job: JobContext) -> tuple[InputFile, ...]:
        """See `Weights`."""
        inputs = self._hashes.wait(job)
        _require_as_verified(self._folder, self._record, inputs)
        return inputs

    def sha256(self, job: JobContext) -> str:
        """See `Weights`."""
        return weights_fingerprint(
            file.sha256 for file in self._hashes.wait(job) if file.path.endswith(SAFETENSORS)
        )

    def built(self, models: Sequence[Recorded], job: JobContext) -> tuple[InstalledModel, ...]:
        """See `Weights`."""
        return _built_of(self._hashes.files, models, self._hashes.wait, job)


class GgufWeights(Weights):
    """The GGUF file `file`; `made_of` are the files that it was built from, where that is known, and `hashes`
    are of the file. Quantising a quantised one loses quality."""

    file: InstalledModel

    def __init__(
        self,
        file: InstalledModel,
        stem: str,
        made_of: Sequence[InputFile],
        hashes: InputHashes,
        command: Sequence[str],
    ) -> None:
        super().__init__(Origin(file.name, file.key, file.repo, file.commit), stem, file=file)
        self._made_of = made_of
        self._hashes = hashes
        self._command = command

    def build(self, step: BuildPass, out_dir: Path, name: str, job: JobContext) -> BuildResult:
        """See `Weights`."""
        return _build_from(self.file.path, step, out_dir, name, self._command, job)

    def inputs(self, job: JobContext) -> tuple[InputFile, ...]:
        """See `Weights`."""
        file = self.file
        if not file.sha256:
            return self._hashes.wait(job)
        return (InputFile(path=file.path.name, sha256=file.sha256, bytes=file.bytes),)

    def sha256(self, job: JobContext) -> str:
        """See `Weights`; that of the original weights where it is known."""
        recorded = [file.sha256 for file in self._made_of if file.path.endswith(SAFETENSORS)]
        return weights_fingerprint(recorded or [file.sha256 for file in self.inputs(job)])

    def built(self, models: Sequence[Recorded], job: JobContext) -> tuple[InstalledModel, ...]:
        """See `Weights`; the file itself is one of them."""
        itself = [model for model, _ in models if model.path == self.file.path]
        others = [one for one in models if one[0].path != self.file.path]
        return (*itself, *_built_of([self.file.path], others, self.inputs, job))


class FullPrecision(Weights):
    """The full-precision file `file` that was built from the weights `original`, for which it stands: what is
    made of it counts as made of their files `made_of`. They may be released."""

    file: InstalledModel

    def __init__(
        self,
        file: InstalledModel,
        original: Weights,
        made_of: tuple[InputFile, ...],
        command: Sequence[str],
    ) -> None:
        super().__init__(original.origin, original.stem, file=file)
        self._original = original
        self._made_of = made_of
        self._command = command

    def build(self, step: BuildPass, out_dir: Path, name: str, job: JobContext) -> BuildResult:
        """See `Weights`."""
        return _build_from(self.file.path, step, out_dir, name, self._command, job)

    def inputs(self, job: JobContext) -> tuple[InputFile, ...]:
        """See `Weights`."""
        return self._made_of

    def sha256(self, job: JobContext) -> str:
        """See `Weights`."""
        return self._original.sha256(job)

    def built(self, models: Sequence[Recorded], job: JobContext) -> tuple[InstalledModel, ...]:
        """See `Weights`."""
        return self._original.built(models, job)


def _build_from(
    source: Path, step: BuildPass, out_dir: Path, name: str, command: Sequence[str], job: JobContext
) -> BuildResult:
    request = BuildRequest(source, list(step.types), out_dir, name, step.matrix, mixtures=step.mixtures)
    return build(request, command, job)


def _built_of(
    files: Sequence[Path],
    models: Sequence[Recorded],
    inputs: Callable[[JobContext], tuple[InputFile, ...]],
    job: JobContext,
) -> tuple[InstalledModel, ...]:
    """Choose those of `models` that were built of `files`; asks for their checksums, which are awaited, only
    where names and sizes are the same."""
    here = [(path.name, path.stat().st_size) for path in files]
    alike = [one for one in models if [(file.path, file.bytes) for file in one[1]] == here]
    now = inputs(job) if alike else ()
    return tuple(model for model, made_of in alike if made_of == now)


def known_checkpoint(folder: Path) -> CatalogueModel | None:
    """Return the catalogue's model whose original files are in `folder`."""
    return find(read_record(folder).repo) or find(folder.name)


def checkpoint_name(folder: Path) -> str:
    """Return the store's name for what is built from the checkpoint in `folder`, which is read for that."""
    known = known_checkpoint(folder)
    return known.name if known is not None else folder.name


def check_supported(config: Path, repo: str) -> None:
    """Refuse a model that cannot be converted before its weights are downloaded."""
    try:
        settings = parse_json(read_regular(config, MOST_JSON_BYTES))
    except (OSError, ValueError):
        settings = None
    if not isinstance(settings, dict):
        raise StillroomError(
            "The config.json of {repo} cannot be read.", "Choose another repository.", repo=repo
        )
    read_settings(settings)


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
