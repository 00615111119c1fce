"""Make the bundle dist/stillroom: `make bundle`, or `.venv/bin/python packaging/bundle.py [--cuda]`.

The llama.cpp in `.venv` is compiled for this very processor and could not start on an older one. The bundle
takes that of `make engine`, unpacked into build/llama.
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

LLAMA = ROOT / "build" / "llama"
BUNDLE = ROOT / "dist" / "stillroom"


def main() -> int:
    """Compile llama.cpp where that was not done yet, then put everything into one folder."""
    parser = argparse.ArgumentParser(description="Make the bundle.")
    parser.add_argument("--cuda", action="store_true", help="with the CUDA back end (needs nvcc; an hour)")
    options = parser.parse_args()
    try:
        if sys.platform.startswith("linux") and shutil.which("objdump") is None:
            install_system_packages(["binutils"])  # PyInstaller reads libraries with it
        wheel = engine_wheel(cuda=options.cuda)
        start_s = time.monotonic()
        shutil.rmtree(LLAMA, ignore_errors=True)
        pip = [str(BIN / "python"), "-m", "pip", "--disable-pip-version-check", "install", "-q", "--no-deps"]
        subprocess.run([*pip, "--target", str(LLAMA), str(wheel)], check=True)
        command = [str(BIN / "pyinstaller"), "--noconfirm", "--log-level", "WARN", "build.spec"]
        subprocess.run(command, check=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(LLAMA)})
        if sys.platform.startswith("linux"):
            strip_libraries(BUNDLE)
    except subprocess.CalledProcessError as error:
        command = list(map(str, error.cmd))
        raise SystemExit(
            f"This command failed with status {error.returncode}: {' '.join(command)}"
        ) from error
    print(f"{BUNDLE}: {size_bytes(BUNDLE) / 1e6:.0f} MB, put together in {time.monotonic() - start_s:.0f} s")
    return 0


def size_bytes(folder: Path) -> int:
    """What the files of a folder hold, links not followed."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


if __name__ == "__main__":
    sys.exit(main())
