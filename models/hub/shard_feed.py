"""Weight files one after the other while a build uses them up: few are on disk at once."""

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from models.hub.arrival import Arrival, OnArrival
from models.hub.download_record import forget_files
from models.hub.snapshot import RemoteFile
from models.system.errors import Cancelled
from models.system.progress import JobContext, Progress
from models.system.rate import RateMeter

log = logging.getLogger(__name__)

MOST_ON_DISK = 2
"""The file that is being used, and the next one."""

READS_PARTS = os.name != "nt"
"""Windows gives no new name to a file that another process reads."""

Fetch = Callable[[RemoteFile, JobContext, OnArrival], object]


class ShardFeed:
    """Brings `files` into `folder` with `fetch`, which blocks until a file is whole and verified.

    What has arrived of a file may be read before that. Each file is deleted when it is used up, and at most
    two are there at once, unless `keep`. Use it as a context manager: leaving it stops the transfer, what has
    arrived stays. The methods are for any thread.
    """

    def __init__(self, files: Sequence[RemoteFile], folder: Path, fetch: Fetch, *, keep: bool) -> None:
        self._files = {file.path: file for file in files}
        self._folder = folder
        self._fetch = fetch
        self._keep = keep
        self._changed = threading.Condition()
        self._on_change: Callable[[], None] = lambda: None
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(1, "shards")
        self._arrivals: dict[str, Arrival] = {}
        self._attempts: dict[str, int] = {}
        self._on_disk: set[str] = set()
        self._in_use: set[str] = set()
        self._failure: BaseException | None = None
        self._done_bytes = 0
        self._progress: Progress | None = None
        self._rate = RateMeter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._stop.set()
            self._changed.notify_all()
        self._pool.shutdown()

    def listen(self, on_change: Callable[[], None]) -> None:
        """Call it, on the transfer's thread, when there is something to hear from `arrived`."""
        self._on_change = on_change

    def begin(self, needed: Sequence[str]) -> None:
        """Bring the files named `needed`, in this order; the others are used up already."""
        for path, file in self._files.items():
            if path not in needed:
                self._done_bytes += file.bytes
                self._delete(path)
        # A second build of the same weights begins with none of them.
        forget_files(self._folder, [path for path in needed if not (self._folder / path).exists()])
        self._pool.submit(self._bring, [self._files[path] for path in needed])

    def used(self, path: str) -> None:
        """Delete the file: the build has no more use for it."""
        self._delete(path)
        with self._changed:
            self._on_disk.discard(path)
            self._in_use.discard(path)
            self._changed.notify_all()

    def arrived(self) -> list[Arrival]:
        """Return what has arrived since the last call, by file. Raises what ended the transfer."""
        with self._changed:
            if self._failure is not None:
                raise self._failure
            arrived, self._arrivals = list(self._arrivals.values()), {}
            self._in_use.update(arrival.name for arrival in arrived if arrival.verified)
            return arrived

    def progress(self) -> Progress | None:
        """Return the transfer's progress while no whole file is left to use, else None."""
        with self._changed:
            return None if self._in_use else self._progress

    def _bring(self, files: Sequence[RemoteFile]) -> None:
        # Whatever happens travels with `arrived`.
        with contextlib.suppress(Cancelled):
            for file in files:
                with self._changed:
                    self._changed.wait_for(
                        lambda: self._keep or len(self._on_disk) < MOST_ON_DISK or self._stop.is_set()
                    )
                    self._on_disk.add(file.path)
                try:
                    self._fetch(file, JobContext(self._note, self._stop), self._note_arrival)
                except Cancelled:
                    raise
                except BaseException as failure:  # noqa: BLE001 - it is raised on the caller's thread
                    with self._changed:
                        self._failure = failure
                    self._on_change()
                    return
                with self._changed:
                    self._done_bytes += file.bytes
                    self._arrivals[file.path] = self._whole(file)
                    self._progress = None
                self._on_change()

    def _note_arrival(self, arrival: Arrival) -> None:
        with self._changed:
            self._attempts[arrival.name] = arrival.attempt
            if READS_PARTS and not arrival.verified:
                self._arrivals[arrival.name] = arrival
        self._on_change()

    def _whole(self, file: RemoteFile) -> Arrival:
        return Arrival(file.path, file.bytes, self._attempts.get(file.path, 0), verified=True)

    def _note(self, progress: Progress) -> None:
        with self._changed:
            total = sum(file.bytes for file in self._files.values())
            # A file that is being verified has arrived.
            of_file = progress.total if progress.stage == "verify" else progress.done
            done = min(total, self._done_bytes + of_file)
            self._rate.update(done)
            left_s = self._rate.remaining_s(total - done)
            self._progress = Progress(
                "download", done, total, progress.detail, self._rate.bytes_per_s, left_s
            )

    def _delete(self, path: str) -> None:
        if not self._keep:
            (self._folder / path).unlink(missing_ok=True)
