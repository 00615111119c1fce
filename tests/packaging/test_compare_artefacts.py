"""Two makings of a release are compared, and what differs is named down to the member of an archive."""

import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "packaging" / "release" / "compare_artefacts.py"

EARLY, LATE = 1_000_000_000, 1_000_000_002


def packed_tar(contents: dict[str, bytes], time: int = EARLY, kind: str = "xz") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=f"w:{kind}") as tar:  # type: ignore[call-overload]
        for name, data in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(data), time
            tar.addfile(entry, io.BytesIO(data))
    return made.getvalue()


def packed_zip(contents: dict[str, bytes], year: int = 2026) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in contents.items():
            archive.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), data)
    return made.getvalue()


def packed_ar(contents: dict[str, bytes]) -> bytes:
    made = b"!<arch>\n"
    for name, data in contents.items():
        made += f"{name:<16}{EARLY:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode()
        made += data + b"\n" * (len(data) % 2)
    return made


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        (folder / "wheels").mkdir(parents=True)
    return first, second


def compared(folders: tuple[Path, Path]) -> tuple[int, list[str]]:
    """The status of the program and the lines that it has printed."""
    command = [sys.executable, str(PROGRAM), *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_the_same_files_are_counted(folders: tuple[Path, Path]) -> None:
    for folder in folders:
        (folder / "a.run").write_bytes(b"#!/bin/sh\n" + packed_tar({"program": b"1"}))
        (folder / "wheels" / "a.whl").write_bytes(packed_zip({"a.py": b"1"}))
    assert compared(folders) == (0, ["All 2 files are the same."])


def test_a_member_is_named_through_the_archives_around_it(folders: tuple[Path, Path]) -> None:
    for folder, byte in zip(folders, (b"1", b"2"), strict=True):
        data = packed_tar({"./usr/bin/a": b"same", "./usr/lib/b": b"abc" + byte})
        (folder / "a.deb").write_bytes(packed_ar({"debian-binary": b"2.0\n", "data.tar.xz": data}))
    assert compared(folders) == (1, ["a.deb > data.tar.xz > ./usr/lib/b: 1 of 4 bytes, the first at 3"])


def test_the_script_before_an_archive_is_a_member_of_its_own(folders: tuple[Path, Path]) -> None:
    for folder, line in zip(folders, (b"early", b"late"), strict=True):
        (folder / "a.run").write_bytes(b"#!/bin/sh\n# " + line + b"\n" + packed_tar({"a": b"1"}))
    assert compared(folders) == (1, ["a.run > script: 18 bytes, then 17"])


def test_time_and_order_are_told_apart_from_what_is_held(folders: tuple[Path, Path]) -> None:
    first, second = folders
    (first / "a.tar.xz").write_bytes(packed_tar({"a": b"1"}))
    (second / "a.tar.xz").write_bytes(packed_tar({"a": b"1"}, LATE))
    (first / "wheels" / "b.whl").write_bytes(packed_zip({"x": b"1", "y": b"2"}))
    (second / "wheels" / "b.whl").write_bytes(packed_zip({"y": b"2", "x": b"1"}))
    (first / "wheels" / "c.whl").write_bytes(packed_zip({"x": b"1"}))
    (second / "wheels" / "c.whl").write_bytes(packed_zip({"x": b"1"}, 2027))
    assert compared(folders) == (
        1,
        [
            f"a.tar.xz > a: the time: {EARLY}, then {LATE}",
            "wheels/b.whl: the same names in another order",
            "wheels/c.whl > x: the time: (2026, 1, 1, 0, 0, 0), then (2027, 1, 1, 0, 0, 0)",
        ],
    )


def test_what_only_one_has_and_what_is_packed_otherwise(folders: tuple[Path, Path]) -> None:
    first, second = folders
    (first / "a.tar").write_bytes(packed_tar({"a": b"1"}, kind="xz"))
    (second / "a.tar").write_bytes(packed_tar({"a": b"1"}, kind="gz"))
    (second / "b.vsix").write_bytes(packed_zip({}))
    assert compared(folders) == (
        1,
        ["b.vsix: only in the second", "a.tar: packed in another way; its members are the same"],
    )


def test_rights_and_links_of_a_folder_count(folders: tuple[Path, Path]) -> None:
    for folder, target in zip(folders, ("a", "b"), strict=True):
        (folder / "link").symlink_to(target)
        (folder / "program").write_bytes(b"1")
        (folder / "program").chmod(0o644)
    (folders[1] / "program").chmod(0o755)
    assert compared(folders) == (
        1,
        ["link: the link: a, then b", f"program: the rights: {0o644}, then {0o755}"],
    )
