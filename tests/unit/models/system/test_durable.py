import contextlib
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
