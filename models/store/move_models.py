"""Moving the models to another folder: copied, compared, and only then deleted where they were."""

import contextlib
import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock
import msgspec

from models.store.store import CHOSEN_MARK, LOCK_WAIT_S, in_use, not_there, own_folders
from models.store.work_locks import NAMES, all_locked
from models.system.disk_space import existing, require_room, same_disk, told_when_full
from models.system.durable import rename_durably, sync_folder
from models.system.errors import StillroomError
from models.system.json_file import read_json, write_json
from models.system.progress import UNWATCHED, JobContext, Progress, raise_if_cancelled
from models.system.rate import RateMeter

log = logging.getLogger(__name__)

_MARKER = ".moving.json"
_LOCK = ".lock"
_PART = ".moving-part"
_BLOCK_BYTES = 4 << 20
_SPARE_BYTES = 64 << 20
_REPORT_EVERY_S = 0.1
_WITHOUT = "What was copied already is copied again."
_SMALL_BYTES = 1 << 20
"""Smaller files are compared by their content before one of two is deleted."""
_CLOCK_NS = 2_000_000_000
"""So coarse are the times of files on FAT."""


class _Marker(msgspec.Struct, frozen=True, kw_only=True):
    """In the new folder, until the old one is deleted: which files come from where."""

    source: str
    files: list[str]
    compared: list[str] = []


