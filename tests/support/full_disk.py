"""A small file system of its own that can be filled to the last byte; mounting one needs the right to."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_BLOCK = 1 << 16


@contextlib.contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """Mount it at `folder`, which is made, while the context lasts."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    try:
        yield folder
    finally:
        # Whatever is left of a failed test may still hold it.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, left_bytes: int = 0) -> Path:
    """Take all but about `left_bytes` of the disk, the last byte too where none is to be left; the file that
    takes it."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file:
        while shutil.disk_usage(disk).free > left_bytes + _BLOCK:
            file.write(bytes(_BLOCK))
        size = 0 if left_bytes else _BLOCK
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2
    return filler


def read_only_disk(disk: Path, *, is_read_only: bool = True) -> None:
    """Let nothing be written to it any more, or again."""
    subprocess.run(["mount", "-o", f"remount,{'ro' if is_read_only else 'rw'}", str(disk)], check=True)
