"""Vulkan's shaders, packed: what a build leaves in a folder comes back by its key, byte for byte."""

import ctypes
import importlib
import lzma
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ENGINE = Path(__file__).parents[2] / "packaging" / "engine"
SHADERS = ENGINE / "packed_shaders"
PATCH = ENGINE / "patches" / "0005-packed-shaders.patch"
MAGIC, NAME, CAPABILITY = 0x07230203, 5, 17
ASK = """
#include "packed_shaders.h"
#include <cstdio>

// Each key from standard input: the shader's size and its bytes.
int main() {
    char key[8];
    while (fread(key, 1, sizeof(key), stdin) == sizeof(key)) {
        const auto shader = packed_shader(key);
        fwrite(&shader.second, sizeof(shader.second), 1, stdout);
        fwrite(shader.first, 1, shader.second, stdout);
    }
}
"""
# What the patch changes: a function that makes a pipeline, and a CMakeLists.txt that names the folder and the
# files that llama.cpp's generator of shaders writes. `added` is what it adds, in its order.
PIPELINE = """
#include <cstddef>
{added[0]}
extern const unsigned char add_f32_data[], mul_f32_data[];
static std::pair<const void *, size_t> pipeline(size_t spv_size, const void* spv_data) {{
{added[1]}
    return {{ spv_data, spv_size }};
}}
extern "C" const void * shader(int which, size_t * bytes) {{
    const auto made = pipeline(8, which ? mul_f32_data : add_f32_data);
    *bytes = made.second;
    return made.first;
}}
"""
PROJECT = """
cmake_minimum_required(VERSION 3.19)
project(ggml CXX)
add_subdirectory(src/ggml-vulkan)
"""
LIBRARY = """
add_library(ggml-vulkan SHARED ggml-vulkan.cpp)
target_include_directories(ggml-vulkan PRIVATE ${CMAKE_SOURCE_DIR}/include)
set(_ggml_vk_output_dir ${CMAKE_CURRENT_BINARY_DIR}/spv)
file(MAKE_DIRECTORY ${_ggml_vk_output_dir})
foreach(name add_f32 mul_f32)
  add_custom_command(OUTPUT ${name}.cpp
    COMMAND ${Vulkan_GLSLC_EXECUTABLE} ${CMAKE_SOURCE_DIR}/${name}.comp -o ${_ggml_vk_output_dir}/${name}.spv
    COMMAND ${CMAKE_SOURCE_DIR}/embed.py ${_ggml_vk_output_dir}/${name}.spv ${name}.cpp)
  target_sources(ggml-vulkan PRIVATE ${name}.cpp)
  list(APPEND _ggml_vk_generated_shader_files ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
endforeach()
"""
GLSLC = "#!/bin/sh\ncp $1 $3\n"
EMBED = """#!/usr/bin/env python3
import pathlib, sys
spv, out = map(pathlib.Path, sys.argv[1:])
data = f"const unsigned char {spv.stem}_data[]"
out.write_text(f"extern {data}; {data} = {{{','.join(map(str, spv.read_bytes()))}}};")
"""
COMPILES = pytest.mark.skipif(
    None in (shutil.which("c++"), shutil.which("cmake")) or not Path("/usr/include/lzma.h").exists(),
    reason="needs a C++ compiler, cmake and liblzma-dev",
)
GGML = "#include <cstdlib>\n#define GGML_ASSERT(x) if (!(x)) abort()\n"


@pytest.fixture(scope="module")
def join_shaders() -> ModuleType:
    sys.path.insert(0, str(SHADERS))
    try:
        return importlib.import_module("join_shaders")
    finally:
        sys.path.remove(str(SHADERS))


@pytest.fixture(scope="module")
def pack_shader(join_shaders: ModuleType) -> ModuleType:
    return sys.modules["pack_shader"]


