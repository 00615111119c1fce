"""llama.cpp for Windows, compiled here by mingw-w64 with back ends that load at run time, answers under wine.

The Windows release is compiled by Microsoft's compiler; this shows that the libraries find each other, that a
variant for the processor is chosen and that the starter model answers. Compiled once (build/windows-engine).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from models.catalog.starter import starter_file
from tests.perf.build_llama_tools import tools_folder

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "packaging"))

from engine.patch_series import apply_series  # type: ignore[import-not-found]  # noqa: E402 - scripts
from environment import (  # type: ignore[import-not-found]  # noqa: E402
    LIKELY_TOKENS,
    LLAMA_CHANGES,
    digest_of,
)

pytestmark = [pytest.mark.installers, pytest.mark.timeout(3600)]

FOLDER = ROOT / "build" / "windows-engine"
BUILD = FOLDER / "compiled"
COMPILER = "x86_64-w64-mingw32-gcc-posix"
# The oldest processors and those with AVX2; the other twelve variants differ in flags of the compiler only.
VARIANTS = ("x64", "haswell")
# Not ALL: CMake hands over a library's own objects as an archive, and nothing of it would be exported.
COMPILERS_LIBRARIES = "libstdc++.a:libgcc.a:libgcc_eh.a:libpthread.a:libwinpthread.a"
OPTIONS = (
    "-GUnix Makefiles",
    "-DCMAKE_BUILD_TYPE=Release",
    "-DCMAKE_SYSTEM_NAME=Windows",
    "-DCMAKE_SYSTEM_PROCESSOR=x86_64",
    f"-DCMAKE_C_COMPILER={COMPILER}",
    "-DCMAKE_CXX_COMPILER=x86_64-w64-mingw32-g++-posix",
    # Otherwise each library hands on what it took from the compiler's, and the next one has it twice.
    # The back ends are modules.
    *(
        f"-DCMAKE_{kind}_LINKER_FLAGS=-static -Wl,--exclude-libs,{COMPILERS_LIBRARIES}"
        for kind in ("SHARED", "MODULE")
    ),
    "-DBUILD_SHARED_LIBS=ON",
    "-DGGML_NATIVE=OFF",
    "-DGGML_OPENMP=OFF",
    "-DGGML_BACKEND_DL=ON",
    "-DGGML_CPU_ALL_VARIANTS=ON",
    "-DLLAMA_CURL=OFF",
    f"-DCMAKE_PROJECT_llama.cpp_INCLUDE={(LIKELY_TOKENS / 'likely_tokens.cmake').as_posix()}",
    *(f"-DLLAMA_BUILD_{part}=OFF" for part in ("COMMON", "TESTS", "TOOLS", "EXAMPLES", "SERVER")),
)

if any(shutil.which(name) is None for name in ("wine", COMPILER, "cmake", "make")):
    pytest.skip("wine, mingw-w64, cmake or make is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def program() -> Path:
    """windows_answer.exe with the libraries beside it."""
    trees = list(tools_folder().glob("source/llama_cpp_python-*/"))
    if not trees:
        pytest.skip("no source: run `python -m tests.perf.build_llama_tools`")
    # A copy, as our changes are written into it; the stamp says that all of these are.
    source = FOLDER / "source"
    stamp = source / "stillroom-stamp"
    changes = f"{trees[0].name} {digest_of(LLAMA_CHANGES)}"
    if not stamp.exists() or stamp.read_text() != changes:
        shutil.rmtree(source, ignore_errors=True)
        shutil.copytree(trees[0], source / "llama_cpp_python")
        apply_series(source / "llama_cpp_python", trees[0].name.rpartition("-")[2])
        stamp.write_text(changes)
    tree = source / "llama_cpp_python" / "vendor" / "llama.cpp"
    subprocess.run(["cmake", "-S", str(tree), "-B", str(BUILD), *OPTIONS], check=True)
    variants = [f"ggml-cpu-{variant}" for variant in VARIANTS]
    # ggml waits for all fourteen variants, which it does not link: "/fast" builds a target alone.
    for targets in (["ggml-base", *variants], ["ggml/fast"], ["llama/fast"], ["likely_tokens/fast"]):
        build = ["cmake", "--build", str(BUILD), "--parallel", str(os.cpu_count()), "--target", *targets]
        subprocess.run(build, check=True)
    target = BUILD / "bin" / "windows_answer.exe"
    include = [f"-I{tree / place}" for place in ("include", "ggml/include")]
    libraries = [str(BUILD / "bin" / f"{name}.dll") for name in ("libllama", "ggml", "ggml-base")]
    source = Path(__file__).with_name("windows_answer.c")
    subprocess.run([COMPILER, "-O2", *include, "-o", str(target), str(source), *libraries], check=True)
    return target


def test_the_library_of_likely_tokens_exports_its_functions(program: Path) -> None:
    (library,) = BUILD.rglob("*likely_tokens.dll")
    dump = ["x86_64-w64-mingw32-objdump", "-p", str(library)]
    listed = subprocess.run(dump, check=True, capture_output=True, text=True).stdout
    assert "DLL Name: libllama.dll" in listed
    for name in ("likely_tokens", "likely_tokens_of_row", "draw"):
        assert f"stillroom_{name}\n" in listed


def test_the_starter_answers_through_windows_libraries(program: Path, tmp_path: Path) -> None:
    environment = os.environ | {"WINEPREFIX": str(tmp_path / "wine"), "WINEDEBUG": "-all"}
    environment["WINEDLLOVERRIDES"] = "mscoree,mshtml="
    question = "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n"
    model = f"Z:{starter_file()}"
    done = subprocess.run(
        ["wine", program.name, model, question, "16"],
        cwd=program.parent,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    subprocess.run(["wineserver", "--wait"], env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    flags, answer = done.stdout.split("\n", 1)
    assert "CPU" in flags
    assert "Paris" in answer
