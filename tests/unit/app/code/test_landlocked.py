"""The files of a program that works in a folder on the disk."""

import os
import sys
from pathlib import Path

import pytest

from app.code.sandbox.limits import Limits

if sys.platform != "linux":
    pytest.skip("a back end of Linux", allow_module_level=True)

from app.code.sandbox.landlocked import space_taken


def test_folders_count_as_files_and_what_is_held_open_as_space(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(bytes(10_000))
    (tmp_path / "link").symlink_to("/")
    with (tmp_path / "gone").open("wb", buffering=0) as gone:
        gone.write(bytes(100_000))
        (tmp_path / "gone").unlink()
        taken, files = space_taken(str(tmp_path), [os.getpid()], Limits())
    assert files == 4
    assert 110_000 <= taken < 200_000


@pytest.mark.parametrize("limits", [Limits(files=50), Limits(disk_bytes=50 * 4096)])
def test_no_more_is_counted_than_there_may_be(tmp_path: Path, limits: Limits) -> None:
    """A folder that grows as fast as it is read has no end."""
    for number in range(300):
        (tmp_path / str(number)).write_bytes(bytes(4096))
    looked: list[int] = []
    scandir = os.scandir

    class Counted:
        def __init__(self, path: str) -> None:
            self._entries = scandir(path)

        def __enter__(self) -> "Counted":
            return self

        def __exit__(self, *_: object) -> None:
            self._entries.close()

        def __iter__(self) -> "Counted":
            return self

        def __next__(self) -> "os.DirEntry[str]":
            looked.append(1)
            return next(self._entries)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "scandir", Counted)
        taken, files = space_taken(str(tmp_path), [], limits)
    assert files > limits.files or taken > limits.disk_bytes
    assert len(looked) <= 52
