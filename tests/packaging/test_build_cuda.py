"""The CUDA back end compiled without a toolkit: what is asked for, what is kept out, what is packed."""

import importlib.util
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging"


@pytest.fixture(scope="module")
def build_cuda() -> Iterator[ModuleType]:
    before = sys.path.copy()
    sys.path.insert(0, str(PACKAGING))
    spec = importlib.util.spec_from_file_location("build_cuda", PACKAGING / "engine" / "build_cuda.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = before


def test_each_generation_is_compiled_for_and_the_portable_form_where_it_is_asked_for(
    build_cuda: ModuleType,
) -> None:
    assert build_cuda.cmake_architectures(build_cuda.ONE) == "86-real"
    release = "75-real;80-real;86-real;89-real;90;120-real"
    assert build_cuda.cmake_architectures(build_cuda.RELEASE) == release


@pytest.mark.parametrize("text", ["86", "8.6;rm", "sm_86", "8.6+ptx", ""])
def test_what_is_no_compute_capability_is_said(build_cuda: ModuleType, text: str) -> None:
    with pytest.raises(SystemExit, match="no compute capability"):
        build_cuda.cmake_architectures([text])


def test_a_fresh_checkout_gets_the_environment_that_the_source_is_fetched_by(
    build_cuda: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = []
    monkeypatch.setattr(build_cuda, "FOLDER", tmp_path)
    monkeypatch.setattr(build_cuda, "create_venv", lambda folder, lock: made.append((folder, lock)))

    def make_toolkit() -> Path:
        raise SystemExit("that far")

    monkeypatch.setattr(build_cuda, "make_toolkit", make_toolkit)
    with pytest.raises(SystemExit, match="that far"):
        build_cuda.cuda_wheel(["8.6"], 1)
    assert made == [(ROOT / ".venv", "build")]


def test_what_is_compiled_stays_until_a_patch_changes(
    build_cuda: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patches, unpacked = tmp_path / "patches", []
    patches.mkdir()
    (patches / "0001.patch").write_text("one")

    def unpack(_archive: Path, folder: Path) -> Path:
        unpacked.append(folder)
        (folder / "llama").mkdir()
        return folder / "llama"

    monkeypatch.setattr(build_cuda, "FOLDER", tmp_path / "cuda")
    monkeypatch.setattr(build_cuda, "PATCHES", patches)
    monkeypatch.setattr(build_cuda, "llama_archive", lambda: tmp_path)
    monkeypatch.setattr(build_cuda, "unpack", unpack)
    monkeypatch.setattr(build_cuda, "apply_series", lambda tree, version: None)
    build_cuda.make_source()
    compiled = tmp_path / "cuda" / "8.6" / "build.ninja"
    compiled.parent.mkdir()
    compiled.touch()
    build_cuda.make_source()
    assert len(unpacked) == 1
    assert compiled.exists()
    (patches / "0001.patch").write_text("two")
    build_cuda.make_source()
    assert len(unpacked) == 2
    assert not compiled.exists()


def test_a_toolkit_of_the_system_is_kept_out(build_cuda: ModuleType, tmp_path: Path) -> None:
    system, plain = tmp_path / "cuda" / "bin", tmp_path / "bin"
    system.mkdir(parents=True)
    plain.mkdir()
    (system / "nvcc").write_text("#!/bin/sh\n")
    inherited = {
        "PATH": f"{system}:{plain}",
        "CUDA_PATH": str(tmp_path / "cuda"),
        "NVCC_APPEND_FLAGS": "-G",
        "HOME": "/home/somebody",
    }
    environment = build_cuda.build_environment(inherited)
    assert str(system) not in environment["PATH"].split(":")
    assert environment["PATH"].endswith(str(plain))
    assert environment.keys() == {"PATH", "HOME"}


def test_a_part_of_cuda_from_elsewhere_ends_the_build(build_cuda: ModuleType, tmp_path: Path) -> None:
    cache = (
        f"CMAKE_CUDA_COMPILER:STRING={tmp_path}/bin/nvcc\n"
        f"CUDA_cublas_LIBRARY:FILEPATH={tmp_path}/lib/libcublas.so\n"
        "CUDA_nvrtc_LIBRARY:FILEPATH=CUDA_nvrtc_LIBRARY-NOTFOUND\n"
        "CUDAToolkit_rt_LIBRARY:FILEPATH=/usr/lib/librt.a\n"
        "CMAKE_INSTALL_PREFIX:PATH=/usr/local\n"
    )
    build_cuda.refuse_other_toolkits(cache, tmp_path)
    with pytest.raises(SystemExit, match="CUDA_cudart_LIBRARY from /usr/local"):
        build_cuda.refuse_other_toolkits(
            cache + "CUDA_cudart_LIBRARY:FILEPATH=/usr/local/cuda/lib64/libcudart.so\n", tmp_path
        )


def test_the_compilers_cuda_is_the_one_whose_libraries_are_fetched() -> None:
    lock = (PACKAGING / "locks" / "cuda.txt").read_text("utf-8")
    for package in tomllib.loads((ROOT / "resources" / "cuda.toml").read_text("utf-8"))["packages"]:
        entry = re.search(rf"^{package['name']}=={package['version']} .*(?:\n    --hash=.*)+", lock, re.M)
        assert entry is not None
        for system in ("linux", "windows"):
            assert f"sha256:{package[system]['sha256']}" in entry[0]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Windows has a toolkit of its own")
def test_the_whole_engine_is_compiled_with_the_same_toolkit(
    build_cuda: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    toolkit = importlib.import_module("engine.cuda_toolkit")
    monkeypatch.setattr(toolkit, "make_toolkit", lambda: tmp_path)
    found = toolkit.toolkit_environment()
    assert found["CUDACXX"] == str(tmp_path / "bin" / "nvcc")
    assert found["PATH"].startswith(f"{tmp_path / 'bin'}:")
    assert {found["CUDA_PATH"], found["CUDAToolkit_ROOT"]} == {str(tmp_path)}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the build is for Linux")
def test_libraries_get_the_names_by_which_they_are_linked(build_cuda: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    for name in ("libcudart.so.13", "libcublas.so.13", "libcublasLt.so.13"):
        (tmp_path / "lib" / name).write_bytes(b"")
    build_cuda.add_link_names(tmp_path)
    assert (tmp_path / "lib64" / "libcublasLt.so").resolve() == tmp_path / "lib" / "libcublasLt.so.13"
    driver = tmp_path / "lib" / "stubs" / "libcuda.so"
    said = subprocess.run(["nm", "-D", "--defined-only", driver], capture_output=True, text=True, check=True)
    assert set(build_cuda.DRIVER) <= {line.split()[-1] for line in said.stdout.splitlines()}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the build is for Linux")
def test_the_wheel_holds_the_back_end_and_the_licences(
    build_cuda: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1796000000")
    version = build_cuda.pinned("llama-cpp-python").partition("==")[2]
    code, library, archive = tmp_path / "code.c", tmp_path / "library.so", tmp_path / "source.tar.gz"
    code.write_text("int ggml_backend_init(void) { return 0; }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, code], check=True)
    with tarfile.open(archive, "w:gz") as source:
        for name in ("PKG-INFO", "LICENSE.md", "vendor/llama.cpp/LICENSE"):
            source.add(code, f"llama_cpp_python-{version}/{name}")
    wheel = build_cuda.pack(library, archive, tmp_path)
    with zipfile.ZipFile(wheel) as packed:
        assert packed.namelist() == [
            "llama_cpp/bin/libggml-cuda.so",
            f"llama_cpp_python-{version}.dist-info/METADATA",
            f"llama_cpp_python-{version}.dist-info/licenses/LICENSE.md",
            f"llama_cpp_python-{version}.dist-info/licenses/vendor/llama.cpp/LICENSE",
        ]
        assert {entry.date_time for entry in packed.infolist()} == {(2026, 11, 30, 0, 53, 20)}
