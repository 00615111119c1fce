"""Make the bundle dist/stillroom: `make bundle`, or `.venv/bin/python packaging/bundle.py [--cuda]`.

The llama.cpp in `.venv` is compiled for this very processor and could not start on an older one. The bundle
takes that of `make engine`, unpacked into build/llama, and on Linux a numpy without OpenBLAS.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from engine.build_engine import engine_wheel
from environment import BIN, ROOT, install_system_packages
from linux.strip_libraries import strip_libraries
from numpy_wheel import numpy_wheel

LINUX = sys.platform.startswith("linux")
LLAMA = ROOT / "build" / "llama"
NUMPY = ROOT / "build" / "numpy-unpacked"
BUNDLE = ROOT / "dist" / "stillroom"


def main() -> int:
    """Compile llama.cpp where that was not done yet, then put everything into one folder."""
    parser = argparse.ArgumentParser(description="Make the bundle.")
    parser.add_argument("--cuda", action="store_true", help="with the CUDA back end (needs nvcc; an hour)")
    options = parser.parse_args()
    try:
        if LINUX and shutil.which("objdump") is None:
            install_system_packages(["binutils"])  # PyInstaller reads libraries with it
        wheels = {LLAMA: engine_wheel(cuda=options.cuda)} | ({NUMPY: numpy_wheel()} if LINUX else {})
        start_s = time.monotonic()
        for folder, wheel in wheels.items():
            unpack(wheel, folder)
        command = [str(BIN / "pyinstaller"), "--noconfirm", "--log-level", "WARN", "build.spec"]
        first = os.pathsep.join(map(str, wheels))
        subprocess.run(command, check=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": first})
        if LINUX:
            strip_libraries(BUNDLE)
    except subprocess.CalledProcessError as error:
        command = list(map(str, error.cmd))
        raise SystemExit(
            f"This command failed with status {error.returncode}: {' '.join(command)}"
        ) from error
    print(f"{BUNDLE}: {size_bytes(BUNDLE) / 1e6:.0f} MB, put together in {time.monotonic() - start_s:.0f} s")
    return 0


def unpack(wheel: Path, folder: Path) -> None:
    """Install one wheel into a folder of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    pip = [str(BIN / "python"), "-m", "pip", "--disable-pip-version-check", "install", "-q", "--no-deps"]
    subprocess.run([*pip, "--target", str(folder), str(wheel)], check=True)


def size_bytes(folder: Path) -> int:
    """What the files of a folder hold, links not followed."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


if __name__ == "__main__":
    sys.exit(main())
