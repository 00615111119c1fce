"""Writing so that a crash or a power cut leaves the old file or the new one, never half of one."""

import contextlib
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

from models.system.regular_file import is_other

IN_USE_S = 1.0
"""So long Windows may keep a file from being replaced: whoever looks at it, such as a virus scanner, is done
by then."""

_AGAIN_S = 0.02


def write_durably(path: Path, data: bytes | Iterable[bytes], *, mode: int | None = None) -> None:
    """Put `data` into `path` through a `.part` beside it: written, synced, then renamed.

    What is too large for the memory comes in pieces; where making one fails, nothing is left. With `mode` the
    file has these permissions from its first byte on, and each process has a part of its own.
    """
    part = path.with_name(f"{path.name}.part" if mode is None else f"{path.name}.{os.getpid()}.part")
    try:
        with _opened(part, mode) as file:
            for piece in (data,) if isinstance(data, bytes) else data:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
    except BaseException as error:
        if isinstance(error, OSError):
            # Of a full disk it says nothing else.
            error.filename = error.filename or str(part)
        # What is half there takes space.
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    rename_durably(part, path)


def _opened(part: Path, mode: int | None) -> BinaryIO:
    if mode is None and not is_other(part):
        return part.open("wb")
    part.unlink(missing_ok=True)
    handle = os.open(
        part,
        os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0),
        0o666 if mode is None else mode,
    )
    return os.fdopen(handle, "wb")


def rename_durably(source: Path, target: Path) -> None:
    """Give the synced file `source` its final name, and make the name last.

    On Windows a file that somebody has open can be neither renamed nor replaced: it is tried for `IN_USE_S`.
    """
    while_in_use(lambda: source.replace(target))
    sync_folder(target.parent)


def while_in_use(act: Callable[[], object]) -> None:
    """Do what renames or deletes a file; on Windows it is tried for `IN_USE_S` while somebody has it open."""
    until_s = time.monotonic() + IN_USE_S
    while True:
        try:
            act()
        except PermissionError:
            if os.name != "nt" or time.monotonic() > until_s:
                raise
            time.sleep(_AGAIN_S)
        else:
            return


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` last; Windows does so by itself and cannot open folders."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
