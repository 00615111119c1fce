"""Whether the disks have room for a download and the build that follows."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from app.errors import StillroomError
from models.part_file import stored_bytes
from models.sizes import weight_share
from models.snapshot import RemoteFile
from models.wording import byte_count


def check_room(weights: Sequence[RemoteFile], types: Sequence[str], folder: Path, models: Path) -> None:
    """Raise `StillroomError` if `weights` in `folder` and the files of `types` in `models` will not fit.

    Both folders must exist.
    """
    download = sum(file.bytes - stored_bytes(folder / file.path) for file in weights)
    whole = sum(file.bytes for file in weights)
    build = sum(int(whole * weight_share(kind)) for kind in types)
    if folder.stat().st_dev == models.stat().st_dev:
        _check(download + build, models)
    else:
        _check(download, folder)
        _check(build, models)


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
