"""Files that somebody else laid down, opened only where they are ordinary ones.

A name may stand for a pipe that nobody writes to, for a device without end, or for a folder: opening or
reading those never returns, or takes all the memory.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

# Windows has neither, and opens its devices at once.
_WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)


def open_regular(path: Path, *, buffering: int = -1) -> BinaryIO:
    """Open `path` for reading; a symbolic link to a regular file is one (Hugging Face's cache has them).

    Raises `OSError`, at once also for a pipe, a device, a socket and a folder.
    """
    handle = os.open(path, os.O_RDONLY | _WITHOUT_WAITING)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        return os.fdopen(handle, "rb", buffering=buffering)
    except BaseException:
        os.close(handle)
        raise


def read_regular(path: Path, most_bytes: int) -> bytes:
    """Read a whole regular file. Raises `OSError`, also (EFBIG) where it has more than `most_bytes`."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(min(size, most_bytes) + 1)
        if max(size, len(data)) > most_bytes:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        return data
