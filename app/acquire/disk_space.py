"""Check that the disks have room for a download and the build from it."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from app.base.errors import StillroomError
from models.hub.resumable_file import stored_bytes
from models.hub.shard_feed import MOST_ON_DISK
from models.hub.snapshot import RemoteFile
from models.quantisation.sizes import weight_share
from models.system.units import byte_count


def check_room(
    weights: Sequence[RemoteFile], types: Sequence[str], folder: Path, out_dir: Path, *, keep: bool
) -> None:
    """Raise `StillroomError` if `weights` in `folder` and the files of `types` in `out_dir` will not fit.

    Of weights that are not to `keep` only the largest are there at once. Both folders must exist.
    """
    sizes = sorted((file.bytes for file in weights), reverse=True)
    stored = sum(stored_bytes(folder / file.path) for file in weights)
    download = max(0, sum(sizes if keep else sizes[:MOST_ON_DISK]) - stored)
    made = sum(_allocated(path) for path in out_dir.glob(".*.part"))
    build = max(0, sum(int(sum(sizes) * weight_share(kind)) for kind in types) - made)
    if folder.stat().st_dev == out_dir.stat().st_dev:
        _check(download + build, out_dir)
    else:
        _check(download, folder)
        _check(build, out_dir)


def check_build_room(weights_bytes: int, types: Sequence[str], out_dir: Path) -> None:
    """Raise `StillroomError` if the files of `types`, made of so much bf16, will not fit into `out_dir`."""
    needed = sum(int(weights_bytes * weight_share(kind)) for kind in types)
    free = shutil.disk_usage(out_dir).free
    if needed > free:
        raise StillroomError(
            "Building needs {needed} on {folder}, and {free} are free.",
            "Free some space, choose smaller types, or keep the models on another disk.",
            needed=byte_count(needed),
            folder=str(out_dir),
            free=byte_count(free),
        )


def _allocated(path: Path) -> int:
    """Return the bytes that a file, perhaps a sparse one, takes on the disk."""
    stat = path.stat()
    return stat.st_blocks * 512 if hasattr(stat, "st_blocks") else stat.st_size


def _check(needed: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise StillroomError(
            "Downloading and building need {needed} on {folder}, and {free} are free.",
            "Free some space, choose a smaller model, or keep the models on another disk.",
            needed=byte_count(needed),
            folder=str(folder),
            free=byte_count(free),
        )
