import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from app.code.text_file import (
    LONGEST_LINE,
    ChangedOnDiskError,
    TextFile,
    TextFileError,
    read_text_file,
    write_text_file,
)
from models.system.disk_space import DiskFullError


@pytest.mark.parametrize(
    "raw",
    [
        b"a\nb\n",
        b"a\r\nb\r\n",
        b"a\rb\r",
        b"",
        b"no end",
        b"\xef\xbb\xbfbom\r\n",
        "中文\u2028\xa0\n".encode(),
        "utf-16 \U0001f600\r\n".encode("utf-16"),
    ],
)
def test_a_file_saved_unchanged_keeps_its_bytes(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(raw)

    write_text_file(read_text_file(path))

    assert path.read_bytes() == raw


def test_mixed_line_ends_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"a\r\nb\r\nc\n")

    file = read_text_file(path)
    saved = write_text_file(file)

    assert file.mixed_newlines
    assert not saved.mixed_newlines
    assert path.read_bytes() == b"a\r\nb\r\nc\r\n"


@pytest.mark.parametrize("raw", [b"\xff\x00\x01", b"caf\xe9", b"a\0b"])
def test_what_is_not_text_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(raw)

    with pytest.raises(TextFileError):
        read_text_file(path)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_that_stops_the_window_is_refused(tmp_path: Path, end: str) -> None:
    path = tmp_path / "bundle.js"
    path.write_bytes(f"// made{end}{'x' * LONGEST_LINE}{end}".encode())
    assert read_text_file(path).text.count("\n") == 2
    path.write_bytes(f"// made{end}{'x' * (LONGEST_LINE + 1)}{end}".encode())
    with pytest.raises(TextFileError, match=r"bundle\.js has a line of 50,001 characters; at most 50,000"):
        read_text_file(path)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TextFileError, match=r"gone\.py could not be read") as caught:
        read_text_file(tmp_path / "gone.py")

    assert caught.value.hint


def test_a_change_by_another_program_is_noticed_before_overwriting(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("mine")
    file = read_text_file(path)
    path.write_text("theirs")

    with pytest.raises(ChangedOnDiskError):
        write_text_file(replace(file, text="new"))
    assert path.read_text() == "theirs"

    saved = write_text_file(replace(file, text="new"), overwrite=True)
    assert path.read_text() == "new"
    write_text_file(replace(saved, text="newer"))
    assert path.read_text() == "newer"


def test_a_new_file_does_not_replace_one_that_exists(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("theirs")

    with pytest.raises(ChangedOnDiskError):
        write_text_file(TextFile(path, "mine"))


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions and links")
def test_permissions_and_links_survive(tmp_path: Path) -> None:
    real = tmp_path / "real.sh"
    real.write_text("x")
    real.chmod(0o750)
    link = tmp_path / "link.sh"
    link.symlink_to(real)

    write_text_file(replace(read_text_file(link), text="y"))

    assert link.is_symlink()
    assert real.read_text() == "y"
    assert real.stat().st_mode & 0o777 == 0o750


def test_a_failed_write_leaves_the_old_file_and_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.py"
    path.write_text("old")
    file = read_text_file(path)

    def disk_full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)  # a full disk cannot be had here
    with pytest.raises(DiskFullError, match="is too full: 3 B more"):
        write_text_file(replace(file, text="new"))

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
