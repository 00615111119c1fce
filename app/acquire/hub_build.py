"""A build whose weights come from the hub meanwhile: what has arrived is quantised while the rest comes."""

import shutil
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path

from app.acquire.arrived import SAFETENSORS, arrived_bytes
from app.acquire.disk_space import check_room
from app.acquire.kept_imatrix import weights_fingerprint
from app.acquire.weights import BuildPass, Origin, Recorded, Weights, check_supported
from app.base.errors import StillroomError
from converters.build.build_client import build
from converters.build.working_files import locked
from converters.process.child_client import Child
from converters.process.messages import BuildRequest, BuildResult, ComingFile
from converters.system.errors import BuildError
from models.hub.arrival import OnArrival, ignore_arrival
from models.hub.download_record import read_record
from models.hub.file_download import TransferOptions
from models.hub.hub_client import HubClient
from models.hub.repository_download import download
from models.hub.shard_feed import ShardFeed
from models.hub.snapshot import RemoteFile, Snapshot, checkpoint_files
from models.hub.weight_headers import fetch_weight_headers
from models.store.manifest import InputFile
from models.store.store import InstalledModel, folder_name
from models.system.progress import JobContext, Progress

# In a checkpoint's folder: its files were fetched for a build only and go when it is done.
_TEMPORARY = ".temporary"
_HEADERS = ".headers"
_FIRST_SEGMENT_BYTES = 1 << 20
_EARLY_SEGMENT_BYTES = 8 << 20
"""Of the first weight file, which the build waits for: of what comes at once it can use the first only. A
request costs two milliseconds of the processor."""


