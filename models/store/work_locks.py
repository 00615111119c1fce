"""The locks of unfinished work: who holds one downloads or builds in its folder, or reads a file."""

import glob
import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import filelock

from models.system.errors import StillroomError

NAMES = ".*.lock"
"""Hidden, as builds and downloads name theirs."""
_READ = ".read-"


@contextmanager
def working(folder: Path) -> Iterator[None]:
    """Say that `folder` is worked in, whether it is there or not, until all of the work has ended: builds and
    downloads hold locks of their own in it for a part of that only.

    The lock lies beside the folder, which the work deletes. Raises `StillroomError` where somebody works in
    it already.
    """
    path = _lock_beside(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise _worked_in(folder) from error
    try:
        yield
    finally:
        _let_go(lock, path)


@contextmanager
def reading(subject: Path) -> Iterator[None]:
    """Say that what `subject` stands for is read until the context ends; several may do so at once. The lock
    lies beside `subject`, which need not be there."""
    path = subject.with_name(f".{subject.name}{_READ}{uuid.uuid4().hex}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path, timeout=0)
    lock.acquire()
    try:
        yield
    finally:
        _let_go(lock, path)


def is_read(subject: Path) -> bool:
    """Tell whether somebody reads `subject` now; locks of readers that were killed are deleted."""
    found = subject.parent.glob(f".{glob.escape(subject.name)}{_READ}*.lock")
    held = [path for path in found if not _delete_left(path)]
    return bool(held)


def _delete_left(path: Path) -> bool:
    """Delete a lock that nobody holds; False where somebody does."""
    lock = filelock.FileLock(path, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        return False
    _let_go(lock, path)
    return True


def _let_go(lock: filelock.BaseFileLock, path: Path) -> None:
    if os.name != "nt":  # there filelock removes it
        path.unlink(missing_ok=True)
    lock.release()


@contextmanager
def all_locked(folders: list[Path]) -> Iterator[None]:
    """Hold the locks of all unfinished work in `folders`, at any depth. Raises `StillroomError` where one is
    held already, by this program or another one."""
    with ExitStack() as held:
        for folder in folders:
            beside = _lock_beside(folder)
            for lock in [*([beside] if beside.exists() else []), *sorted(folder.rglob(NAMES))]:
                try:
                    held.enter_context(filelock.FileLock(lock, timeout=0))
                except filelock.Timeout as error:
                    if _READ in lock.name:
                        raise _measured() from error
                    raise _worked_in(folder if lock == beside else lock.parent) from error
        yield


def is_worked_in(folder: Path) -> bool:
    """Tell whether a download or a build works in `folder` now."""
    try:
        with all_locked([folder]):
            return False
    except StillroomError:
        return True


def _lock_beside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.lock")


def _worked_in(folder: Path) -> StillroomError:
    return StillroomError(
        "A model is being got or made in {folder}.",
        "Wait until that has ended, or stop it first.",
        folder=str(folder),
    )


def _measured() -> StillroomError:
    return StillroomError(
        "A model is being measured, which reads its files.", "Wait until that has ended, or stop it first."
    )
