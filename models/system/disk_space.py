"""A disk without room for what is to be written: noticed before, or when it is full."""

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from models.system.errors import StillroomError
from models.system.units import byte_count

SMALL_FILES_BYTES = 16 << 20
"""Of the records, headers and manifests beside a model; its large files say their own need."""

_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_NO_SUCH_FILE = (errno.EISDIR, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
_AGAIN = "Free some space and try again; what is there already is used."


@dataclass(frozen=True, slots=True)
class DiskNeed:
    """The bytes that must be free on the disk of a folder before more can be written there."""

    folder: Path
    bytes: int

    def is_met(self) -> bool:
        """Tell whether there is the room now; blocks on the disk."""
        try:
            return free_bytes(self.folder) >= self.bytes
        except OSError:
            return False


class DiskFullError(StillroomError):
    """The disk has no room for what is still to be written."""

    need: DiskNeed | None = None
    """None where nobody knows how much would be enough."""


def existing(folder: Path) -> Path:
    """Return `folder`, or where it is not made yet the nearest one above it that is."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def free_bytes(folder: Path) -> int:
    """Return the bytes that are free on the disk of `folder`, which may not be made yet."""
    return shutil.disk_usage(existing(folder)).free


def same_disk(one: Path, other: Path) -> bool:
    """Tell whether two folders, which may not be made yet, are on one disk."""
    return existing(one).stat().st_dev == existing(other).stat().st_dev


def require_room(folder: Path, needed_bytes: int, *, hint: str = "") -> None:
    """Raise `DiskFullError` with `hint` where `needed_bytes` are not free on the disk of `folder`."""
    if needed_bytes > free_bytes(folder):
        raise disk_full(folder, needed_bytes, hint)


@contextlib.contextmanager
def told_when_full(
    folder: Path, missing_bytes: Callable[[], int] = lambda: SMALL_FILES_BYTES, *, hint: str = ""
) -> Iterator[None]:
    """Raise `DiskFullError` instead of an `OSError` that says that a disk is full: that of `folder`, on which
    `missing_bytes` are still to be written, or the one of the file that it names."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        named = _named_folder(error)
        if named is not None and not same_disk(named, folder):
            raise disk_full(named, hint=hint) from error
        raise disk_full(folder, missing_bytes(), hint) from error


def is_full(error: BaseException | None) -> bool:
    """Tell whether an error of the system says that a disk is full, or the user's share of it."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def told_error(error: BaseException, folder: Path) -> BaseException:
    """Return the sentence for an error that says that a disk is full, or that a file may not or cannot be
    used; any other error as it is. Where it names no file, the disk is that of `folder`."""
    if is_full(error):
        return disk_full(_named_folder(error) or folder)
    if isinstance(error, OSError) and error.errno in (*_REFUSED, *_NO_SUCH_FILE):
        # Of two, the one that it should have become.
        named = error.filename2 or error.filename or folder
        return StillroomError(
            "{path} cannot be written or read: {reason}.",
            "Check that Stillroom may use it, and that its disk is not write-protected."
            if error.errno in _REFUSED
            else "Choose another place or name.",
            path=os.fsdecode(named) if isinstance(named, str | bytes | os.PathLike) else str(named),
            reason=error.strerror or type(error).__name__,
        )
    return error


def _named_folder(error: BaseException) -> Path | None:
    """Return the folder of the file that an error of the system names."""
    named = getattr(error, "filename", None)
    return Path(named).parent if isinstance(named, str | Path) else None


def disk_full(folder: Path, needed_bytes: int = SMALL_FILES_BYTES, hint: str = "") -> DiskFullError:
    """Make the error for the disk of `folder`, on which so many bytes are still to be written."""
    free = free_bytes(folder)
    error = DiskFullError(
        "The disk of {folder} is too full: {needed} more are needed, and {free} are free.",
        hint if hint else _AGAIN,
        folder=str(folder),
        needed=byte_count(needed_bytes),
        free=byte_count(free),
    )
    # Where as much was free it was not enough: the user's share may be used up, or a file larger than that.
    error.need = DiskNeed(folder, needed_bytes if free < needed_bytes else free + needed_bytes)
    return error
