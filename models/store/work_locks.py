"""The locks of unfinished work: who holds one downloads or builds in its folder."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import filelock

from models.system.errors import StillroomError

NAMES = ".*.lock"
"""Hidden, as builds and downloads name theirs."""


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
