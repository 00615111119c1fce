"""Writing so that a crash or a power cut leaves the old file or the new one, never half of one."""

import contextlib
import os
import time
from pathlib import Path

IN_USE_S = 1.0
"""So long Windows may keep a file from being replaced: whoever looks at it, such as a virus scanner, is done
by then."""

_AGAIN_S = 0.02


def write_durably(path: Path, data: bytes) -> None:
    """Put `data` into `path` through a `.part` beside it: written, synced, then renamed."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        # Of a full disk it says nothing else; what is half there takes space.
        error.filename = error.filename or str(part)
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    rename_durably(part, path)


def rename_durably(source: Path, target: Path) -> None:
    """Give the synced file `source` its final name, and make the name last.

    On Windows a file that somebody has open can be neither renamed nor replaced: it is tried for `IN_USE_S`.
    """
    _replace(source, target)
    sync_folder(target.parent)


def _replace(source: Path, target: Path) -> None:
    until_s = time.monotonic() + IN_USE_S
    while True:
        try:
            source.replace(target)
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
