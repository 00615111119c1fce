"""Downloads and builds that go on in the background, and after a restart."""

import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from app.acquire.build_options import AUTO, NO_SIZE, ON, BuildWish, FileSize, Order
from app.base.errors import Cancelled, StillroomError
from app.base.newest_writer import NewestWriter
from models.catalogue.reference import CatalogueReference, Reference, parse_reference
from models.hub.hub_access import TokenError
from models.hub.repository_card import RepositoryCard
from models.hub.snapshot import Snapshot
from models.store.store import InstalledModel
from models.system.disk_space import DiskFullError, DiskNeed, told_error
from models.system.json_file import is_set_aside, read_json, write_json
from models.system.notices import tell
from models.system.progress import UNWATCHED, JobContext, Progress

if TYPE_CHECKING:
    # The libraries behind it are half of the window's start, so it is made when the first job needs it.
    from app.acquire.acquirer import Acquirer
    from app.acquire.quality_build import Acquired
    from app.acquire.repository_offers import Support

log = logging.getLogger(__name__)

JobState = Literal["waiting", "running", "paused", "failed", "done", "cancelled", "gone"]
_OPEN: tuple[JobState, ...] = ("waiting", "running", "paused", "failed")
"""Something is left to be done, or to be decided."""
Observer = Callable[["JobView"], None]
Count = Callable[[str, Progress], Progress | None]
"""Gives the last step of a model's download with what the disk has of it."""

_WITHOUT = "It held a download or a build: ask for the model again, and what was fetched of it is used."


