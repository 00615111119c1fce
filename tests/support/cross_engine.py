"""llama.cpp for another system or processor, cross-compiled here with back ends that load at run time."""

import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "packaging"))

from engine.patch_series import apply_series  # type: ignore[import-not-found]  # noqa: E402 - scripts
from environment import (  # type: ignore[import-not-found]  # noqa: E402
    LIKELY_TOKENS,
    LLAMA_CHANGES,
    digest_of,
    llama_archive,
    pinned,
)

ANSWER = ROOT / "tests" / "packaging" / "engine_answer.c"


def patched_source(folder: Path) -> Path:
    """The locked llama.cpp with our changes, in `folder`; unpacked anew only when these have changed."""
    source = folder / "source"
    stamp = source / "stillroom-stamp"
    version = pinned("llama-cpp-python").rpartition("==")[2]
    changes = f"{version} {digest_of(LLAMA_CHANGES)}"
    if not stamp.exists() or stamp.read_text() != changes:
        shutil.rmtree(source, ignore_errors=True)
        with tarfile.open(llama_archive()) as archive:
            archive.extractall(source, filter="data")
        next(source.glob("llama_cpp_python-*")).rename(source / "llama_cpp_python")
        apply_series(source / "llama_cpp_python", version)
        stamp.write_text(changes)
    return source / "llama_cpp_python" / "vendor" / "llama.cpp"


def configure(
    tree: Path, build: Path, target: tuple[str, str], compilers: tuple[str, str], *own: str
) -> None:
    """Let CMake prepare `build` for a `target` system and processor by the compilers of C and C++; `own` are
    options of that system."""
    (system, processor), (c_compiler, cxx_compiler) = target, compilers
    options = (
        "-DCMAKE_BUILD_TYPE=Release",
        f"-DCMAKE_SYSTEM_NAME={system}",
        f"-DCMAKE_SYSTEM_PROCESSOR={processor}",
        f"-DCMAKE_C_COMPILER={c_compiler}",
        f"-DCMAKE_CXX_COMPILER={cxx_compiler}",
        "-DBUILD_SHARED_LIBS=ON",
        "-DGGML_NATIVE=OFF",
        "-DGGML_OPENMP=OFF",
        "-DGGML_BACKEND_DL=ON",
        "-DGGML_CPU_ALL_VARIANTS=ON",
        "-DLLAMA_CURL=OFF",
        f"-DCMAKE_PROJECT_llama.cpp_INCLUDE={(LIKELY_TOKENS / 'likely_tokens.cmake').as_posix()}",
        *(f"-DLLAMA_BUILD_{part}=OFF" for part in ("COMMON", "TESTS", "TOOLS", "EXAMPLES", "SERVER")),
    )
    subprocess.run(["cmake", "-S", str(tree), "-B", str(build), *options, *own], check=True)


def compile_answer(compiler: str, tree: Path, program: Path, libraries: Sequence[str]) -> None:
    """Compile engine_answer.c against the libraries, as `program`."""
    include = [f"-I{tree / place}" for place in ("include", "ggml/include")]
    command = [compiler, "-O2", *include, "-o", str(program), str(ANSWER), *libraries]
    subprocess.run(command, check=True)