class HubWeights(Weights):
    """The checkpoint in the repository `snapshot` of `hub`, whose files pass through `folder`.

    At most two weight files are there at once, and each is deleted when it is used up, unless `keep_original`
    or the folder was there before. Where more types will be built of the same files they stay until then if
    the disk has room, and come again if not. Raises `StillroomError` for a repository without a checkpoint.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        origin: Origin,
        folder: Path,
        hub: HubClient,
        command: Sequence[str],
        options: TransferOptions | None = None,
        *,
        keep_original: bool = False,
    ) -> None:
        super().__init__(origin, folder_name(origin.name))
        self._snapshot = snapshot
        self._folder = folder
        self._hub = hub
        self._command = command
        # Quantising needs every moment of the processor.
        self._options = replace(options or TransferOptions(), coarse=True)
        self._keep_original = keep_original
        self._files = checkpoint_files(snapshot)
        self._weights = [file for file in self._files if file.path.endswith(SAFETENSORS)]

    def build(self, step: BuildPass, out_dir: Path, name: str, job: JobContext) -> BuildResult:
        """See `Weights`. The build's journal stays for `discard_build`: nothing is fetched again before the
        files are where they belong."""
        keep = _claim(self._folder, self._keep_original)
        weights, types = self._weights, [*step.types, *step.later, *step.after]
        # The build process starts while the first files come.
        with Child(self._command) as child:
            self._fetch_beside(job)
            check_supported(self._folder / "config.json", self._snapshot.repo)
            out_dir.mkdir(parents=True, exist_ok=True)
            stay = keep or (bool(step.later) and _has_room(weights, types, self._folder, out_dir))
            check_room(weights, types, self._folder, out_dir, keep=stay)
            request = BuildRequest(
                self._folder,
                list(step.types),
                out_dir,
                name,
                step.matrix,
                coming=self._coming(job),
                keep_journal=True,
                mixtures=step.mixtures,
            )
            first = replace(
                self._options,
                first_segment_bytes=_FIRST_SEGMENT_BYTES,
                segment_bytes=min(self._options.segment_bytes, _EARLY_SEGMENT_BYTES),
            )
            options = chain([first], repeat(self._options))

            def fetch_one(file: RemoteFile, job: JobContext, on_arrival: OnArrival) -> None:
                self._fetch([file], job, next(options), on_arrival)

            with ShardFeed(weights, self._folder, fetch_one, keep=stay) as feed:
                result = build(request, child, job, feed)
        if keep:
            # What an earlier run, which was not to keep them, has used up.
            self._fetch(weights, job)
            shutil.rmtree(self._folder / _HEADERS, ignore_errors=True)
        return result

    def inputs(self, job: JobContext) -> tuple[InputFile, ...]:
        """See `Weights`."""
        verified = read_record(self._folder).files
        return tuple(
            InputFile(path=file.path, sha256=verified[file.path].sha256, bytes=file.bytes)
            for file in self._files
        )

    def sha256(self, job: JobContext) -> str:
        """See `Weights`."""
        return weights_fingerprint(file.sha256 or file.oid for file in self._weights)

    def built(self, models: Sequence[Recorded], job: JobContext) -> tuple[InstalledModel, ...]:
        """See `Weights`."""
        here = self._snapshot.repo, self._snapshot.commit
        return tuple(model for model, _ in models if (model.repo, model.commit) == here)

    def release(self, work: Path | None = None) -> None:
        """See `Weights`."""
        lock = locked(work, self.stem) if work is not None and work.is_dir() else nullcontext()
        with suppress(BuildError), lock:  # refused while another process builds it
            drop_folder(self._folder)
            if work is not None:
                shutil.rmtree(work, ignore_errors=True)

    def _fetch_beside(self, job: JobContext) -> None:
        """Fetch the files beside the weights. They are small: what is told is how much there is of the
        weights, and nothing where none is to come."""
        small = [file for file in self._files if file not in self._weights]
        record = read_record(self._folder)
        is_there = all(record.still_verified(self._folder, file) is not None for file in small)
        total = sum(file.bytes for file in self._weights)
        done = 0 if is_there else min(total, arrived_bytes(self._folder, SAFETENSORS))

        def tell(progress: Progress) -> None:
            if not is_there:
                job.on_progress(Progress("download", done, total, progress.detail, progress.bytes_per_s))

        self._fetch(small, JobContext(tell, job.cancel))

    def _fetch(
        self,
        files: Sequence[RemoteFile],
        job: JobContext,
        options: TransferOptions | None = None,
        on_arrival: OnArrival = ignore_arrival,
    ) -> None:
        options = options or self._options
        download(self._snapshot, files, self._folder, self._hub, job, options=options, on_arrival=on_arrival)

    def _coming(self, job: JobContext) -> list[ComingFile]:
        absent = [file for file in self._weights if not (self._folder / file.path).exists()]
        folder = self._folder / _HEADERS
        headers = fetch_weight_headers(
            self._snapshot, absent, folder, self._hub, options=self._options, cancel=job.cancel
        )
        return [
            ComingFile(
                name=file.path,
                bytes=file.bytes,
                sha256=file.sha256 or file.oid,
                header=headers.get(file.path),
            )
            for file in self._weights
        ]


def keep_folder(folder: Path) -> None:
    """Keep the files in `folder` from now on."""
    (folder / _TEMPORARY).unlink(missing_ok=True)


def drop_folder(folder: Path) -> None:
    """Delete what was fetched for a build only."""
    if (folder / _TEMPORARY).exists():
        shutil.rmtree(folder)


def _has_room(weights: Sequence[RemoteFile], types: Sequence[str], folder: Path, out_dir: Path) -> bool:
    """Tell whether the original files can stay until all of `types` are built."""
    try:
        check_room(weights, types, folder, out_dir, keep=True)
    except StillroomError:
        return False
    return True


def _claim(folder: Path, keep_original: bool) -> bool:
    """Make the folder, or use the one that is there; tell whether its files are to stay."""
    if not folder.exists():
        folder.mkdir(parents=True)
        (folder / _TEMPORARY).touch()
    if keep_original:
        keep_folder(folder)
    return not (folder / _TEMPORARY).exists()