class Job(msgspec.Struct, kw_only=True):
    """A job as the user asked for it, and its state; one JSON file a job."""

    id: str
    model: str
    title: str
    types: list[str]
    revision: str = ""
    keep_original: bool = False
    measure: bool = False
    weigh: bool = False
    size_bytes: int = 0
    small_cache_bytes: int = 0
    fits: bool = False
    created_at: str = ""
    state: JobState = "waiting"
    message: str = ""
    hint: str = ""
    values: dict[str, str] = {}
    needs_token: bool = False
    full_folder: str = ""
    missing_bytes: int = 0
    """So much must be free on the disk of `full_folder`, where the job failed as that was full."""
    reached: Progress | None = None
    """The last step that it told of; in the file of a job that runs, that of its download."""


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as it is now. `model` is what the user named, `title` what it is called.

    `progress` is there while it runs, `reached` is what it told last, also before a restart, `error` is there
    when it failed, `installed` when it is done, with `was_there` where all of that was there before. A
    cancelled job is gone once what it left is deleted.
    """

    id: str
    model: str
    title: str
    types: tuple[str, ...]
    state: JobState
    progress: Progress | None = None
    reached: Progress | None = None
    error: StillroomError | None = None
    installed: tuple[InstalledModel, ...] = ()
    was_there: bool = False
    is_held: bool = False
    """It waits for `JobBook.release`."""

    @property
    def stopped(self) -> bool:
        """Tell whether the job waits for the user to resume it."""
        return self.state in ("paused", "failed")


class JobBook:
    """All jobs, one of which runs at a time on the book's own thread; the methods are for any thread.

    Jobs are kept in `folder`; `make_acquirer` makes what does the work, `count` says at `start` how far a
    download had come that was under way when the program ended, however it did. A job that was waiting or
    running then goes on at `start`, a paused or failed one waits for `resume`. Pausing keeps what was made,
    cancelling deletes it.

    Only `start`, and `add` of a path, wait for the disk, and nobody waits for them: each new state is written
    a moment later, by a thread of its own, and `close` waits for that. A job begins once its file is there.
    Where that cannot be written the user is told, and the job is gone.
    """

    def __init__(
        self,
        folder: Path,
        make_acquirer: "Callable[[], Acquirer]",
        count: Count = lambda _, reached: reached,
    ) -> None:
        self._folder = folder
        self._make_acquirer = make_acquirer
        self._count = count
        self._made: Acquirer | None = None
        self._making = threading.Lock()
        self._changed = threading.Condition(threading.RLock())
        self._jobs: dict[str, Job] = {}
        self._unwritten: dict[str, None] = {}
        """The jobs whose files say an earlier state, in the order in which they changed."""
        self._unkept: set[str] = set()
        """The jobs that have no file yet: they would be lost if the program ended now."""
        self._writer = NewestWriter("job-files", self._write_changed)
        self._progress: dict[str, Progress] = {}
        self._download: Progress | None = None
        """The last step of a download that the running job told of."""
        self._acquired: dict[str, Acquired] = {}
        self._observers: list[Observer] = []
        self._running = ""
        self._cancelled: dict[str, tuple[float, JobState]] = {}
        """By job: the monotonic time at which a cancelled job's files are deleted, and its state before."""
        self._stop = threading.Event()
        self._closing = False
        self._held = False
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)

    def start(self) -> None:
        """Read the kept jobs, tell the observers of them, and begin to work."""
        read = [
            read_json(file, Job, without=_WITHOUT)
            for file in sorted(self._folder.glob("*.json"))
            if not is_set_aside(file)
        ]
        for job in read:
            reached = job.reached if job is not None and job.state == "running" else None
            if job is not None and reached is not None and reached.stage == "download":
                job.reached = self._count(job.model, reached)
        with self._changed:
            self._jobs.update({job.id: job for job in read if job is not None} | self._jobs)
            for job in self._jobs.values():
                if job.state == "running":
                    job.state = "waiting"
            kept = [job for job in self._jobs.values() if job.state != "cancelled"]
        for job in kept:
            self._tell(job)
        self._thread.start()

    def close(self) -> None:
        """Stop; a running job goes on at the next start. Waits until the files say what is now."""
        with self._changed:
            self._closing = True
            self._stop.set()
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        self.flush()

    def flush(self) -> None:
        """Wait until the files say what is now."""
        self._writer.flush()

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Call `observer` with every change of a job, in their order and on the thread that made it; it must
        not block. The result ends that."""
        with self._changed:
            self._observers.append(observer)
        return lambda: self._observers.remove(observer)

    def jobs(self) -> tuple[JobView, ...]:
        """All jobs, the oldest first."""
        with self._changed:
            listed = sorted(self._jobs.values(), key=lambda job: job.created_at)
            return tuple(self._view(job) for job in listed if job.state not in ("cancelled", "gone"))

    def add(
        self,
        model: str,
        types: Sequence[str],
        *,
        revision: str = "",
        keep_original: bool = False,
        measure: bool = False,
        weigh: bool = False,
        size: FileSize = NO_SIZE,
        title: str = "",
        reference: Reference | None = None,
    ) -> JobView:
        """Get `model` (as `parse_reference` takes it) in `types`, a GGUF file by quantising it anew;
        `measure` what that cost, `weigh` every small type by an importance matrix; one more file of `size`,
        whose types are chosen by measurement.

        The job is called `title`. One that is to make the same already is given back, and goes on where it
        was stopped; one that was cancelled while that can be taken back. `reference` is what `model` stands
        for: without it a path is looked at, which waits for its disk. Raises `StillroomError` if the model is
        unknown.
        """
        reference = reference or parse_reference(model)
        job = Job(
            id=uuid.uuid4().hex,
            model=model,
            title=title or (reference.model.name if isinstance(reference, CatalogueReference) else model),
            types=list(types),
            revision=revision,
            keep_original=keep_original,
            measure=measure,
            weigh=weigh,
            size_bytes=size.size_bytes,
            small_cache_bytes=size.small_cache_bytes,
            fits=size.fits,
            created_at=datetime.now(UTC).isoformat(),
        )
        with self._changed:
            alike = [other for other in self._jobs.values() if _makes_the_same(other, job)]
            same = next(
                (other for other in alike if other.state in _OPEN or other.id in self._cancelled), None
            )
            if same is not None:
                self.restore(same.id)
                self.resume(same.id)
                return self._view(same)
            self._jobs[job.id] = job
            self._unkept.add(job.id)
            self._keep(job)
            self._tell(job)
            return self._view(job)

    def resolve(self, repo: str, revision: str = "", job: JobContext = UNWATCHED) -> Snapshot:
        """Ask the hub what a repository holds; blocks. Raises `StillroomError` and `Cancelled`."""
        return self._acquirer().resolve(repo, revision, job)

    def search(
        self, text: str, *, cancel: threading.Event | None = None
    ) -> "tuple[tuple[RepositoryCard, Support], ...]":
        """Find models at the hub, and whether each can be used; blocks. Raises `StillroomError` and
        `Cancelled`."""
        return self._acquirer().search(text, cancel=cancel)

    def hold(self) -> None:
        """Begin no job until `release`; one that runs goes on."""
        with self._changed:
            self._held = True
            self._tell_waiting()

    def release(self) -> None:
        """Go on with what waits."""
        with self._changed:
            self._held = False
            self._tell_waiting()
            self._changed.notify_all()

    def pause(self, job_id: str) -> None:
        """Stop the job and keep what it has."""
        self._end_with(job_id, "paused")

    def cancel(self, job_id: str, *, undo_s: float = 0.0) -> None:
        """Stop the job and delete what it has after `undo_s`; until then `restore` takes that back."""
        with self._changed:
            job = self._jobs.get(job_id)
            if job is not None and job.state in _OPEN:
                before: JobState = "waiting" if job.state == "running" else job.state
                self._cancelled[job_id] = time.monotonic() + undo_s, before
                self._end_with(job_id, "cancelled")

    def restore(self, job_id: str) -> None:
        """A job that was cancelled is what it was before, if what it has is still there."""
        with self._changed:
            job = self._jobs.get(job_id)
            if job is not None and job.state == "cancelled" and job_id in self._cancelled:
                self._set(job, self._cancelled.pop(job_id)[1])

    def resume(self, job_id: str) -> None:
        """Go on with a paused or failed job."""
        with self._changed:
            job = self._jobs.get(job_id)
            if job is not None and job.state in ("paused", "failed"):
                job.message, job.hint, job.values = "", "", {}
                job.full_folder, job.missing_bytes = "", 0
                self._set(job, "waiting")

    def dismiss(self, job_id: str) -> None:
        """Take a finished job off the list."""
        with self._changed:
            if job_id in self._jobs and self._jobs[job_id].state == "done":
                del self._jobs[job_id]

    def _acquirer(self) -> "Acquirer":
        with self._making:
            if self._made is None:
                self._made = self._make_acquirer()
            return self._made

    def _end_with(self, job_id: str, state: JobState) -> None:
        with self._changed:
            job = self._jobs.get(job_id)
            if job is None or job.state in ("done", "gone"):
                return
            self._set(job, state)
            if job_id == self._running:
                self._stop.set()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._closing and (job := self._next()) is None:
                    self._changed.wait(None if self._held else self._discard_in_s())
                if self._closing:
                    return
                assert job is not None
                goes_on = job.state == "waiting"
                if goes_on:
                    self._running = job.id
                    self._stop.clear()
                    self._set(job, "running")
                else:
                    job.state = "gone"
            if goes_on:
                self._run(job)
            else:
                self._discard(job)

    def _next(self) -> Job | None:
        if self._held:
            return None
        now_s = time.monotonic()
        waiting = [
            job
            for job in self._jobs.values()
            if (job.state == "waiting" and job.id not in self._unkept)
            or (job.state == "cancelled" and self._due_s(job) <= now_s)
        ]
        return min(waiting, key=lambda job: (job.state, job.created_at), default=None)

    def _discard_in_s(self) -> float | None:
        due_s = [self._due_s(job) for job in self._jobs.values() if job.state == "cancelled"]
        return max(0.0, min(due_s) - time.monotonic()) if due_s else None

    def _due_s(self, job: Job) -> float:
        """Return the monotonic time to delete what the cancelled job has; 0, at once, after a restart."""
        return self._cancelled[job.id][0] if job.id in self._cancelled else 0.0

    def _run(self, job: Job) -> None:
        def on_progress(progress: Progress) -> None:
            with self._changed:
                self._progress[job.id] = progress
                if progress.stage != "ask":
                    job.reached = progress
                if progress.stage == "download" and progress.detail:
                    before, self._download = self._download, progress
                    if before is None or (before.total, before.detail) != (progress.total, progress.detail):
                        # How much of it has arrived is on the disk.
                        self._keep(job)
            self._tell(job)

        # A future carries whatever happens, so that a surprise ends the job and not the book.
        with ThreadPoolExecutor(1, "job") as executor:
            future = executor.submit(self._get, job, JobContext(on_progress, self._stop))
            error = future.exception()
        if isinstance(error, Cancelled):
            log.info("job %s stopped", job.id)
        elif error is not None:
            log.warning("job %s failed", job.id, exc_info=error)
        with self._changed:
            self._running = ""
            self._progress.pop(job.id, None)
            self._download = None
            if error is None:
                self._acquired[job.id] = future.result()
                self._set(job, "done")
            elif not isinstance(error, Cancelled) and job.state == "running":
                told = told_error(error, self._folder)
                known = told if isinstance(told, StillroomError) else _surprise(error)
                job.message, job.hint = known.message, known.hint
                job.needs_token = isinstance(known, TokenError)
                need = known.need if isinstance(known, DiskFullError) else None
                job.full_folder, job.missing_bytes = (str(need.folder), need.bytes) if need else ("", 0)
                job.values = {name: str(value) for name, value in known.values.items()}
                self._set(job, "failed")
            elif job.state == "running":
                # The book is closed: the next one tells how far it came before it goes on.
                self._keep(job)

    def _get(self, job: Job, context: JobContext) -> "Acquired":
        return self._acquirer().get(_order(job), context)

    def _discard(self, job: Job) -> None:
        with self._changed:
            unfinished = [
                other for other in self._jobs.values() if other is not job and other.state != "done"
            ]
            shared = any(other.model == job.model for other in unfinished)
        if not shared:
            # Else one whose data is gone would go on after a crash.
            self.flush()
            try:
                self._acquirer().discard(job.model)
            except (OSError, StillroomError) as error:
                # What is left counts for nothing: the next one of the model uses it, or deletes it.
                log.warning("what job %s had could not be deleted: %s", job.id, error)
        with self._changed:
            self._jobs.pop(job.id, None)
            self._cancelled.pop(job.id, None)
            self._keep(job)
        self._tell(job)

    def _set(self, job: Job, state: JobState) -> None:
        with self._changed:
            job.state = state
            self._keep(job)
            self._changed.notify_all()
        self._tell(job)

    def _keep(self, job: Job) -> None:
        with self._changed:
            self._unwritten[job.id] = None
            self._writer.wake()

    def _write_changed(self) -> None:
        """Write each job whose file says an earlier state, as it is now."""
        while True:
            with self._changed:
                job_id = next(iter(self._unwritten), "")
                if not job_id:
                    return
                del self._unwritten[job_id]
                job = self._jobs.get(job_id)
                kept = None
                if job is not None and job.state != "done":
                    # One that is being deleted is deleted at the next start, if the program ends before.
                    state: JobState = "cancelled" if job.state == "gone" else job.state
                    kept = msgspec.structs.replace(job, state=state)
                    if job.state == "running" and job.id in self._progress:
                        # What it told of anything else would be old after a kill, and nobody could count it.
                        kept.reached = self._download
            # Not under the lock: the disk may take its time, and the window asks for the jobs meanwhile.
            refused = self._first_refused(job_id, self._write(self._file(job_id), kept))
            if refused is not None:
                told = told_error(refused, self._folder)
                tell(told if isinstance(told, StillroomError) else _surprise(told))

    def _first_refused(self, job_id: str, refused: OSError | None) -> OSError | None:
        """Note that a job's file was written; returns what has refused its first one, and the job is gone."""
        with self._changed:
            if job_id not in self._unkept:
                return None
            self._unkept.discard(job_id)
            self._changed.notify_all()
            job = self._jobs.get(job_id)
            if refused is None or job is None or job.state not in _OPEN:
                return None
            del self._jobs[job_id]
            job.state = "gone"
            self._tell(job)
            return refused

    @staticmethod
    def _write(file: Path, job: Job | None) -> OSError | None:
        """Make the file say what is now; returns what has refused that."""
        try:
            if job is None:
                file.unlink(missing_ok=True)
            else:
                write_json(file, job)
        except OSError as error:
            # It goes on all the same, where the file says an earlier state of the same job.
            log.warning("the state of the job in %s could not be kept: %s", file.name, error)
            if job is not None and job.state == "cancelled":
                with contextlib.suppress(OSError):
                    file.unlink(missing_ok=True)
            return error
        return None

    def _tell_waiting(self) -> None:
        for job in self._jobs.values():
            if job.state == "waiting":
                self._tell(job)

    def _tell(self, job: Job) -> None:
        # Within the lock, so that no view comes after a newer one: whoever shows it would keep it.
        with self._changed:
            view = self._view(job)
            for observer in tuple(self._observers):
                observer(view)

    def _view(self, job: Job) -> JobView:
        acquired = self._acquired.get(job.id)
        installed = acquired.models if acquired is not None else ()
        return JobView(
            id=job.id,
            model=job.model,
            title=job.title,
            types=_types(job),
            state=job.state,
            progress=self._progress.get(job.id) if job.state == "running" else None,
            reached=job.reached,
            error=_error(job) if job.message else None,
            installed=installed,
            was_there=acquired is not None and acquired.found == installed,
            is_held=self._held and job.state == "waiting",
        )

    def _file(self, job_id: str) -> Path:
        return self._folder / f"{job_id}.json"


