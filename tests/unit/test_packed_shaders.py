"""Shaders are packed without loss, and llama.cpp's source is changed where it uses them."""

import importlib.util
import struct
import subprocess
import zlib
from array import array
from pathlib import Path
from types import ModuleType

import pytest

ENGINE = Path(__file__).parents[2] / "packaging" / "engine"
HEADER = [0x07230203, 0x00010600, 0, 10, 0]
CAPABILITY = [2 << 16 | 17, 1]
NAME = [4 << 16 | 5, 3, 0x6E69616D, 0]
MEMORY_MODEL = [3 << 16 | 14, 0, 1]
USES_SHADERS = """\
static void create(size_t spv_size, const void* spv_data) {
    VK_LOG_DEBUG("ggml_vk_create_pipeline(" << device->name << ")");
}
"""


@pytest.fixture(scope="module")
def packing() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pack_shader", ENGINE / "pack_shader.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_packed_shader_is_the_same_without_names(packing: ModuleType) -> None:
    shader = array("I", HEADER + CAPABILITY + NAME + MEMORY_MODEL).tobytes()
    packed = packing.packed(shader)
    (size_bytes,) = struct.unpack_from("<I", packed)
    unpacked = zlib.decompress(packed[4:])
    assert len(unpacked) == size_bytes
    assert list(array("I", unpacked)) == HEADER + CAPABILITY + MEMORY_MODEL


def configure(tree: Path, source: str) -> subprocess.CompletedProcess[str]:
    place = tree / "src" / "ggml-vulkan"
    place.mkdir(parents=True)
    (place / "ggml-vulkan.cpp").write_text(source)
    (place / "CMakeLists.txt").write_text("add_library(ggml-vulkan ggml-vulkan.cpp)\n")
    (tree / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.19)\nproject(ggml NONE)\n")
    include = f"-DCMAKE_PROJECT_ggml_INCLUDE={ENGINE / 'packed_shaders.cmake'}"
    command = ["cmake", "-S", str(tree), "-B", str(tree / "build"), include]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_shader_is_unpacked_before_it_is_used(tmp_path: Path) -> None:
    done = configure(tmp_path, USES_SHADERS)
    assert done.returncode == 0, done.stderr
    changed = (tmp_path / "src/ggml-vulkan/ggml-vulkan.cpp").read_text()
    assert changed.startswith("#include <zlib.h>\n")
    assert changed.index("uncompress(") < changed.index("VK_LOG_DEBUG")
    assert " z)" in (tmp_path / "src/ggml-vulkan/CMakeLists.txt").read_text()


def test_a_llama_cpp_that_has_changed_stops_the_build(tmp_path: Path) -> None:
    done = configure(tmp_path, "static void create_pipeline();\n")
    assert done.returncode != 0
    assert "ggml-vulkan.cpp has changed" in done.stderr
