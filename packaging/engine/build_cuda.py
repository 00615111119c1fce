"""Compile the CUDA back end alone with NVIDIA's packages of the Python index: `make cuda`.

No toolkit of the system is needed, and none is used: the compiler and its libraries are those that
packaging/locks/cuda.txt names, in build/cuda/env. Without options for cards of one generation (compute
capability 8.6), with `--release` for all that a release serves. A build that was ended goes on where it
stopped. The wheel beside what was built holds the back end and nothing else: `stillroom cuda get --file`
takes it, and so does cuda_back_end.py, for which the release workflow makes it. Linux only: on Windows that
compiles with the same packages by build_engine.py (cuda_toolkit.py).
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from compiler_progress import run_showing_progress
from engine.patch_series import PATCHES, apply_series
from environment import (
    BIN,
    LOCKS,
    ROOT,
    VENV,
    create_venv,
    digest_of,
    install_system_packages,
    llama_archive,
    pinned,
    unpack,
)
from reproducible import source_date_epoch

FOLDER = ROOT / "build" / "cuda"
ONE = ("8.6",)
RELEASE = ("7.5", "8.0", "8.6", "8.9", "9.0+PTX", "12.0")
"""The generations of cards that CUDA 13 serves, Turing to Blackwell. `+PTX` adds the portable form, which a
driver compiles for what is newer; that of 12.0 would serve no other card (llama.cpp takes its 12.0a)."""
BACK_END = "libggml-cuda.so"
DRIVER = (
    "cuDeviceGet",
    "cuDeviceGetAttribute",
    "cuGetErrorString",
    "cuMemAddressFree",
    "cuMemAddressReserve",
    "cuMemCreate",
    "cuMemGetAllocationGranularity",
    "cuMemMap",
    "cuMemRelease",
    "cuMemSetAccess",
    "cuMemUnmap",
)
"""The functions that the back end calls of the driver's libcuda, which comes with a driver alone."""
OPTIONS = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DBUILD_SHARED_LIBS=ON",
    "-DGGML_NATIVE=OFF",
    "-DGGML_BACKEND_DL=ON",
    "-DGGML_CPU=OFF",
    "-DGGML_CUDA=ON",
    "-DGGML_CUDA_NCCL=OFF",
    "-DGGML_CCACHE=OFF",
    # As in the engine's wheel; its libraries are in memory when this one is loaded.
    "-DCMAKE_PLATFORM_NO_VERSIONED_SONAME=ON",
    "-DCMAKE_SKIP_RPATH=ON",
    *(f"-DLLAMA_BUILD_{part}=OFF" for part in ("COMMON", "EXAMPLES", "SERVER", "TESTS", "TOOLS")),
    "-DLLAMA_CURL=OFF",
)
FOREIGN = ("CUDA_PATH", "CUDA_HOME", "CUDACXX", "CUDAHOSTCXX", "NVCC_PREPEND_FLAGS", "NVCC_APPEND_FLAGS")
"""Variables that would bring another toolkit in, or other options."""


def main() -> int:
    """Build the wheel, and print its path."""
    parser = argparse.ArgumentParser(description="Compile the CUDA back end without a CUDA toolkit.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--release", action="store_true", help=f"for {', '.join(RELEASE)}")
    which.add_argument(
        "--architectures", nargs="+", metavar="X.Y[+PTX]", default=list(ONE), help="the default is 8.6"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="compilers at a time")
    options = parser.parse_args()
    if not sys.platform.startswith("linux"):
        raise SystemExit("This builds on Linux only; on Windows: build_engine.py --cuda-only.")
    try:
        wheel = cuda_wheel(RELEASE if options.release else options.architectures, options.jobs)
    except subprocess.CalledProcessError as error:
        command = " ".join(map(str, error.cmd))
        raise SystemExit(f"This command failed with status {error.returncode}: {command}") from error
    print(wheel)
    return 0


