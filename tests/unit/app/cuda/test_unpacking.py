"""Taking members out of archives that mean no good."""

import zipfile
from pathlib import Path

import pytest

from app.base.errors import StillroomError
from app.cuda.unpacking import remove_tree, unpack


def archive(folder: Path, *members: tuple[str, bytes]) -> Path:
    path = folder / "package.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in members:
            out.writestr(name, data)
    return path


def test_only_what_is_named_leaves_the_archive_and_never_by_its_path(tmp_path: Path) -> None:
    wheel = archive(tmp_path, ("../../outside.so", b"evil"), ("/etc/evil", b"evil"), ("lib/good.so", b"good"))
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    assert unpack(wheel, {"lib/good.so": 4}, folder) == 4
    assert unpack(wheel, {"../../outside.so": None}, folder, names={"../../outside.so": "renamed.so"}) == 4
    assert unpack(wheel, {"../../outside.so": None}, folder) == 4
    assert sorted(path.name for path in folder.iterdir()) == ["good.so", "outside.so", "renamed.so"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "package.whl"]


def test_a_member_of_another_size_or_a_broken_one_is_refused(tmp_path: Path) -> None:
    wheel = archive(tmp_path, ("lib/good.so", b"good" * 1000))
    with pytest.raises(StillroomError, match="has 4000 bytes"):
        unpack(wheel, {"lib/good.so": 5}, tmp_path)
    with pytest.raises(StillroomError, match="There is no item"):
        unpack(wheel, {"lib/missing.so": 5}, tmp_path)
    data = bytearray(wheel.read_bytes())
    data[60] ^= 0xFF
    wheel.write_bytes(data)
    with pytest.raises(StillroomError, match="not what Stillroom expects"):
        unpack(wheel, {"lib/good.so": 4000}, tmp_path)
    wheel.write_bytes(b"no archive")
    with pytest.raises(StillroomError, match="not what Stillroom expects"):
        unpack(wheel, {"lib/good.so": 4000}, tmp_path)


def test_removing_tells_what_it_frees(tmp_path: Path) -> None:
    folder = tmp_path / "runtime"
    folder.mkdir()
    (folder / "library.so").write_bytes(b"x" * 100_000)
    assert remove_tree(folder) >= 100_000
    assert remove_tree(folder) == 0
