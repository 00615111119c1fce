"""A full disk in the user's words, where nothing nearer to it has said how much is missing."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.base.errors import StillroomError
from models.system.units import byte_count

# The records, headers and manifests beside a model; its large files say their own need.
_SMALL_FILES_BYTES = 16 << 20


@contextmanager
def told_when_full(folder: Path) -> Iterator[None]:
    """Raise `StillroomError` instead of an `OSError` that says that the disk of `folder` is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StillroomError(
            "The disk of {folder} is full: {needed} more are needed.",
            "Free some space and resume; what has been made is kept.",
            folder=str(folder),
            needed=byte_count(_SMALL_FILES_BYTES),
        ) from error
