"""Check that the disks have room for a download and the build from it."""

from collections.abc import Sequence
from pathlib import Path

from models.hub.resumable_file import stored_bytes
from models.hub.shard_feed import MOST_ON_DISK
from models.hub.snapshot import RemoteFile
from models.quantisation.chosen_mixture import is_chosen, label_bytes
from models.quantisation.file_size import weight_share
from models.system.disk_space import require_room

_SMALLER = "Free some space, choose a smaller model or type, or keep the models on another disk."


def check_room(
    weights: Sequence[RemoteFile], types: Sequence[str], folder: Path, out_dir: Path, *, keep: bool
) -> None:
    """Raise `DiskFullError` if `weights` in `folder` and the files of `types` in `out_dir` will not fit.

    Of weights that are not to `keep` only the largest are there at once. Both folders must exist.
    """
    sizes = sorted((file.bytes for file in weights), reverse=True)
    stored = sum(stored_bytes(folder / file.path) for file in weights)
    download = max(0, sum(sizes if keep else sizes[:MOST_ON_DISK]) - stored)
    build = max(0, _built_bytes(sum(sizes), types) - _made_bytes(out_dir))
    if folder.stat().st_dev == out_dir.stat().st_dev:
        require_room(out_dir, download + build, hint=_SMALLER)
    else:
        require_room(folder, download, hint=_SMALLER)
        require_room(out_dir, build, hint=_SMALLER)


def check_build_room(weights_bytes: int, types: Sequence[str], out_dir: Path) -> None:
    """Raise `DiskFullError` if the files of `types`, made of so much bf16, less what is begun of them, will
    not fit into `out_dir`, which may not be made yet."""
    require_room(out_dir, _built_bytes(weights_bytes, types) - _begun_bytes(out_dir), hint=_SMALLER)


def check_made_room(made_bytes: int, out_dir: Path) -> None:
    """Raise `DiskFullError` if files of so many bytes, less what is made of them, will not fit into
    `out_dir`, which may not be made yet."""
    require_room(out_dir, made_bytes - _made_bytes(out_dir), hint=_SMALLER)


def _made_bytes(out_dir: Path) -> int:
    return _begun_bytes(out_dir) + sum(_allocated(path) for path in out_dir.glob("*.gguf"))


def _begun_bytes(out_dir: Path) -> int:
    return sum(_allocated(path) for path in out_dir.glob(".*.part"))


def _built_bytes(weights_bytes: int, types: Sequence[str]) -> int:
    return sum(
        label_bytes(kind, weights_bytes) if is_chosen(kind) else int(weights_bytes * weight_share(kind))
        for kind in types
    )


def _allocated(path: Path) -> int:
    """Return the bytes that a file, perhaps a sparse one, takes on the disk."""
    stat = path.stat()
    return stat.st_blocks * 512 if hasattr(stat, "st_blocks") else stat.st_size
