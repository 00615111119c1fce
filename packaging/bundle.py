"""Make the bundle dist/stillroom: `make bundle`, or `.venv/bin/python packaging/bundle.py [--cuda]`.

The files in it are those of `build.spec`, its libraries are chosen here.

The llama.cpp in `.venv` is compiled for this very processor and could not start on an older one. The bundle
takes that of `make engine`, unpacked into build/llama, and on Linux a numpy without OpenBLAS. `--engine
WHEEL` takes one that was compiled elsewhere, and numpy as it comes.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from engine.build_engine import engine_wheel
from environment import BIN, LOCKS, ORIGINS, ROOT, install_system_packages
from file_owners import owners
from linux.payload import version
from linux.strip_libraries import strip_libraries
from lock import read_lock
from numpy_wheel import numpy_wheel
from parts_list import compiled_origin, put_into
from reproducible import pin_time

LINUX = sys.platform.startswith("linux")
LLAMA = ROOT / "build" / "llama"
NUMPY = ROOT / "build" / "numpy-unpacked"
BUNDLE = ROOT / "dist" / "stillroom"


def main() -> int:
    """Compile llama.cpp where that was not done yet, then put everything into one folder."""
    parser = argparse.ArgumentParser(description="Make the bundle.")
    parser.add_argument("--cuda", action="store_true", help="with the CUDA back end (an hour)")
    parser.add_argument(
        "--list-anew",
        action="store_true",
        help="only write the list of parts, of files that were signed meanwhile",
    )
    parser.add_argument("--engine", type=Path, metavar="WHEEL", help="a llama.cpp compiled elsewhere")
    options = parser.parse_args()
    pin_time()
    try:
        if LINUX and shutil.which("objdump") is None:
            install_system_packages(["binutils"])  # PyInstaller reads libraries with it
        if options.engine:
            wheels = {LLAMA: options.engine}
        else:
            wheels = {LLAMA: engine_wheel(cuda=options.cuda)} | ({NUMPY: numpy_wheel()} if LINUX else {})
        start_s = time.monotonic()
        if options.list_anew:
            name_parts(wheels)
            return 0
        for folder, wheel in wheels.items():
            unpack(wheel, folder)
        command = [str(BIN / "pyinstaller"), "--noconfirm", "--log-level", "WARN", "build.spec"]
        first = os.pathsep.join(map(str, wheels))
        # A wheel that was built here leaves it; PyInstaller would take it for what is installed.
        shutil.rmtree(ROOT / "stillroom.egg-info", ignore_errors=True)
        subprocess.run(command, check=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": first})
        if LINUX:
            strip_libraries(BUNDLE)
        name_parts(wheels)
    except subprocess.CalledProcessError as error:
        command = list(map(str, error.cmd))
        raise SystemExit(
            f"This command failed with status {error.returncode}: {' '.join(command)}"
        ) from error
    print(f"{BUNDLE}: {size_bytes(BUNDLE) / 1e6:.0f} MB, put together in {time.monotonic() - start_s:.0f} s")
    return 0


def name_parts(wheels: Mapping[Path, Path]) -> None:
    """Put the list of what is in the bundle into it, with the hash of the file that each part came from."""
    origins = json.loads(ORIGINS.read_text("utf-8")) if ORIGINS.exists() else {}
    for wheel in wheels.values():
        origins[wheel.name.partition("-")[0].replace("_", "-").lower()] = compiled_origin(wheel)
    locked = {
        f"{pin.name}=={pin.version}": [word.rpartition(":")[2] for word in pin.hashes]
        for pin in read_lock(LOCKS / "bundle.txt")
    }
    put_into(BUNDLE, version(), origins, locked, owners(wheels).of)


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
