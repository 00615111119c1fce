"""The bundle's numpy: without OpenBLAS, which is two thirds of its wheel. Compiled once, into build/numpy.

Nothing in Stillroom multiplies large matrices with numpy. What linear algebra there is, lengths of vectors
and products of two, numpy does with its own code.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from environment import LOCKS, ROOT, build_environment, lock_of, pinned

FOLDER = ROOT / "build" / "numpy"
OPTIONS = ("-Dallow-noblas=true", "-Dblas=none", "-Dlapack=none")


def numpy_wheel() -> Path:
    """The wheel, built where it is missing or was made from other inputs; five minutes on two cores."""
    tools = hashlib.sha256((LOCKS / "build.txt").read_bytes()).hexdigest()
    inputs = f"{pinned('numpy')} {' '.join(OPTIONS)} {tools} {sys.version}\n"
    stamp = FOLDER / "stillroom-stamp"
    if stamp.exists() and stamp.read_text() == inputs and (wheels := sorted(FOLDER.glob("*.whl"))):
        return wheels[0]
    print("Building numpy without OpenBLAS (about 5 minutes on two cores, once)", flush=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "-q", "--no-cache-dir"]
    source = ["--no-deps", "--no-binary", "numpy", "--wheel-dir", str(FOLDER), "-r", str(lock_of("numpy"))]
    locked = ["--require-hashes", "--no-build-isolation"]
    settings = [f"-Csetup-args={option}" for option in OPTIONS]
    # The flags that llama.cpp is compiled with mean nothing here.
    environment = {name: value for name, value in build_environment().items() if name != "CMAKE_ARGS"}
    subprocess.run([*pip, *locked, *source, *settings], check=True, env=environment)
    stamp.write_text(inputs)
    (wheel,) = FOLDER.glob("*.whl")
    return wheel