def cuda_wheel(architectures: Sequence[str], jobs: int) -> Path:
    """Compile the back end for these compute capabilities, and pack it; what is there already is kept."""
    wanted = cmake_architectures(architectures)
    started_s = time.monotonic()
    # What fetches and unpacks the source; in a fresh checkout it is not there.
    create_venv(VENV, "build")
    toolkit = make_toolkit()
    tree = make_source()
    build = FOLDER / "-".join(architectures)
    environment = build_environment(os.environ)
    if not (build / "build.ninja").exists():
        shutil.rmtree(build, ignore_errors=True)
        configure(tree, build, toolkit, wanted, environment)
    refuse_other_toolkits((build / "CMakeCache.txt").read_text("utf-8"), toolkit)
    left = steps_left(build)
    print(f"{left} files are to be compiled or linked for {', '.join(architectures)}", flush=True)
    ninja = [str(FOLDER / "env" / "bin" / "ninja"), "-C", str(build), "-j", str(jobs), "ggml-cuda"]
    run_showing_progress("CUDA back end", ninja, environment)
    wheel = pack(build / "bin" / BACK_END, llama_archive(), build)
    size, packed = (build / "bin" / BACK_END).stat().st_size, wheel.stat().st_size
    took_s = time.monotonic() - started_s
    print(f"{size / 1e6:.0f} MB, {packed / 1e6:.0f} MB packed, after {took_s:.0f} s", flush=True)
    return wheel


def cmake_architectures(architectures: Sequence[str]) -> str:
    """Give CMake's list for compute capabilities such as `8.6` or `9.0+PTX`; others end with a sentence."""
    found = []
    for text in architectures:
        match = re.fullmatch(r"(\d{1,2})\.(\d)(\+PTX)?", text)
        if match is None:
            raise SystemExit(f"{text} is no compute capability: it is written as 8.6, or 9.0+PTX.")
        found.append(match[1] + match[2] + ("" if match[3] else "-real"))
    return ";".join(found)


def build_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """The environment without what names another CUDA toolkit; the build's programs come first."""
    own = [str(FOLDER / "env" / "bin"), str(BIN)]
    path = [place for place in inherited.get("PATH", "").split(os.pathsep) if place]
    path = [place for place in path if not (Path(place) / "nvcc").exists()]
    kept = {name: value for name, value in inherited.items() if name not in FOREIGN}
    return kept | {"PATH": os.pathsep.join([*own, *path])}


def make_toolkit() -> Path:
    """Install the locked packages into build/cuda/env; the folder that is the toolkit's root."""
    folder, lock = FOLDER / "env", LOCKS / "cuda.txt"
    stamp = folder / "stillroom-stamp"
    inputs = digest_of([lock]) + sys.version
    if not stamp.exists() or stamp.read_text() != inputs:
        # What another compiler has made is of no use.
        shutil.rmtree(FOLDER, ignore_errors=True)
        print("Fetching NVIDIA's compiler (0.7 GB, once)", flush=True)
        create_venv(folder, "cuda")
        (root,) = folder.glob("lib/python*/site-packages/nvidia/cu*")
        add_link_names(root)
        stamp.write_text(inputs)
    (root,) = folder.glob("lib/python*/site-packages/nvidia/cu*")
    return root


def add_link_names(root: Path) -> None:
    """Give the libraries the names and the place by which they are linked, and add one for the driver's.

    A wheel can hold no links, and has libcudart.so.13 alone. The driver's library is only linked to: what
    answers is what the driver of the computer brings.
    """
    lib = root / "lib"
    (root / "lib64").symlink_to("lib")
    for name in ("cudart", "cublas", "cublasLt"):
        (library,) = lib.glob(f"lib{name}.so.*")
        (lib / f"lib{name}.so").symlink_to(library.name)
    source = lib / "cuda_link_names.c"
    source.write_text("".join(f"int {name}(void) {{ return 999; }}\n" for name in DRIVER), "utf-8")
    (lib / "stubs").mkdir()
    target = lib / "stubs" / "libcuda.so"
    linked = ["-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", str(target), str(source)]
    subprocess.run(["cc", *linked], check=True)


