"""Builds the NVML stand-in and names the environment that makes a child process load it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_suffix(".c")


def build_nvml_stand_in(folder: Path) -> Path:
    """Compile the stand-in into `folder`; the test is skipped where there is no C compiler or no Linux."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or os.name != "posix":
        pytest.skip("the NVML stand-in needs Linux and a C compiler")
    library = folder / "libnvidia-ml.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    return folder


def stand_in_environment(folder: Path, mode: str, pid: int | None = None) -> dict[str, str]:
    """The environment of a child that finds the stand-in of `folder` in place of NVML."""
    environment = os.environ | {"LD_LIBRARY_PATH": str(folder), "NVML_STAND_IN_MODE": mode}
    if pid is not None:
        environment["NVML_STAND_IN_PID"] = str(pid)
    return environment
