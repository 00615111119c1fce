"""Sentences for a disk that takes nothing."""

import errno
import os
from pathlib import Path

import pytest

from models.system.disk_space import DiskFullError, disk_full, told_error, told_when_full
from models.system.durable import write_durably
from models.system.errors import StillroomError
from tests.support.full_disk import fill, read_only_disk, small_disk


def system_error(number: int, file: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), file)


def test_a_full_disk_is_named_with_the_bytes(tmp_path: Path) -> None:
    with (
        pytest.raises(DiskFullError, match=r"2\.1 MB more are needed"),
        told_when_full(tmp_path, lambda: 2 << 20),
    ):
        raise system_error(errno.ENOSPC)


def test_the_full_disk_is_that_of_the_file_which_is_named(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 8 << 20) as disk:
        file = disk / "record.json"
        with pytest.raises(DiskFullError) as told, told_when_full(tmp_path, lambda: 5 << 40):
            raise system_error(errno.ENOSPC, str(file))
        assert told.value.values["folder"] == str(disk)
        assert told.value.values["needed"] == "16.8 MB"
        with (
            pytest.raises(DiskFullError, match=r"5\.5 TB more") as told,
            told_when_full(disk, lambda: 5 << 40),
        ):
            raise system_error(errno.ENOSPC, str(file))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_an_error_that_nobody_foresaw_is_told_as_a_full_disk(tmp_path: Path, number: int) -> None:
    named = told_error(system_error(number, str(tmp_path / "file")), Path("/elsewhere"))
    assert isinstance(named, DiskFullError)
    assert named.values["folder"] == str(tmp_path)
    unnamed = told_error(system_error(number), tmp_path)
    assert isinstance(unnamed, DiskFullError)
    assert str(unnamed) == str(disk_full(tmp_path))


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_an_error_that_nobody_foresaw_is_told_as_a_refusal(tmp_path: Path, number: int) -> None:
    told = told_error(system_error(number, "/some/file"), tmp_path)
    assert isinstance(told, StillroomError)
    assert str(told) == f"/some/file cannot be written or read: {os.strerror(number)}."


def test_a_folder_in_the_place_of_a_file_is_told_by_its_name(tmp_path: Path) -> None:
    made, target = tmp_path / "made", tmp_path / "target"
    made.touch()
    target.mkdir()
    # Windows refuses it.
    with pytest.raises((IsADirectoryError, PermissionError)) as raised:
        made.replace(target)
    told = told_error(raised.value, tmp_path)
    assert isinstance(told, StillroomError)
    assert str(told) == f"{target} cannot be written or read: {raised.value.strerror}."


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    for error in (ValueError(), system_error(errno.EIO), system_error(errno.EPIPE)):
        assert told_error(error, tmp_path) is error


def test_a_file_that_does_not_fit_leaves_nothing_and_is_named(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1 << 20) as disk:
        (disk / "kept").write_bytes(b"before")
        fill(disk)
        with pytest.raises(OSError, match="No space left") as raised:
            write_durably(disk / "kept", bytes(1 << 16))
        assert raised.value.filename == str(disk / "kept.part")
        assert not (disk / "kept.part").exists()
        assert (disk / "kept").read_bytes() == b"before"


def test_a_write_protected_disk_is_told_as_that(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1 << 20) as disk:
        read_only_disk(disk)
        with pytest.raises(OSError, match="Read-only") as raised:
            write_durably(disk / "file", b"")
        assert "cannot be written or read: Read-only file system." in str(told_error(raised.value, disk))
