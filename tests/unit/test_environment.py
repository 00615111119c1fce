"""The script behind `make run`, without running pip or a compiler."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "packaging" / "environment.py"


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    spec = importlib.util.spec_from_file_location("environment", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("STAMP", "LLAMA_STAMP", "LLAMA_ARGUMENTS"):
        monkeypatch.setattr(module, name, tmp_path / getattr(module, name).name)
    monkeypatch.setattr(module, "VENV", tmp_path)
    return module


def test_a_llama_cpp_that_was_compiled_for_a_card_stays(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[str] = []
    monkeypatch.setattr(script, "build_llama_cpp", lambda _: compiled.append(script.llama_flags()))
    monkeypatch.setenv("CMAKE_ARGS", "-DGGML_CUDA=ON")
    script.install_native_llama()
    for_card = script.fingerprint("run")
    monkeypatch.delenv("CMAKE_ARGS")
    script.install_native_llama()
    assert script.fingerprint("run") == for_card
    monkeypatch.setenv("CMAKE_ARGS", "")
    script.install_native_llama()
    assert script.fingerprint("run") != for_card
    assert ["-DGGML_CUDA=ON" in flags for flags in compiled] == [True, False]


def test_modules_are_compiled_before_the_first_start(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where Python is told to keep nothing of what it compiles on import."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    for folder in script.MODULES:
        (tmp_path / folder / "part").mkdir(parents=True)
        (tmp_path / folder / "part" / "module.py").write_text("VALUE = 1\n")
    (tmp_path / "app" / "broken.py").write_text("no Python")
    monkeypatch.setattr(script, "ROOT", tmp_path)
    monkeypatch.setattr(script, "BIN", Path(sys.executable).parent)
    script.compile_modules()
    for folder in script.MODULES:
        assert list((tmp_path / folder / "part" / "__pycache__").glob("module.*.pyc"))
