"""Make the bundle dist/stillroom: `make bundle`, or `.venv/bin/python packaging/bundle.py`.

The llama.cpp in `.venv` is compiled for this very processor and could not start on an older one. The bundle
gets its own, made once in build/llama: every CPU variant as a library, from which llama.cpp chooses when it
starts. `CMAKE_ARGS` adds to it, such as `CMAKE_ARGS=-DGGML_VULKAN=ON`.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from environment import BIN, CONSTRAINTS, ROOT, build_llama_cpp, install_system_packages, pinned

LLAMA = ROOT / "build" / "llama"
STAMP = LLAMA / "stillroom-stamp"
BUNDLE = ROOT / "dist" / "stillroom"
PORTABLE = "-DGGML_NATIVE=OFF -DGGML_BACKEND_DL=ON -DGGML_CPU_ALL_VARIANTS=ON"


def main() -> int:
    """Compile llama.cpp where that was not done yet, then put everything into one folder."""
    try:
        if sys.platform.startswith("linux") and shutil.which("objdump") is None:
            install_system_packages(["binutils"])  # PyInstaller reads libraries with it
        flags = f"{PORTABLE} {os.environ.get('CMAKE_ARGS', '')}".strip()
        wanted = f"{flags}\n{sys.version}\n{pinned('llama_cpp_python')}\n"
        if not STAMP.exists() or STAMP.read_text() != wanted:
            make_llama(flags)
            STAMP.write_text(wanted)
        start_s = time.monotonic()
        command = [str(BIN / "pyinstaller"), "--noconfirm", "--log-level", "WARN", "build.spec"]
        subprocess.run(command, check=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(LLAMA)})
    except subprocess.CalledProcessError as error:
        command = list(map(str, error.cmd))
        raise SystemExit(
            f"This command failed with status {error.returncode}: {' '.join(command)}"
        ) from error
    print(f"{BUNDLE}: {size_bytes(BUNDLE) / 1e6:.0f} MB, put together in {time.monotonic() - start_s:.0f} s")
    return 0


def make_llama(flags: str) -> None:
    """Compile llama-cpp-python with `flags` into build/llama."""
    shutil.rmtree(LLAMA, ignore_errors=True)
    os.environ["CMAKE_ARGS"] = flags
    # pip's cache may hold the build for this processor under the same name.
    pip = [str(BIN / "python"), "-m", "pip", "--disable-pip-version-check", "install", "-v", "--no-cache-dir"]
    pins = ["--constraint", str(CONSTRAINTS), "--build-constraint", str(CONSTRAINTS)]
    build_llama_cpp([*pip, *pins, "--no-deps", "--target", str(LLAMA), pinned("llama_cpp_python")])


def size_bytes(folder: Path) -> int:
    """What the files of a folder hold, links not followed."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


if __name__ == "__main__":
    sys.exit(main())
