"""Files that somebody else laid down, opened only where they are ordinary ones.

A name may stand for a pipe that nobody writes to, for a device without end, or for a folder: opening or
reading those never returns, or takes all the memory.
"""

import errno
import os
import stat
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Literal, overload

# Windows has neither, and opens its devices at once.
_WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)


def is_other(path: Path) -> bool:
    """Tell whether a name stands for something that is no regular file: a folder, a pipe, a device, a socket,
    or a symbolic link that leads nowhere or to one of these."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        # Also of links that lead round in a circle.
        return path.is_symlink()


def is_no_folder(path: Path) -> bool:
    """Tell whether a name stands for something that is no folder; not for a link that leads nowhere, see
    `is_dead_link`."""
    try:
        return not stat.S_ISDIR(path.stat().st_mode)
    except OSError:
        return False


def is_dead_link(path: Path) -> bool:
    """Tell whether a name stands for a symbolic link to what is not there, such as on a disk that is away."""
    try:
        path.stat()
    except PermissionError:
        return False
    except OSError:
        return path.is_symlink()
    return False


@overload
def open_regular(path: Path) -> BufferedReader: ...


@overload
def open_regular(path: Path, *, buffering: Literal[0]) -> FileIO: ...


def open_regular(path: Path, *, buffering: Literal[-1, 0] = -1) -> BufferedReader | FileIO:
    """Open `path` for reading; a symbolic link to a regular file is one (Hugging Face's cache has them).

    Raises `OSError`, at once also for a pipe, a device, a socket and a folder.
    """
    handle = os.open(path, os.O_RDONLY | _WITHOUT_WAITING)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        raw = FileIO(handle, "rb")
    except BaseException:
        os.close(handle)
        raise
    return BufferedReader(raw) if buffering else raw


def read_regular(path: Path, most_bytes: int) -> bytes:
    """Read a whole regular file. Raises `OSError`, also (EFBIG) where it has more than `most_bytes`."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(min(size, most_bytes) + 1)
        if max(size, len(data)) > most_bytes:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        return data
