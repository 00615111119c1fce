"""llama.cpp for Windows, compiled here by mingw-w64 with back ends that load at run time, answers under wine.

The Windows release is compiled by Microsoft's compiler; this shows that the libraries find each other, that a
variant for the processor is chosen and that the starter model answers. Compiled once (build/windows-engine).
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from models.catalogue.starter import starter_file
from tests.support.cross_engine import ROOT, compile_answer, configure, patched_source

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
    # Otherwise each library hands on what it took from the compiler's, and the next one has it twice.
    # The back ends are modules.
    *(
        f"-DCMAKE_{kind}_LINKER_FLAGS=-static -Wl,--exclude-libs,{COMPILERS_LIBRARIES}"
        for kind in ("SHARED", "MODULE")
    ),
)

if any(shutil.which(name) is None for name in ("wine", COMPILER, "cmake", "make")):
    pytest.skip("wine, mingw-w64, cmake or make is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def program() -> Path:
    """engine_answer.exe with the libraries beside it."""
    tree = patched_source(FOLDER)
    compilers = (COMPILER, "x86_64-w64-mingw32-g++-posix")
    configure(tree, BUILD, ("Windows", "x86_64"), compilers, *OPTIONS)
    variants = [f"ggml-cpu-{variant}" for variant in VARIANTS]
    # ggml waits for all fourteen variants, which it does not link: "/fast" builds a target alone.
    for targets in (["ggml-base", *variants], ["ggml/fast"], ["llama/fast"], ["likely_tokens/fast"]):
        build = ["cmake", "--build", str(BUILD), "--parallel", str(os.cpu_count()), "--target", *targets]
        subprocess.run(build, check=True)
    target = BUILD / "bin" / "engine_answer.exe"
    libraries = [str(BUILD / "bin" / f"{name}.dll") for name in ("libllama", "ggml", "ggml-base")]
    compile_answer(COMPILER, tree, target, libraries)
    return target


def test_the_library_of_likely_tokens_exports_its_functions(program: Path) -> None:
    (library,) = BUILD.rglob("*likely_tokens.dll")
    dump = ["x86_64-w64-mingw32-objdump", "-p", str(library)]
    listed = subprocess.run(dump, check=True, capture_output=True, text=True).stdout
    assert "DLL Name: libllama.dll" in listed
    for name in ("likely_tokens", "likely_tokens_of_row", "draw", "next_tokens", "note_pairs", "best_of_row"):
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
