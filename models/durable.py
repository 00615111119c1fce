"""Writing so that a crash or a power cut leaves the old file or the new one, never half of one."""

import os
from pathlib import Path


def write_durably(path: Path, data: bytes) -> None:
    """Put `data` into `path` through a `.part` beside it: written, synced, then renamed."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    rename_durably(part, path)


def rename_durably(source: Path, target: Path) -> None:
    """Give the synced file `source` its final name, and make the name last."""
    source.replace(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` last; Windows does so by itself and cannot open folders."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
