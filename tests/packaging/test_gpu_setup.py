"""Bringing the check of a card to a computer without a network: what goes along, and what is done there."""

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]


def script(name: str) -> ModuleType:
    """A module of packaging/engine, which is no package."""
    before = sys.path.copy()
    sys.path.insert(0, str(ROOT / "packaging"))
    spec = importlib.util.spec_from_file_location(name, ROOT / "packaging" / "engine" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


gpu_kit, gpu_setup = script("gpu_kit"), script("gpu_setup")


def test_the_kit_holds_what_the_build_reads_and_nothing_of_other_makers() -> None:
    inner = "vendor/llama.cpp/"
    assert gpu_kit.is_needed("llama_cpp/llama_cpp.py")
    assert gpu_kit.is_needed("PKG-INFO")
    assert gpu_kit.is_needed(f"{inner}CMakeLists.txt")
    assert gpu_kit.is_needed(f"{inner}ggml/src/ggml-cuda/mmq.cu")
    assert gpu_kit.is_needed(f"{inner}ggml/src/ggml-metal/CMakeLists.txt")
    assert gpu_kit.is_needed(f"{inner}tools/llama-bench/llama-bench.cpp")
    assert not gpu_kit.is_needed(f"{inner}ggml/src/ggml-metal/ggml-metal.metal")
    assert not gpu_kit.is_needed(f"{inner}models/ggml-vocab-qwen2.gguf")
    assert not gpu_kit.is_needed(f"{inner}tools/mtmd/test-1.jpeg")
    assert not gpu_kit.is_needed("docs/index.md")


def test_the_kits_repository_can_check_a_card(tmp_path: Path) -> None:
    gpu_kit.pack_repository(gpu_kit.tracked_files(), tmp_path / "stillroom.tar.xz")
    with tarfile.open(tmp_path / "stillroom.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    assert not (tmp_path / "resources" / "fonts").exists()
    assert (tmp_path / gpu_kit.COMMIT_FILE).read_text().strip()
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    for command in (["-m", "tests.perf.gpu_check"], ["packaging/engine/gpu_setup.py"]):
        done = subprocess.run(
            [sys.executable, *command, "--help"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "--minutes" in done.stdout


def test_every_package_of_the_kit_is_locked() -> None:
    text = (ROOT / "packaging" / "locks" / "test.txt").read_text("utf-8")
    assert [name for name in gpu_kit.PACKAGES if f"\n{name}==" not in text] == []


def test_a_build_that_does_not_end_in_time_is_ended_with_all_its_processes(tmp_path: Path) -> None:
    told = tmp_path / "compiler"
    compiler = f"import os, time; open({str(told)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {compiler!r}])"
    with pytest.raises(gpu_setup.OutOfTime):
        gpu_setup.run_until([sys.executable, "-c", program], time.monotonic() + 3)
    if told.exists():
        wait_until(lambda: has_ended(int(told.read_text())), "the compiler's end")
    with pytest.raises(gpu_setup.OutOfTime):
        gpu_setup.run_until([sys.executable, "-c", "pass"], time.monotonic())
    with pytest.raises(subprocess.CalledProcessError):
        gpu_setup.run_until([sys.executable, "-c", "raise SystemExit(2)"], float("inf"))
    gpu_setup.run_until([sys.executable, "-c", "pass"], float("inf"))


@pytest.mark.parametrize(
    ("compiled", "card", "serves"),
    [
        ("8.6", "8.6", True), ("8.0", "8.9", True), ("8.6", "8.0", False), ("8.6", "9.0", False),
        ("9.0+PTX", "12.0", True), ("9.0+PTX", "8.9", False),
    ],
)  # fmt: skip
def test_code_runs_on_cards_of_its_generation_and_portable_code_on_newer_ones(
    compiled: str, card: str, serves: bool
) -> None:
    assert gpu_setup.serves(compiled, card) is serves


def test_a_kit_without_code_for_the_card_says_what_makes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nvidia-smi is a stand-in."""
    monkeypatch.setattr(gpu_setup, "KIT", tmp_path)
    assert "`make cuda` before" in gpu_setup.kit_lacks()
    (tmp_path / "back-ends").mkdir()
    (tmp_path / "back-ends" / gpu_setup.ARCHITECTURES).write_text("8.6")
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 9.0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert 'is for 8.6, and this card has 9.0: `make cuda CUDA_FLAGS="--architectures 9.0"`' in (
        gpu_setup.kit_lacks()
    )
    (tmp_path / "back-ends" / gpu_setup.ARCHITECTURES).write_text("8.6 9.0")
    assert gpu_setup.kit_lacks() == ""


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except FileNotFoundError:
        return True


def test_the_engine_is_put_where_it_looks_for_its_back_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_setup, "FOLDER", tmp_path / "env")
    monkeypatch.setattr(gpu_setup, "SITE", tmp_path / "env" / "site")
    monkeypatch.setattr(gpu_setup, "KIT", tmp_path / "kit")
    tree, built = tmp_path / "source", tmp_path / "env" / "llama.cpp" / "bin"
    for folder in (tree / "llama_cpp", built, tmp_path / "env" / "site", tmp_path / "kit" / "back-ends"):
        folder.mkdir(parents=True)
    (tree / "llama_cpp" / "llama_cpp.py").touch()
    (tree / "PKG-INFO").write_text("Metadata-Version: 2.2\nName: llama-cpp-python\nVersion: 0.3.36\n")
    names = ("libllama.so", "libggml.so", "libggml-base.so", "libggml-cpu.so", "libllama-common.so")
    for name in names:
        (built / name).write_text("compiled")
    (built.parent / "liblikely_tokens.so").touch()
    wheel = tmp_path / "cuda" / "8.6" / "llama_cpp_python-0.3.36-py3-none-linux_x86_64.whl"
    wheel.parent.mkdir(parents=True)
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in ("libggml-cuda.so", "libggml-vulkan.so", "libggml-cpu.so"):
            archive.writestr(f"llama_cpp/bin/{name}", "brought")
    gpu_kit.take_back_ends(wheel, tmp_path / "kit" / "back-ends")
    assert gpu_setup.kit_architectures() == ["8.6"]
    for _ in range(2):
        gpu_setup.install_engine(tree)
    package = tmp_path / "env" / "site" / "llama_cpp"
    assert sorted(path.name for path in (package / "lib").iterdir()) == [
        "libggml-base.so", "libggml.so", "liblikely_tokens.so", "libllama.so",
    ]  # fmt: skip
    found = {path.name: path.read_text() for path in (package / "bin").iterdir()}
    brought = dict.fromkeys(("libggml-cuda.so", "libggml-vulkan.so"), "brought")
    assert found == {"libggml-cpu.so": "compiled", **brought}
    assert (built / "libggml-vulkan.so").read_text() == "brought"
    described = {path.name for path in (tmp_path / "env" / "site").glob("*.dist-info")}
    version = importlib.metadata.version("stillroom")
    assert described == {"llama_cpp_python-0.3.36.dist-info", f"stillroom-{version}.dist-info"}


def test_the_check_finds_the_engine_and_its_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    found = gpu_setup.environment(os.environ)
    assert found["PYTHONPATH"].split(os.pathsep) == [str(gpu_setup.SITE), str(ROOT), "/elsewhere"]
    assert found["STILLROOM_LLAMA_TOOLS"] == str(gpu_setup.FOLDER / "llama.cpp" / "bin")


def test_without_a_kit_it_says_what_makes_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_setup, "KIT", tmp_path / "kit")
    with pytest.raises(SystemExit, match="make gpu-kit"):
        gpu_setup.set_up(float("inf"), 1)
