"""The locks of unfinished work: who holds one downloads or builds in its folder."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import filelock

from models.system.errors import StillroomError

NAMES = ".*.lock"
"""Hidden, as builds and downloads name theirs."""


@contextmanager
def all_locked(folders: list[Path]) -> Iterator[None]:
    """Hold the locks of all unfinished work in `folders`, at any depth. Raises `StillroomError` where one is
    held already, by this program or another one."""
    with ExitStack() as held:
        for folder in folders:
            for lock in sorted(folder.rglob(NAMES)):
                try:
                    held.enter_context(filelock.FileLock(lock, timeout=0))
                except filelock.Timeout as error:
                    raise StillroomError(
                        "A model is being got or made in {folder}.",
                        "Wait until that has ended, or stop it first.",
                        folder=str(lock.parent),
                    ) from error
        yield


def is_worked_in(folder: Path) -> bool:
    """Tell whether a download or a build works in `folder` now."""
    try:
        with all_locked([folder]):
            return False
    except StillroomError:
        return True
