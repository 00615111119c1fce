"""Build one portable llama-cpp-python wheel: `make engine`, or this script with `--cuda` or `--cuda-only`.

The llama.cpp in `.venv` is compiled for this very processor. This one holds every CPU variant, Vulkan, RPC
and, where asked for, CUDA as libraries that are loaded at run time: it starts on any x86-64 processor, and a
missing driver means "no such device" and not a crash. The wheel lies in build/engine; without CUDA it takes
about ten minutes on two cores, with CUDA about an hour. Where no nvcc (12 or newer) is on the path, NVIDIA's
packages of PyPI serve (cuda_toolkit.py). `--cuda-only` makes the wheel from which cuda_back_end.py takes
what a release offers for download, and leaves out what it does not take.

Which llama.cpp is built, the version of llama-cpp-python in pyproject.toml says, which packaging/locks pins;
the options that every build of it has are `LLAMA_OPTIONS` of packaging/environment.py.
"""

import argparse
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.cuda_toolkit import toolkit_environment
from engine.repack import repack
from environment import (
    ENGINE,
    LLAMA_CHANGES,
    ROOT,
    build_llama_cpp,
    digest_of,
    install_system_packages,
    llama_archive,
    llama_flags,
    loads,
    pinned,
)
from reproducible import pin_time

FOLDER = ROOT / "build" / "engine"
LINUX = sys.platform.startswith("linux")
PORTABLE = (
    "-DGGML_NATIVE=OFF",
    "-DGGML_BACKEND_DL=ON",
    # One name for each library: a wheel cannot hold links, and libggml.so beside libggml.so.0 would be
    # loaded as two libraries with two lists of devices.
    "-DCMAKE_PLATFORM_NO_VERSIONED_SONAME=ON",
)
BACK_ENDS = ("-DGGML_CPU_ALL_VARIANTS=ON", "-DGGML_VULKAN=ON")
SHADERS = ENGINE / "packed_shaders"
PACKED_SHADERS = (
    f"-DVulkan_GLSLC_EXECUTABLE={shlex.quote(str(SHADERS / 'pack_shader.py'))}",
    f"-DSTILLROOM_PACKED_SHADERS={shlex.quote(str(SHADERS))}",
)
"""A Vulkan library of a tenth of the size; unpacking takes liblzma, which Windows does not have."""
TUNING = "-mtune=haswell"
"""With gcc's choice for processors in general, and with AMD's own, AVX-512 variants read a prompt 8% slower;
older ones do not care (docs/packaging.md). MSVC has no such option, and ARM no such processor."""
CLOSABLE = "-fno-gnu-unique"
"""ggml opens each variant for the processor to ask for its score; with a unique symbol it stays in memory."""
CUDA = ("-DGGML_CUDA=ON", "-DGGML_CUDA_NCCL=OFF")


def main() -> int:
    """Build the wheel unless the one that is there was made from the same inputs; prints its path."""
    parser = argparse.ArgumentParser(description="Build the portable llama-cpp-python wheel.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--cuda", action="store_true", help="with the CUDA back end (an hour)")
    which.add_argument("--cuda-only", action="store_true", help="with no other back end for graphics cards")
    options = parser.parse_args()
    try:
        print(engine_wheel(cuda=options.cuda or options.cuda_only, others=not options.cuda_only))
    except subprocess.CalledProcessError as error:
        command = " ".join(map(str, error.cmd))
        raise SystemExit(f"This command failed with status {error.returncode}: {command}") from error
    return 0


def engine_wheel(*, cuda: bool, others: bool = True) -> Path:
    """The wheel in build/engine, built where it is missing or was made from other inputs. Sets CMAKE_ARGS.

    Without the `others` it has neither Vulkan nor a choice of processors.
    """
    if cuda and shutil.which("nvcc") is None:
        os.environ.update(toolkit_environment())
    if not cuda and shutil.which("nvcc") is not None:
        print("nvcc is here; `--cuda` (ENGINE_FLAGS=--cuda with make) adds the CUDA back end.", flush=True)
    flags = [*PORTABLE, *(CUDA if cuda else ())]
    if others:
        flags += [*BACK_ENDS, *(PACKED_SHADERS if LINUX else ())]
        flags += compiler_flags(platform.machine()) if LINUX else ()
    os.environ["CMAKE_ARGS"] = " ".join([*flags, os.environ.get("CMAKE_ARGS", "")]).strip()
    shaders = sorted(path for path in SHADERS.iterdir() if path.is_file())
    own = digest_of([*LLAMA_CHANGES, *shaders, ENGINE / "repack.py"])
    pin_time()
    inputs = f"{pinned('llama-cpp-python')} {llama_flags()} {own}\n"
    stamp = FOLDER / "stillroom-stamp"
    if stamp.exists() and stamp.read_text() == inputs and (wheels := sorted(FOLDER.glob("*.whl"))):
        return wheels[0]
    if LINUX and others:
        install_system_packages(missing_packages())
    started_s = time.monotonic()
    shutil.rmtree(FOLDER, ignore_errors=True)
    raw = FOLDER / "as-built"
    raw.mkdir(parents=True)
    build_llama_cpp(["wheel", "-v", "--wheel-dir", str(raw)])
    (built,) = raw.glob("*.whl")
    wheel = repack(built, FOLDER, licences())
    print(
        f"{built.stat().st_size / 1e6:.0f} MB as built, {wheel.stat().st_size / 1e6:.0f} MB with each "
        f"library once, after {time.monotonic() - started_s:.0f} s",
        flush=True,
    )
    shutil.rmtree(raw)
    stamp.write_text(inputs)
    return wheel


def compiler_flags(machine: str) -> list[str]:
    """Give gcc's flags beside llama.cpp's own, for C and for C++. `machine` as uname names it."""
    c = [TUNING] if machine == "x86_64" else []
    plus = shlex.quote(f"-DCMAKE_CXX_FLAGS={' '.join([*c, CLOSABLE])}")
    return [*(f"-DCMAKE_C_FLAGS={flag}" for flag in c), plus]


def licences() -> dict[str, bytes]:
    """The licences of what the wheel was compiled from, by their names; its own is only that of the
    binding."""
    with tarfile.open(llama_archive()) as archive:

        def text(name: str) -> str:
            (member,) = (
                item for item in archive.getmembers() if item.name.endswith(f"/vendor/llama.cpp/{name}")
            )
            file = archive.extractfile(member)
            assert file is not None
            return file.read().decode("utf-8")

        llamafile = text("ggml/src/ggml-cpu/llamafile/sgemm.cpp").partition("\n\n")[0]
        return {
            "LICENSE-llama.cpp": text("LICENSE").encode(),
            "LICENSE-llamafile": re.sub(r"^// ?", "", llamafile, flags=re.M).encode() + b"\n",
        }


def missing_packages() -> list[str]:
    """Debian packages that the Vulkan back end is compiled with and that are not here."""
    missing = [] if shutil.which("glslc") else ["glslc"]
    if not loads("libvulkan.so"):
        missing.append("libvulkan-dev")
    if not Path("/usr/include/spirv/unified1/spirv.hpp").exists():
        missing.append("spirv-headers")
    if not Path("/usr/include/lzma.h").exists():
        missing.append("liblzma-dev")
    return missing


if __name__ == "__main__":
    sys.exit(main())
