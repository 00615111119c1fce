"""A build whose weights come from the hub meanwhile: what has arrived is quantised while the rest comes."""

import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, repeat
from pathlib import Path

from app.acquire.disk_space import check_room
from app.base.errors import StillroomError
from converters.build.build_client import BuildResult, build
from converters.checkpoint.architectures import read_settings
from converters.process.child_client import Child
from converters.process.messages import ComingFile
from models.hub.arrival import OnArrival, ignore_arrival
from models.hub.download_record import read_record
from models.hub.file_download import TransferOptions
from models.hub.hub import HubClient
from models.hub.repository_download import LocalFile, download
from models.hub.shard_feed import ShardFeed
from models.hub.snapshot import RemoteFile, Snapshot, checkpoint_files
from models.hub.weight_headers import fetch_weight_headers
from models.store.manifest import InputFile
from models.system.foreign_json import MOST_JSON_BYTES, parse_json
from models.system.progress import OnProgress
from models.system.regular_file import read_regular

# In a checkpoint's folder: its files were fetched for a build only and go when it is done.
_TEMPORARY = ".temporary"
_HEADERS = ".headers"
_FIRST_SEGMENT_BYTES = 1 << 20
_EARLY_SEGMENT_BYTES = 8 << 20
"""Of the first weight file, which the build waits for: of what comes at once it can use the first only. A
request costs two milliseconds of the processor."""


@dataclass(frozen=True, slots=True)
class HubBuilt:
    """The result of a build, and the repository's files that it was built from."""

    result: BuildResult
    inputs: tuple[InputFile, ...]


class HubBuild:
    """Builds from repositories of `hub`. `command` starts the build process. Blocks, on any thread."""

    def __init__(self, hub: HubClient, command: Sequence[str], transfer: TransferOptions | None) -> None:
        self._hub = hub
        self._command = command
        # Quantising needs every moment of the processor.
        self._transfer = replace(transfer or TransferOptions(), coarse=True)

    def run(
        self,
        snapshot: Snapshot,
        types: Sequence[str],
        folder: Path,
        out_dir: Path,
        name: str,
        *,
        keep_original: bool,
        later: Sequence[str] = (),
        imatrix: Path | None = None,
        on_progress: OnProgress,
        cancel: threading.Event | None,
    ) -> HubBuilt:
        """Make `<out_dir>/<name>-<TYPE>.gguf` of each of `types`.

        The original files pass through `folder`. At most two weight files are there at once, and each is
        deleted when it is used up, unless `keep_original` or the folder was there before. Where the types
        `later` will be built of the same files they stay until then if the disk has room, and come again if
        not. `imatrix` is the file of an importance matrix. Raises `StillroomError` and `Cancelled`; a later
        call goes on where this one stopped. The build's journal stays for `discard_build`: nothing is fetched
        again before the files are where they belong.
        """
        keep = _claim(folder, keep_original)
        wanted = checkpoint_files(snapshot)
        weights = [file for file in wanted if file.path.endswith(".safetensors")]
        text = [file for file in wanted if file not in weights]

        def fetch(
            files: Sequence[RemoteFile],
            listener: OnProgress,
            stop: threading.Event | None,
            on_arrival: OnArrival = ignore_arrival,
            transfer: TransferOptions = self._transfer,
        ) -> list[LocalFile]:
            return download(
                snapshot,
                files,
                folder,
                self._hub,
                options=transfer,
                on_progress=listener,
                on_arrival=on_arrival,
                cancel=stop,
            )

        first = replace(
            self._transfer,
            first_segment_bytes=_FIRST_SEGMENT_BYTES,
            segment_bytes=min(self._transfer.segment_bytes, _EARLY_SEGMENT_BYTES),
        )
        transfers = chain([first], repeat(self._transfer))

        def fetch_one(
            file: RemoteFile, listener: OnProgress, on_arrival: OnArrival, stop: threading.Event
        ) -> None:
            fetch([file], listener, stop, on_arrival, next(transfers))

        # The build process starts while the first files come.
        with Child(self._command) as child:
            fetch(text, on_progress, cancel)
            check_supported(folder / "config.json", snapshot.repo)
            out_dir.mkdir(parents=True, exist_ok=True)
            stay = keep or (bool(later) and _has_room(weights, [*types, *later], folder, out_dir))
            check_room(weights, [*types, *later], folder, out_dir, keep=stay)
            coming = self._coming(snapshot, weights, folder, cancel)
            with ShardFeed(weights, folder, fetch_one, keep=stay) as feed:
                result = build(
                    folder,
                    types,
                    out_dir,
                    name,
                    command=child,
                    on_progress=on_progress,
                    cancel=cancel,
                    imatrix=imatrix,
                    coming=coming,
                    feed=feed,
                    keep_journal=True,
                )
        verified = read_record(folder).files
        inputs = tuple(
            InputFile(path=file.path, sha256=verified[file.path].sha256, bytes=file.bytes) for file in wanted
        )
        if keep:
            # What an earlier run, which was not to keep them, has used up.
            fetch(weights, on_progress, cancel)
            shutil.rmtree(folder / _HEADERS, ignore_errors=True)
        return HubBuilt(result, inputs)

    def _coming(
        self,
        snapshot: Snapshot,
        weights: Sequence[RemoteFile],
        folder: Path,
        cancel: threading.Event | None,
    ) -> list[ComingFile]:
        absent = [file for file in weights if not (folder / file.path).exists()]
        headers = fetch_weight_headers(
            snapshot, absent, folder / _HEADERS, self._hub, options=self._transfer, cancel=cancel
        )
        return [
            ComingFile(
                name=file.path,
                bytes=file.bytes,
                sha256=file.sha256 or file.oid,
                header=str(headers[file.path].absolute()) if file.path in headers else "",
            )
            for file in weights
        ]


def keep_folder(folder: Path) -> None:
    """The files in `folder` stay from now on."""
    (folder / _TEMPORARY).unlink(missing_ok=True)


def drop_folder(folder: Path) -> None:
    """Delete what was fetched for a build only."""
    if (folder / _TEMPORARY).exists():
        shutil.rmtree(folder)


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