class ModelsMove:
    """One move of the store's own files in `source` to `target`; each method blocks, any thread. What else
    is in `source` stays.

    A killed one goes on where it stopped. Until `commit` has been called the models are in `source`, whole;
    from then on they are in `target`, whole.
    """

    def __init__(self, source: Path, target: Path) -> None:
        self.source = source
        self.target = target
        self._rate = RateMeter()
        self._report_at_s = 0.0
        self._done = 0
        self._total = 0

    def check(self) -> None:
        """Raise `StillroomError` where the models cannot go there, with the bytes where there is no room, and
        where not all can be moved."""
        if not self.source.is_dir():
            raise not_there(self.source)
        source, target = _real(self.source), _real(self.target)
        if source == target:
            raise StillroomError("The models are in {folder} already.", folder=str(self.target))
        if source in target.parents or target in source.parents:
            raise StillroomError(
                "The new folder {folder} and the present one are one inside the other.",
                "Choose a folder beside it, or on another disk.",
                folder=str(self.target),
            )
        if not target.is_dir() and target.exists():
            raise _cannot_hold(self.target, reason="it is a file")
        if target.is_dir() and not _is_empty(target) and self._marker() is None:
            raise StillroomError(
                "The folder {folder} is not empty.",
                "Choose an empty one, so that nothing of yours is mixed with the models.",
                folder=str(self.target),
            )
        if not os.access(existing(target), os.W_OK):
            raise _cannot_hold(self.target, reason="it may not be written to")
        self._refuse_links()
        if not same_disk(self.source, self.target):
            self._require_room()

    def run(
        self,
        commit: Callable[[], object],
        job: JobContext = UNWATCHED,
        *,
        begin: Callable[[], object] = lambda: None,
    ) -> None:
        """Call `begin` once it is sure to start, copy and compare all, call `commit`, and delete what was
        moved; reports "move" and "verify".

        Raises `StillroomError`, and `Cancelled` until `commit` was called: `undo` then deletes the copies.
        """
        try:
            self.check()
            with self._locked(), told_when_full(self.target, self._missing_bytes):
                begin()
                names = self._begin()
                self._copy_all(names, job)
                (self.target / CHOSEN_MARK).touch()
                sync_folder(self.target)
                commit()
        except OSError as error:
            raise _cannot_hold(self.target, error.strerror or type(error).__name__) from error
        # Work that waited for the end looks into the new folder just now.
        finish_move(self.target, wait_s=LOCK_WAIT_S)

    def undo(self) -> None:
        """Delete the copies of a move that was not committed; what else is in the folder stays."""
        marker = self._marker()
        if marker is None:
            return
        for name in marker.files:
            (self.target / name).unlink(missing_ok=True)
            _part(self.target / name).unlink(missing_ok=True)
        (self.target / CHOSEN_MARK).unlink(missing_ok=True)
        (self.target / _MARKER).unlink(missing_ok=True)
        _drop_empty_folders(self.target)

    def _begin(self) -> list[str]:
        names = self._names()
        marker = self._marker()
        if marker is not None and marker.files and not names:
            # The folder in which the disk was mounted: the copies are all that can be reached.
            raise not_there(self.source)
        self.target.mkdir(parents=True, exist_ok=True)
        kept = marker.compared if marker is not None else []
        # What was deleted since an earlier try is not wanted any more.
        for name in set(marker.files if marker is not None else []) - set(names):
            (self.target / name).unlink(missing_ok=True)
            _part(self.target / name).unlink(missing_ok=True)
        self._write(_Marker(source=str(self.source), files=names, compared=[n for n in kept if n in names]))
        sync_folder(self.target.parent)
        return names

    def _copy_all(self, names: list[str], job: JobContext) -> None:
        marker = self._marker()
        compared = set(marker.compared if marker is not None else ())
        sizes = {name: (self.source / name).stat().st_size for name in names}
        self._total = sum(sizes.values())
        self._done = 0
        for name in names:
            source, target = self.source / name, self.target / name
            if name in compared and _alike(source, target):
                _part(target).unlink(missing_ok=True)
                self._done += sizes[name]
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            if not self._link(source, target):
                self._copy(name, source, target, job)
            compared.add(name)
            self._write(_Marker(source=str(self.source), files=names, compared=sorted(compared)))
        self._report(job, "move", "", force=True)

    def _link(self, source: Path, target: Path) -> bool:
        """Give the file a second name on the same disk, where that can be; it takes no room."""
        if not same_disk(self.source, self.target):
            return False
        target.unlink(missing_ok=True)
        try:
            os.link(source, target)
        except OSError:
            # FAT has no second names: this disk must hold it all twice.
            self._require_room()
            return False
        _part(target).unlink(missing_ok=True)
        sync_folder(target.parent)
        self._done += source.stat().st_size
        return True

    def _copy(self, name: str, source: Path, target: Path, job: JobContext) -> None:
        part = _part(target)
        before = self._done
        for _ in range(2):
            self._done = before
            self._append(source, part, name, job)
            if _sha256(source, self._watch(job, name)) == _sha256(part, self._watch(job, name)):
                with contextlib.suppress(OSError):
                    # A share may refuse it: the file is compared by its content then.
                    os.utime(part, ns=(source.stat().st_atime_ns, source.stat().st_mtime_ns))
                rename_durably(part, target)
                return
            # What an earlier run left was damaged: once more from the start.
            part.unlink()
        raise StillroomError(
            "{file} is not the same after copying it twice.",
            "The disk of {folder} or the memory may be faulty. The models are where they were.",
            file=name,
            folder=str(self.target),
        )

    def _append(self, source: Path, part: Path, name: str, job: JobContext) -> None:
        """Copy what `part` lacks of `source`, and make it last."""
        size = source.stat().st_size
        there = part.stat().st_size if part.exists() else 0
        if there > size:
            part.unlink()
            there = 0
        self._done += there
        with source.open("rb") as reads, part.open("ab") as writes:
            reads.seek(there)
            while block := reads.read(_BLOCK_BYTES):
                raise_if_cancelled(job.cancel)
                writes.write(block)
                self._done += len(block)
                self._rate.update(self._done)
                self._report(job, "move", name)
            writes.flush()
            os.fsync(writes.fileno())

    def _watch(self, job: JobContext, name: str) -> Callable[[], None]:
        def look() -> None:
            raise_if_cancelled(job.cancel)
            self._report(job, "verify", name)

        return look

    def _report(self, job: JobContext, stage: str, name: str, *, force: bool = False) -> None:
        now_s = time.monotonic()
        if not force and now_s < self._report_at_s:
            return
        self._report_at_s = now_s + _REPORT_EVERY_S
        rate, left = self._rate.bytes_per_s, self._rate.remaining_s(self._total - self._done)
        job.on_progress(Progress(stage, self._done, self._total, name, rate, left))

    def _names(self) -> list[str]:
        """Name all files that are moved, each by its path below the folder."""
        return sorted(
            file.relative_to(self.source).as_posix()
            for folder in own_folders(self.source)
            for file in folder.rglob("*")
            if file.is_file() and not file.match(NAMES)
        )

    def _refuse_links(self) -> None:
        """Raise `StillroomError` for what is only a link to another place: what it leads to is not moved."""
        for folder in own_folders(self.source):
            for path in (folder, *folder.rglob("*")):
                if path.is_symlink():
                    raise StillroomError(
                        "{file} is a link to another place, so it cannot be moved.",
                        "Put the file itself there, or take the model off the list and add the file where it "
                        "lies.",
                        file=str(path),
                    )

    def _require_room(self) -> None:
        require_room(self.target, self._missing_bytes() + _SPARE_BYTES, hint="Choose a disk with more room.")

    def _missing_bytes(self) -> int:
        missing = 0
        for name in self._names():
            source, target = self.source / name, self.target / name
            part = _part(target)
            there = target if target.exists() else part
            missing += max(0, source.stat().st_size - (there.stat().st_size if there.exists() else 0))
        return missing

    def _marker(self) -> _Marker | None:
        marker = _read_marker(self.target)
        return marker if marker is not None and marker.source == str(self.source) else None

    def _write(self, marker: _Marker) -> None:
        write_json(self.target / _MARKER, marker)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the folder, and all unfinished work in it."""
        with _locked(self.source, LOCK_WAIT_S), all_locked(own_folders(self.source)):
            yield


def finish_move(root: Path, *, wait_s: float = 0.0) -> None:
    """Delete what was moved to `root` where it was: each file of which `root` has the like.

    Does nothing where no move ended there. For the folder that is in use, at the start too: what could not be
    deleted, or lies on a disk that is away, is tried again then. Blocks.
    """
    marker = _read_marker(root)
    if marker is None:
        return
    try:
        with _locked(root, wait_s):
            _delete_moved(Path(marker.source), root, marker)
    except (OSError, StillroomError) as error:
        log.warning("what was moved to %s is still where it was too: %s", root, error)


def _delete_moved(source: Path, root: Path, marker: _Marker) -> None:
    if not source.is_dir():
        if not source.parent.is_dir():
            return  # its disk is away
    elif not source.samefile(root):
        left = [name for name in marker.files if not _is_gone(source / name, root / name)]
        for folder in own_folders(source):
            for lock in folder.rglob(NAMES):
                lock.unlink(missing_ok=True)
        for name in (_LOCK, CHOSEN_MARK):
            (source / name).unlink(missing_ok=True)
        _drop_empty_folders(source)
        if left:
            log.warning("%d files that were moved could not be deleted in %s", len(left), source)
            return
    (root / _MARKER).unlink(missing_ok=True)


def _is_gone(old: Path, new: Path) -> bool:
    """Delete a file that was moved; False where the system refuses. One that was changed since stays."""
    try:
        if _alike(old, new):
            old.unlink(missing_ok=True)
    except OSError as error:
        log.debug("%s: %s", old, error)
        return False
    return True


@contextlib.contextmanager
def _locked(folder: Path, wait_s: float) -> Iterator[None]:
    try:
        with filelock.FileLock(folder / _LOCK, timeout=wait_s):
            yield
    except filelock.Timeout as error:
        raise in_use(folder) from error


def _read_marker(folder: Path) -> _Marker | None:
    return read_json(folder / _MARKER, _Marker, without=_WITHOUT)


def _part(target: Path) -> Path:
    """Name what is copied of a file until it is compared."""
    return target.with_name(target.name + _PART)


def _alike(one: Path, other: Path) -> bool:
    """Tell whether two files are the same: one with two names, or of one length and time, small ones of one
    content."""
    try:
        first, second = one.stat(), other.stat()
        if os.path.samestat(first, second):
            return True
        if first.st_size != second.st_size or abs(first.st_mtime_ns - second.st_mtime_ns) > _CLOCK_NS:
            return False
        return first.st_size > _SMALL_BYTES or one.read_bytes() == other.read_bytes()
    except OSError:
        return False


def _sha256(path: Path, look: Callable[[], None]) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            look()
            digest.update(block)
    return digest.digest()


def _is_empty(folder: Path) -> bool:
    return all(path.name in (_LOCK, CHOSEN_MARK) for path in folder.iterdir())


def _drop_empty_folders(root: Path) -> None:
    """Delete the folders in which nothing is left, and `root` itself then."""
    if not root.is_dir():
        return
    folders = sorted((path for path in root.rglob("*") if path.is_dir()), key=lambda path: -len(path.parts))
    for folder in (*folders, root):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _real(folder: Path) -> Path:
    return Path(os.path.realpath(folder))


def _cannot_hold(folder: Path, reason: str) -> StillroomError:
    return StillroomError(
        "The models cannot be moved to {folder}: {reason}.",
        "Choose another folder.",
        folder=str(folder),
        reason=reason,
    )
