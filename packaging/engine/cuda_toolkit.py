"""Give NVIDIA's compiler and libraries of PyPI, laid out as a CUDA toolkit, to a build of the whole engine.

The packages are those that the lock "cuda" names. They hold what runs; what only a linker reads is added: on
Linux by build_cuda.py, whose toolkit it is; on Windows, which that one does not serve, the import libraries
of cublas, in build/cuda-toolkit. So a computer without CUDA, driver and administrator's rights compiles the
CUDA back end with its own C++ compiler.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.build_cuda import make_toolkit
from environment import LOCKS, ROOT, digest_of, hashed_options, run_pip
from windows.portable_executable import exported_names

FOLDER = ROOT / "build" / "cuda-toolkit"
IMPORTED = ("cublas", "cublasLt")
"""Those whose package for Windows has no import library."""


def toolkit_environment() -> dict[str, str]:
    """Give the environment by which CMake and nvcc find the toolkit, which is made where it is missing or the
    lock has changed."""
    toolkit = windows_toolkit() if sys.platform == "win32" else make_toolkit()
    nvcc = toolkit / "bin" / ("nvcc.exe" if os.name == "nt" else "nvcc")
    return {
        "PATH": os.pathsep.join([str(toolkit / "bin"), os.environ.get("PATH", "")]),
        "CUDACXX": str(nvcc),
        "CUDA_PATH": str(toolkit),
        "CUDAToolkit_ROOT": str(toolkit),
    }


def windows_toolkit(folder: Path = FOLDER) -> Path:
    """Install the packages into `folder`, and add what a linker needs; return the toolkit's root."""
    lock = LOCKS / "cuda.txt"
    stamp = folder / "stillroom-stamp"
    inputs = digest_of([lock, Path(__file__)])
    toolkit = folder / "nvidia" / "cu13"
    if not stamp.exists() or stamp.read_text() != inputs:
        shutil.rmtree(folder, ignore_errors=True)
        print("Fetching NVIDIA's compiler (0.7 GB, once)", flush=True)
        run_pip("install", "-q", "--no-deps", "--target", str(folder), *hashed_options(), "-r", str(lock))
        add_import_libraries(toolkit)
        stamp.write_text(inputs)
    return toolkit


def add_import_libraries(toolkit: Path) -> None:
    """Make those that NVIDIA's packages lack from the names that the libraries export."""
    for name in IMPORTED:
        (library,) = (toolkit / "bin" / "x86_64").glob(f"{name}64_*.dll")
        definition = toolkit / "lib" / "x64" / f"{name}.def"
        names = "\n".join(exported_names(library.read_bytes()))
        definition.write_text(f"LIBRARY {library.name}\nEXPORTS\n{names}\n")
        out = definition.with_suffix(".lib")
        subprocess.run(["lib", "/nologo", "/machine:x64", f"/def:{definition}", f"/out:{out}"], check=True)
