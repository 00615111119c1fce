import os
from pathlib import Path

from models.system.file_stamp import mark, was_changed


def test_a_file_that_is_left_alone_is_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"weights")
    before = mark(str(path))
    assert before is not None
    assert not was_changed(str(path), before)


def test_writing_and_shortening_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"weights")
    before = mark(str(path))
    os.truncate(path, 3)
    assert was_changed(str(path), before)


def test_what_is_mapped_outlives_its_name(tmp_path: Path) -> None:
    path, other = tmp_path / "model.gguf", tmp_path / "other.gguf"
    path.write_bytes(b"weights")
    other.write_bytes(b"others")
    before = mark(str(path))
    other.replace(path)
    assert not was_changed(str(path), before)
    path.unlink()
    assert mark(str(path)) is None
    assert not was_changed(str(path), before)


def test_without_a_mark_nothing_is_claimed(tmp_path: Path) -> None:
    assert not was_changed(str(tmp_path / "missing.gguf"), None)
