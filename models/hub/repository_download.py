"""The files of a repository on disk: verified, resumable at the byte, cancelled at once."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import filelock
import httpx

from models.hub.arrival import OnArrival, ignore_arrival
from models.hub.bounded_http import until_cancelled
from models.hub.bulk_tls import open_client
from models.hub.download_record import RECORD_NAME, DownloadRecord, read_record
from models.hub.file_download import FileFetch, TransferOptions
from models.hub.file_names import unusable_names
from models.hub.hub_client import HubClient
from models.hub.range_request import Link
from models.hub.resumable_file import stored_bytes
from models.hub.snapshot import RemoteFile, Snapshot
from models.hub.verify import Hasher
from models.system.disk_space import require_room, told_when_full
from models.system.errors import StillroomError
from models.system.progress import UNWATCHED, JobContext, Progress, raise_if_cancelled
from models.system.rate import RateMeter
from models.system.shown_text import shown

_LOCK_NAME = ".download.lock"
_OUR_ENDINGS = (".part", ".part.journal")
_REPORT_EVERY_S = 0.2
_MOST_SPARE_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A downloaded and verified file; `name` is its path in the repository."""

    name: str
    path: Path
    sha256: str
    bytes: int


def download(
    snapshot: Snapshot,
    files: Sequence[RemoteFile],
    folder: Path,
    hub: HubClient,
    job: JobContext = UNWATCHED,
    *,
    options: TransferOptions | None = None,
    on_arrival: OnArrival = ignore_arrival,
) -> list[LocalFile]:
    """Fetch `files` of `snapshot` into `folder`, in this order; blocks, any thread.

    What an earlier call left is used. A file has its final name only once it is whole and verified. Reports
    the stages "download" and "verify" on the calling thread, and what of a file can be read already. Raises
    `Cancelled` within a tenth of a second (what has arrived stays for the next call) and `StillroomError`.
    """
    _check_names([file.path for file in files])
    try:
        with told_when_full(folder, lambda: _missing_bytes(files, folder)):
            folder.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(folder / _LOCK_NAME, timeout=0):
                work = _Download(snapshot, files, folder, hub, job, options or TransferOptions(), on_arrival)
                return asyncio.run(work.run())
    except filelock.Timeout as error:
        raise StillroomError(
            "Another Stillroom is downloading into {folder} already.",
            "Wait for it, or stop it first.",
            folder=str(folder),
        ) from error
    except OSError as error:
        raise StillroomError(
            "The download cannot be written to {folder}: {reason}.",
            "Check that the folder may be written to and that its disk is healthy.",
            folder=str(folder),
            reason=error.strerror or type(error).__name__,
        ) from error


class _Download:
    def __init__(
        self,
        snapshot: Snapshot,
        files: Sequence[RemoteFile],
        folder: Path,
        hub: HubClient,
        job: JobContext,
        options: TransferOptions,
        on_arrival: OnArrival,
    ) -> None:
        self._snapshot = snapshot
        self._files = files
        self._folder = folder
        self._hub = hub
        self._job = job
        self._options = options
        self._on_arrival = on_arrival
        self._total = sum(file.bytes for file in files)
        self._finished_bytes = 0
        self._current: FileFetch | None = None
        self._checking: Hasher | None = None
        self._current_file: RemoteFile | None = None
        self._rate = RateMeter()
        self._rate_of = ("", "")
        self._report_at_s = 0.0

    async def run(self) -> list[LocalFile]:
        raise_if_cancelled(self._job.cancel)
        record = read_record(self._folder)
        record.repo, record.commit = self._snapshot.repo, self._snapshot.commit
        self._check_space()
        return await until_cancelled(self._fetch_all(record), self._job.cancel, self._report_if_due)

    async def _fetch_all(self, record: DownloadRecord) -> list[LocalFile]:
        timeout = httpx.Timeout(
            self._options.stall_s, connect=self._options.connect_s, pool=None, write=self._options.stall_s
        )
        done = []
        async with open_client(timeout, most=self._options.connections + 1, proxy=self._hub.proxy) as client:
            for file in self._files:
                sha256 = await self._ensure(client, file, record)
                done.append(LocalFile(file.path, self._folder / file.path, sha256, file.bytes))
                self._finished_bytes += file.bytes
        return done

    async def _ensure(self, client: httpx.AsyncClient, file: RemoteFile, record: DownloadRecord) -> str:
        target = self._folder / file.path
        sha256 = record.still_verified(self._folder, file)
        if sha256 is not None:
            return sha256
        self._current_file = file
        if target.exists():
            sha256 = await self._check_existing(target, file)
            if sha256 is None and file.path not in record.files:
                raise StillroomError(
                    "{path} exists already and is another file.",
                    "Move it away, or download into an empty folder.",
                    path=str(target),
                )
        if sha256 is None:
            link = Link(client, self._hub, self._snapshot, file)
            self._current = FileFetch(link, file, target, self._options, self._on_arrival)
            try:
                sha256 = await self._current.run()
                self._on_arrival(replace(self._current.arrival(), verified=True))
            finally:
                self._current = None
        record.note(self._folder, file, sha256)
        return sha256

    async def _check_existing(self, target: Path, file: RemoteFile) -> str | None:
        """Return the SHA-256 of a file with its final name but no record, None where its content is
        another."""
        if target.stat().st_size != file.bytes:
            return None
        hasher = self._checking = Hasher(file)
        try:
            while hasher.done < file.bytes:
                before = hasher.done
                await asyncio.to_thread(hasher.read, target, min(file.bytes, hasher.done + (64 << 20)))
                if hasher.done == before:
                    return None
        finally:
            self._checking = None
        digest = hasher.digest()
        return digest.sha256 if digest.matches else None

    def _check_space(self) -> None:
        missing = _missing_bytes(self._files, self._folder)
        require_room(self._folder, missing + min(_MOST_SPARE_BYTES, missing // 20))

    def _report_if_due(self) -> None:
        now_s = time.monotonic()
        if now_s < self._report_at_s:
            return
        self._report_at_s = now_s + _REPORT_EVERY_S
        fetch, checking, file = self._current, self._checking, self._current_file
        detail = file.path if file is not None else ""
        if checking is not None and file is not None:
            self._send("verify", checking.done, file.bytes, detail)
        elif fetch is not None and file is not None and fetch.received_bytes == file.bytes:
            self._send("verify", fetch.verified_bytes, file.bytes, detail)
        else:
            received = fetch.received_bytes if fetch is not None else 0
            self._send("download", self._finished_bytes + received, self._total, detail)

    def _send(self, stage: str, done: int, total: int, detail: str) -> None:
        subject = (stage, detail if stage == "verify" else "")
        if subject != self._rate_of:
            self._rate_of = subject
            self._rate = RateMeter()
        self._rate.update(done)
        left_s = self._rate.remaining_s(total - done)
        self._job.on_progress(Progress(stage, done, total, detail, self._rate.bytes_per_s, left_s))


def _check_names(names: Sequence[str]) -> None:
    unusable = unusable_names(names)
    ours = [name for name in names if name in (RECORD_NAME, _LOCK_NAME) or name.endswith(_OUR_ENDINGS)]
    if unusable or ours:
        raise StillroomError(
            "The file {name} cannot be stored under that name on every computer, so nothing is downloaded.",
            "Choose another repository.",
            name=shown((unusable or ours)[0]),
        )


def _missing_bytes(files: Sequence[RemoteFile], folder: Path) -> int:
    return sum(file.bytes - stored_bytes(folder / file.path) for file in files)
