"""The bundle's numpy: without OpenBLAS, which is two thirds of its wheel. Compiled once, into build/numpy.

Nothing in Stillroom multiplies large matrices with numpy. What linear algebra there is, lengths of vectors
and products of two, numpy does with its own code.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from environment import CONSTRAINTS, ROOT, pinned

FOLDER = ROOT / "build" / "numpy"
OPTIONS = ("-Dallow-noblas=true", "-Dblas=none", "-Dlapack=none")
TOOLS = ("Cython", "meson", "meson-python", "pyproject-metadata")


def numpy_wheel() -> Path:
    """The wheel, built where it is missing or was made from other inputs; five minutes on two cores."""
    versions = [pinned(name) for name in ("numpy", *TOOLS)]
    inputs = f"{' '.join(versions)} {' '.join(OPTIONS)} {sys.version}\n"
    stamp = FOLDER / "stillroom-stamp"
    if stamp.exists() and stamp.read_text() == inputs and (wheels := sorted(FOLDER.glob("*.whl"))):
        return wheels[0]
    print("Building numpy without OpenBLAS (about 5 minutes on two cores, once)", flush=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "-q", "--no-cache-dir"]
    source = ["--no-deps", "--no-binary", "numpy", pinned("numpy"), "--wheel-dir", str(FOLDER)]
    settings = [f"-Csetup-args={option}" for option in OPTIONS]
    constraints = ["--build-constraint", str(CONSTRAINTS)]
    # The flags that llama.cpp is compiled with mean nothing here.
    environment = {name: value for name, value in os.environ.items() if name != "CMAKE_ARGS"}
    subprocess.run([*pip, *source, *settings, *constraints], check=True, env=environment)
    stamp.write_text(inputs)
    (wheel,) = FOLDER.glob("*.whl")
    return wheel