def make_source() -> Path:
    """Unpack llama.cpp with our changes into build/cuda/source, unless it is there; the folder of llama.cpp.

    Its files keep their times, by which the build knows what it has compiled.
    """
    folder, stamp = FOLDER / "source", FOLDER / "source-stamp"
    # Not what is compiled beside llama.cpp: a change of that would throw away an hour's work.
    inputs = f"{pinned('llama-cpp-python')} {digest_of(sorted(PATCHES.iterdir()))}"
    if not stamp.exists() or stamp.read_text() != inputs:
        if shutil.which("git") is None:
            install_system_packages(["git"])
        for built in FOLDER.glob("*/build.ninja"):
            shutil.rmtree(built.parent)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        tree = unpack(llama_archive(), folder)
        apply_series(tree, pinned("llama-cpp-python").partition("==")[2])
        stamp.write_text(inputs)
    (tree,) = folder.iterdir()
    return tree / "vendor" / "llama.cpp"


def configure(
    tree: Path, build: Path, toolkit: Path, architectures: str, environment: Mapping[str, str]
) -> None:
    """Run CMake; what it said is printed where it fails."""
    command = [
        str(FOLDER / "env" / "bin" / "cmake"),
        "-S",
        str(tree),
        "-B",
        str(build),
        "-G",
        "Ninja",
        *OPTIONS,
    ]
    command += [f"-DCMAKE_CUDA_COMPILER={toolkit / 'bin' / 'nvcc'}", f"-DCUDAToolkit_ROOT={toolkit}"]
    command += [f"-DCUDA_cuda_driver_LIBRARY={toolkit / 'lib' / 'stubs' / 'libcuda.so'}"]
    command += [f"-DCMAKE_CUDA_ARCHITECTURES={architectures}"]
    run_showing_progress("configuring", command, environment)


def refuse_other_toolkits(cache: str, toolkit: Path) -> None:
    """End with a sentence where CMake found a part of CUDA elsewhere than in `toolkit`; else return."""
    entry = re.compile(
        r"^(CUDA_\w+_LIBRARY|CMAKE_CUDA_COMPILER|CUDAToolkit_(?:ROOT|\w+_DIR|\w+_EXECUTABLE)):\w+=(/.*)$",
        re.M,
    )
    for name, value in entry.findall(cache):
        if not Path(value).is_relative_to(toolkit):
            raise SystemExit(f"CMake took {name} from {value}, which is not of the packages that are locked.")


def steps_left(build: Path) -> int:
    """Count what ninja would do now for the back end."""
    ninja = [str(FOLDER / "env" / "bin" / "ninja"), "-C", str(build), "-n", "ggml-cuda"]
    said = subprocess.run(ninja, check=True, capture_output=True, text=True).stdout
    return max((int(total) for total in re.findall(r"^\[\d+/(\d+)\]", said, re.M)), default=0)


def pack(library: Path, archive: Path, folder: Path) -> Path:
    """Write the wheel that has only the back end in it, with the licences of what it was compiled from."""
    version = pinned("llama-cpp-python").partition("==")[2]
    wheel = folder / f"llama_cpp_python-{version}-py3-none-linux_x86_64.whl"
    information = f"llama_cpp_python-{version}.dist-info"
    stripped = folder / "stripped.so"
    subprocess.run(["strip", "--strip-unneeded", "-o", str(stripped), str(library)], check=True)
    with tarfile.open(archive) as source, zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as target:
        add(target, f"llama_cpp/bin/{BACK_END}", stripped.read_bytes())
        for name, place in (
            ("PKG-INFO", "METADATA"),
            ("LICENSE.md", "licenses/LICENSE.md"),
            ("vendor/llama.cpp/LICENSE", "licenses/vendor/llama.cpp/LICENSE"),
        ):
            file = source.extractfile(f"llama_cpp_python-{version}/{name}")
            assert file is not None
            add(target, f"{information}/{place}", file.read())
    stripped.unlink()
    return wheel


def add(wheel: zipfile.ZipFile, name: str, data: bytes) -> None:
    """Put a file into the wheel that bears the time of the last commit."""
    entry = zipfile.ZipInfo(name, time.gmtime(source_date_epoch())[:6])
    entry.external_attr = 0o644 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    wheel.writestr(entry, data)


if __name__ == "__main__":
    sys.exit(main())
