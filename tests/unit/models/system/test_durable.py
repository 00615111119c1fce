import contextlib
import errno
import os
import stat
from pathlib import Path

import pytest

from models.system.durable import write_durably


def test_a_file_that_somebody_looks_at_is_replaced_once_they_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Windows refuses to replace a file that is open.
    path = tmp_path / "manifest.json"
    path.write_text("old")
    reader = path.open()
    replace = Path.replace

    def replace_and_close(source: Path, target: Path) -> Path:
        with contextlib.closing(reader):
            return replace(source, target)

    monkeypatch.setattr(Path, "replace", replace_and_close)
    write_durably(path, b"new")
    assert reader.closed
    assert path.read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["manifest.json"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_secret_has_its_permissions_from_the_first_byte_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    path.write_text("old")
    path.chmod(0o644)
    fsync = os.fsync
    seen: list[int] = []

    def look(handle: int) -> None:
        seen.extend(stat.S_IMODE(part.stat().st_mode) for part in tmp_path.glob("*.part"))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", look)
    # What a killed one left, for all to read.
    (tmp_path / f"key.{os.getpid()}.part").write_text("half")
    write_durably(path, b"new", mode=0o600)
    assert seen == [0o600]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == b"new"
    assert [file.name for file in tmp_path.iterdir()] == ["key"]


def test_nothing_of_a_secret_is_left_where_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="full"):
        write_durably(tmp_path / "key", b"new", mode=0o600)
    assert list(tmp_path.iterdir()) == []
