"""The portable engine's wheel is repacked right; building it is `make engine`."""

import base64
import csv
import hashlib
import importlib.util
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

AS_BUILT = [
    "llama_cpp/__init__.py",
    "llama_cpp/server/app.py",
    "llama_cpp/lib/libllama.so",
    "llama_cpp/lib/libggml.so",
    "llama_cpp/lib/libggml-base.so",
    "llama_cpp/lib/libggml-vulkan.so",
    "llama_cpp/lib/liblikely_tokens.so",
    "bin/libggml-vulkan.so",
    "bin/libggml-cpu-haswell.so",
    "bin/convert_hf_to_gguf.py",
    "lib/libggml.so",
    "lib/libllama.so",
    "lib/libllama-common.so",
    "lib/cmake/ggml/ggml-config.cmake",
    "include/ggml.h",
    "llama_cpp_python-1.dist-info/METADATA",
    "llama_cpp_python-1.dist-info/licenses/LICENSE",
    "llama_cpp_python-1.dist-info/RECORD",
]


@pytest.fixture(scope="module")
def repacking() -> ModuleType:
    path = Path(__file__).parents[2] / "packaging" / "engine" / "repack.py"
    spec = importlib.util.spec_from_file_location("repack", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def wheel(tmp_path: Path, repacking: ModuleType) -> zipfile.ZipFile:
    built = tmp_path / "as-built" / "llama_cpp_python-1-py3-none-linux_x86_64.whl"
    built.parent.mkdir()
    with zipfile.ZipFile(built, "w") as archive:
        for name in AS_BUILT:
            archive.writestr(name, name.rpartition("/")[2])
    repacked = repacking.repack(built, tmp_path, {"LICENSE-llama.cpp": b"The ggml authors"})
    assert repacked.name == built.name
    return zipfile.ZipFile(repacked)


def test_each_library_is_there_once_and_back_ends_lie_where_they_are_loaded_from(
    wheel: zipfile.ZipFile,
) -> None:
    assert sorted(wheel.namelist()) == [
        "llama_cpp/__init__.py",
        "llama_cpp/bin/libggml-cpu-haswell.so",
        "llama_cpp/bin/libggml-vulkan.so",
        "llama_cpp/lib/libggml-base.so",
        "llama_cpp/lib/libggml.so",
        "llama_cpp/lib/liblikely_tokens.so",
        "llama_cpp/lib/libllama.so",
        "llama_cpp/server/app.py",
        "llama_cpp_python-1.dist-info/METADATA",
        "llama_cpp_python-1.dist-info/RECORD",
        "llama_cpp_python-1.dist-info/licenses/LICENSE",
        "llama_cpp_python-1.dist-info/licenses/LICENSE-llama.cpp",
    ]
    assert wheel.read("llama_cpp_python-1.dist-info/licenses/LICENSE-llama.cpp") == b"The ggml authors"


def test_the_record_lists_each_file_with_its_hash(wheel: zipfile.ZipFile) -> None:
    rows = list(csv.reader(wheel.read("llama_cpp_python-1.dist-info/RECORD").decode().splitlines()))
    assert sorted(name for name, _, _ in rows) == sorted(wheel.namelist())
    for name, digest, size in rows:
        if not name.endswith("RECORD"):
            data = wheel.read(name)
            expected = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            assert (digest, int(size)) == (f"sha256={expected}", len(data))


@pytest.mark.parametrize("name", ["ggml.dll", "ggml-base.dll", "llama.dll", "likely_tokens.dll"])
def test_windows_libraries_keep_their_place(repacking: ModuleType, name: str) -> None:
    assert repacking.kept_as(f"bin/{name}") == f"llama_cpp/lib/{name}"
    assert repacking.kept_as(f"llama_cpp/lib/{name}") == f"llama_cpp/lib/{name}"
    assert repacking.kept_as("bin/ggml-cuda.dll") == "llama_cpp/bin/ggml-cuda.dll"
