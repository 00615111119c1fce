"""The script behind `make run`, without running pip or a compiler."""

import hashlib
import importlib.util
import shutil
import sys
import tarfile
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


@pytest.fixture
def archive(script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A made-up llama-cpp-python that a lock names, where pip finds it: no index is asked."""
    tree = tmp_path / "llama_cpp_python-1.0"
    tree.mkdir()
    about = '[project]\nname = "llama-cpp-python"\nversion = "1.0"\n[tool.setuptools]\npy-modules = []\n'
    (tree / "pyproject.toml").write_text(about)
    place = tmp_path / "index" / "llama_cpp_python-1.0.tar.gz"
    place.parent.mkdir()
    with tarfile.open(place, "w:gz") as tar:
        tar.add(tree, tree.name)
    digest = hashlib.sha256(place.read_bytes()).hexdigest()
    (tmp_path / "test.txt").write_text(f"llama-cpp-python==1.0 \\\n    --hash=sha256:{digest}\n")
    monkeypatch.setattr(script, "LOCKS", tmp_path)
    monkeypatch.setattr(script, "ARCHIVES", tmp_path / "sources")
    monkeypatch.setattr(script, "LLAMA_SOURCE", tmp_path / "llama-source")
    monkeypatch.setattr(script, "python_of", lambda _: Path(sys.executable))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(place.parent))
    return place


def test_the_source_archive_is_fetched_where_it_is_not_there_as_locked(
    script: ModuleType, archive: Path
) -> None:
    fetched = script.llama_archive()
    assert fetched.read_bytes() == archive.read_bytes()
    fetched.write_bytes(b"damaged")
    assert script.llama_archive().read_bytes() == archive.read_bytes()
    archive.write_bytes(b"nobody asks for it")
    assert script.llama_archive() == fetched


def test_what_is_compiled_is_the_source_with_our_changes(
    script: ModuleType, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.ARCHIVES.mkdir()
    shutil.copy(archive, script.ARCHIVES)
    changed: list[tuple[Path, str]] = []
    compiled: list[Path] = []

    def compile_(title: str, command: list[str], environment: dict[str, str]) -> None:
        compiled.append(Path(command[-1]))
        assert (compiled[0] / "pyproject.toml").exists()
        assert "likely_tokens.cmake" in environment["CMAKE_ARGS"]

    monkeypatch.setattr(script, "apply_series", lambda tree, version: changed.append((tree, version)))
    monkeypatch.setattr(script, "run_showing_progress", compile_)
    script.build_llama_cpp(["install"])
    assert changed == [(compiled[0], "1.0")]
    assert not compiled[0].exists()


def test_a_build_that_was_ended_goes_on_and_one_of_other_flags_begins_anew(
    script: ModuleType, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked: list[str] = []
    given: list[str] = []
    found: list[bool] = []
    objects = script.LLAMA_SOURCE / "compiled" / "one.o"

    def compile_(title: str, command: list[str], environment: dict[str, str]) -> None:
        found.append(objects.exists())
        given.append(command[-2])
        objects.parent.mkdir(exist_ok=True)
        objects.touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(script, "apply_series", lambda tree, version: unpacked.append(version))
    monkeypatch.setattr(script, "run_showing_progress", compile_)
    for flags in ("-DA=ON", "-DA=ON", "-DA=OFF"):
        monkeypatch.setenv("CMAKE_ARGS", flags)
        with pytest.raises(KeyboardInterrupt):
            script.build_llama_cpp(["wheel"])
    assert found == [False, True, False]
    assert len(unpacked) == 2
    assert set(given) == {f"-Cbuild-dir={script.LLAMA_SOURCE / 'compiled'}"}
