"""Make build/cuda-toolkit: NVIDIA's compiler and libraries, from PyPI, laid out as a CUDA toolkit.

The packages are those that the lock "cuda" names. They hold what runs; what only a linker reads is made
here: on Linux the names without version and a `libcuda.so` to link with, on Windows the import libraries of
cublas. So a computer without CUDA, driver and administrator's rights compiles the CUDA back end with its own
C++ compiler.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from environment import LOCKS, ROOT, VENV, digest_of, hashed_options, run_pip
from windows.portable_executable import exported_names

FOLDER = ROOT / "build" / "cuda-toolkit"
LINKED_ON_LINUX = ("cudart", "cublas", "cublasLt")
LINKED_ON_WINDOWS = ("cublas", "cublasLt")


def toolkit_environment(folder: Path = FOLDER) -> dict[str, str]:
    """What CMake and nvcc find the toolkit by; it is made where it is missing or the lock has changed."""
    lock = LOCKS / "cuda.txt"
    stamp = folder / "stillroom-stamp"
    inputs = digest_of([lock, Path(__file__)])
    toolkit = folder / "nvidia" / "cu13"
    if not stamp.exists() or stamp.read_text() != inputs:
        shutil.rmtree(folder, ignore_errors=True)
        print("Fetching NVIDIA's compiler (0.7 GB, once)", flush=True)
        run_pip("install", "-q", "--no-deps", "--target", str(folder), *hashed_options(), "-r", str(lock))
        complete(toolkit)
        stamp.write_text(inputs)
    nvcc = toolkit / "bin" / ("nvcc.exe" if os.name == "nt" else "nvcc")
    return {
        "PATH": os.pathsep.join([str(toolkit / "bin"), os.environ.get("PATH", "")]),
        "CUDACXX": str(nvcc),
        "CUDA_PATH": str(toolkit),
        "CUDAToolkit_ROOT": str(toolkit),
    }


def complete(toolkit: Path) -> None:
    """Add what a linker needs to the files of the packages."""
    if sys.platform == "win32":
        for name in LINKED_ON_WINDOWS:
            (library,) = (toolkit / "bin" / "x86_64").glob(f"{name}64_*.dll")
            definition = toolkit / "lib" / "x64" / f"{name}.def"
            names = "\n".join(exported_names(library.read_bytes()))
            definition.write_text(f"LIBRARY {library.name}\nEXPORTS\n{names}\n")
            out = definition.with_suffix(".lib")
            command = ["lib", "/nologo", "/machine:x64", f"/def:{definition}", f"/out:{out}"]
            subprocess.run(command, check=True)
        return
    libraries = toolkit / "lib"
    # nvcc.profile looks into lib64.
    (toolkit / "lib64").symlink_to("lib")
    for name in LINKED_ON_LINUX:
        (versioned,) = libraries.glob(f"lib{name}.so.*")
        (libraries / f"lib{name}.so").symlink_to(versioned.name)
    (libraries / "stubs").mkdir()
    write_driver_stub(toolkit / "include" / "cuda.h", libraries / "stubs")


def write_driver_stub(header: Path, folder: Path) -> None:
    """Make `libcuda.so` to link with: the names of the driver's library, which itself comes with the
    driver."""
    compiler = shutil.which("c++") or "g++"
    read = [compiler, "-E", "-P", str(header)]
    declared = subprocess.run(read, capture_output=True, text=True, check=True).stdout
    names = sorted(set(re.findall(r"^CUresult (cu[A-Z]\w+)\(", declared, re.M)))
    source = folder / "cuda.c"
    source.write_text("".join(f"int {name}(void) {{ return 999; }}\n" for name in names))
    options = ["-x", "c", "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1"]
    subprocess.run([compiler, *options, "-o", str(folder / "libcuda.so"), str(source)], check=True)


if __name__ == "__main__":
    if not VENV.exists():
        raise SystemExit("`python packaging/environment.py build` comes first.")
    for name, value in toolkit_environment().items():
        print(f"{name}={value}")
