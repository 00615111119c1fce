"""The files of a program that works in a folder on the disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.code.sandbox.limits import Limits

if sys.platform != "linux":
    pytest.skip("a back end of Linux", allow_module_level=True)

from app.code.sandbox.landlocked import deleted_space, space_taken

HOLDS = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
for name in ("open", "mapped"):
    with open(name, "wb+", buffering=0) as file:
        file.write(bytes(100_000))
        os.unlink(name)
        if name == "open":
            os.dup(file.fileno())
        elif len(sys.argv) > 1:
            libc.mmap(None, 4096, 1, 1, file.fileno(), 0)
print(flush=True)
sys.stdin.read()
"""


def test_folders_count_as_files(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(bytes(10_000))
    (tmp_path / "link").symlink_to("/")
    taken, files = space_taken(str(tmp_path), Limits())
    assert files == 4
    assert 10_000 <= taken < 40_000


@pytest.mark.parametrize("maps", [False, True])
def test_deleted_files_count_as_long_as_a_program_has_them(tmp_path: Path, *, maps: bool) -> None:
    command = [sys.executable, "-c", HOLDS, *(["maps"] if maps else [])]
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        program.stdout.readline()
        taken = deleted_space(str(tmp_path), [program.pid], Limits())
        assert space_taken(str(tmp_path), Limits()) == (0, 0)
        program.communicate()
    # Nobody tells how large a file is that is only mapped.
    assert taken > Limits().disk_bytes if maps else 100_000 <= taken < 200_000


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
        taken, files = space_taken(str(tmp_path), limits)
    assert files > limits.files or taken > limits.disk_bytes
    assert len(looked) <= 52