@pytest.fixture
def shaders(
    join_shaders: ModuleType, pack_shader: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[bytes]:
    """Twenty in blocks of three, packed in `tmp_path`; one of them twice, under two names."""
    made = [spirv(*[(CAPABILITY, number)] * 50) for number in range(20)]
    for number, shader in enumerate([*made, made[3]]):
        (tmp_path / f"shader_{number:02}").with_suffix(pack_shader.SHADER).write_bytes(shader)
    monkeypatch.setattr(join_shaders, "BLOCK_BYTES", 3 * len(made[0]))
    monkeypatch.setattr(sys, "argv", ["", str(tmp_path), str(tmp_path / "packed_shaders.inc")])
    assert join_shaders.main() == 0
    return made


def spirv(*instructions: tuple[int, ...]) -> bytes:
    """A header, then each instruction: its code and its operands. SPIR-V specification, 2.3."""
    words = [MAGIC, 0x10300, 0, 10, 0]
    for code, *operands in instructions:
        words += [(len(operands) + 1) << 16 | code, *operands]
    return struct.pack(f"<{len(words)}I", *words)


def test_names_are_dropped_and_nothing_else(pack_shader: ModuleType) -> None:
    named = spirv((CAPABILITY, 1), (NAME, 4, 0x6E69616D, 0), (CAPABILITY, 22))
    assert pack_shader.without_names(named) == spirv((CAPABILITY, 1), (CAPABILITY, 22))


def test_the_tables_say_where_each_shader_is(
    shaders: list[bytes], pack_shader: ModuleType, tmp_path: Path
) -> None:
    blocks, rows = (tmp_path / "packed_shaders.inc").read_text().split("SHADERS[]")
    packed = (tmp_path / "packed_shaders.xz").read_bytes()
    unpacked = [
        lzma.decompress(packed[int(begin) : int(begin) + int(size)], lzma.FORMAT_XZ)
        for begin, size, _ in re.findall(r"{ (\d+), (\d+), (\d+) }", blocks)
    ]
    assert len(unpacked) == 7
    found = re.findall(r"{ (0x\w+), (\d+), (\d+), (\d+) }", rows)
    assert [int(key, 16) for key, *_ in found] == sorted(int(key, 16) for key, *_ in found)
    by_key = {
        int(key, 16).to_bytes(8, sys.byteorder): unpacked[int(block)][int(begin) : int(begin) + int(size)]
        for key, block, begin, size in found
    }
    assert by_key == {pack_shader.key(shader): shader for shader in shaders}


@COMPILES
def test_each_is_found_by_its_key(shaders: list[bytes], pack_shader: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "ask.cpp").write_text(ASK)
    (tmp_path / "ggml.h").write_text(GGML)
    command = [
        "c++",
        "-std=c++17",
        f"-I{tmp_path}",
        f"-I{SHADERS}",
        "ask.cpp",
        str(SHADERS / "packed_shaders.cpp"),
    ]
    subprocess.run([*command, "-llzma", "-o", "ask"], cwd=tmp_path, check=True)
    wanted = [*reversed(shaders), shaders[3]]
    keys = b"".join(pack_shader.key(shader) for shader in wanted)
    done = subprocess.run([tmp_path / "ask"], input=keys, capture_output=True, check=True)
    assert done.stdout == b"".join(struct.pack("@N", len(shader)) + shader for shader in wanted)
    assert subprocess.run([tmp_path / "ask"], input=b"not a key", capture_output=True).returncode < 0


def added_by_the_patch(file: str) -> list[str]:
    """Each stretch of lines that it adds to a file of this name."""
    changes = PATCH.read_text().split("diff --git ")[1:]
    (change,) = (change for change in changes if change.partition("\n")[0].endswith(f"/{file}"))
    stretches = re.findall(r"(?:^\+(?!\+\+ ).*\n)+", change, re.M)
    return [re.sub(r"^\+", "", stretch, flags=re.M) for stretch in stretches]


@COMPILES
def test_cmake_builds_a_library_with_its_shaders_packed(
    pack_shader: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shaders = [spirv((CAPABILITY, 1)), spirv((NAME, 4, 0x6E69616D, 0), (CAPABILITY, 2), (CAPABILITY, 3))]
    files = {
        "CMakeLists.txt": PROJECT,
        "src/ggml-vulkan/CMakeLists.txt": LIBRARY + "".join(added_by_the_patch("CMakeLists.txt")),
        "src/ggml-vulkan/ggml-vulkan.cpp": PIPELINE.format(added=added_by_the_patch("ggml-vulkan.cpp")),
        "include/ggml.h": GGML,
        "embed.py": EMBED,
        "bin/glslc": GLSLC,
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    for name, shader in zip(("add_f32", "mul_f32"), shaders, strict=True):
        (tmp_path / f"{name}.comp").write_bytes(shader)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    options = [
        f"-DVulkan_GLSLC_EXECUTABLE={SHADERS / 'pack_shader.py'}",
        f"-DSTILLROOM_PACKED_SHADERS={SHADERS}",
    ]
    subprocess.run(["cmake", "-S", tmp_path, "-B", tmp_path / "build", *options], check=True, timeout=60)
    subprocess.run(["cmake", "--build", tmp_path / "build"], check=True, timeout=120)
    library = ctypes.CDLL(str(tmp_path / "build" / "src" / "ggml-vulkan" / "libggml-vulkan.so"))
    library.shader.restype = ctypes.c_void_p
    for which, shader in enumerate(shaders):
        size = ctypes.c_size_t()
        place = library.shader(which, ctypes.byref(size))
        assert ctypes.string_at(place, size.value) == pack_shader.without_names(shader)