def _wish(job: Job) -> BuildWish:
    return BuildWish(
        imatrix=ON if job.weigh else AUTO,
        measure=job.measure,
        size_bytes=job.size_bytes,
        small_cache_bytes=job.small_cache_bytes,
        fits=job.fits,
    )


def _order(job: Job) -> Order:
    return Order(
        parse_reference(job.model),
        job.types,
        _wish(job),
        revision=job.revision,
        keep_original=job.keep_original,
    )


def _types(job: Job) -> tuple[str, ...]:
    """Return the types of the files that the job makes, as they will be called."""
    mixture = _wish(job).mixture_label
    return (*job.types, mixture) if mixture else tuple(job.types)


def _makes_the_same(job: Job, wished: Job) -> bool:
    """Tell whether a job that is not at its end, or was cancelled, makes what is wished."""
    if job.state not in (*_OPEN, "cancelled"):
        return False
    # By the words for the model alone: what they name may be on a disk that does not answer.
    names = ("model", "types", "revision", "keep_original")
    return all(getattr(job, name) == getattr(wished, name) for name in names) and _wish(job) == _wish(wished)


def _error(job: Job) -> StillroomError:
    """Make the error anew with which a job ended."""
    if job.full_folder:
        full = DiskFullError(job.message, job.hint, **job.values)
        full.need = DiskNeed(Path(job.full_folder), job.missing_bytes)
        return full
    kind = TokenError if job.needs_token else StillroomError
    return kind(job.message, job.hint, **job.values)


def _surprise(error: BaseException) -> StillroomError:
    return StillroomError(
        "Something went wrong that Stillroom did not expect: {reason}.",
        "Try again; the log holds the details.",
        reason=f"{type(error).__name__}: {error}",
    )
