"""Space that is set aside while there is enough: with it the last words are kept on a disk that is full."""

import logging
import os
from pathlib import Path

from models.system.disk_space import SMALL_FILES_BYTES, DiskFullError, disk_full, free_bytes
from models.system.json_file import make_way

log = logging.getLogger(__name__)

RESERVE_BYTES = 8 << 20
"""Room for drafts, replies that come and settings, until the user has seen that the disk is full."""

LOW_BYTES = 1 << 20
"""With less than this free the reserve is given up."""

_BLOCK = bytes(1 << 20)


def reserve_path(folder: Path) -> Path:
    """Return the file that takes the space on the disk of the data folder."""
    return folder / "reserve"


def set_reserve_aside(folder: Path) -> None:
    """Set the space aside where the disk has plenty; blocks on the disk. Raises `OSError`."""
    path = reserve_path(folder)
    if path.exists() or free_bytes(folder) < RESERVE_BYTES + 2 * SMALL_FILES_BYTES:
        return
    part = _part(folder)
    make_way(part)
    try:
        # Written, as a hole takes no space.
        with part.open("wb") as file:
            for _ in range(RESERVE_BYTES // len(_BLOCK)):
                file.write(_BLOCK)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def use_reserve(folder: Path) -> bool:
    """Give the space back where less than `LOW_BYTES` is free; tell whether that was done. Any thread."""
    used = False
    try:
        if free_bytes(folder) < LOW_BYTES:
            # A start that ended early may have left a half.
            for path in (_part(folder), reserve_path(folder)):
                used |= path.exists()
                path.unlink(missing_ok=True)
    except OSError as error:
        log.debug("the reserve of %s: %s", folder, error)
    if used:
        log.warning("the disk of %s is full: its reserve is used", folder)
    return used


def is_short(folder: Path, *, was_short: bool = False) -> bool:
    """Tell whether the disk of `folder`, that of the user's data, is as good as full; where it `was_short` it
    takes a little more to be it no longer. Any thread."""
    used = use_reserve(folder)
    limit = LOW_BYTES if reserve_path(folder).exists() and not (used or was_short) else SMALL_FILES_BYTES
    return free_bytes(folder) < limit


def short_here(folder: Path) -> DiskFullError:
    """Make the sentence for the disk of the user's data that is as good as full."""
    return disk_full(
        folder, hint="Free some space: Stillroom goes on by itself then. What was kept can be read."
    )


def _part(folder: Path) -> Path:
    return folder / "reserve.part"
