"""Builds llama.cpp's own tools from the installed llama-cpp-python's source archive, for comparisons.

    python -m tests.perf.build_llama_tools [TARGET ...]      (llama-bench without a target)

The archive carries the very llama.cpp that Stillroom runs, so speeds and tokens can be compared. It needs
pip with access to the package index, cmake and a C++ compiler; about six minutes on two cores.
"""

import importlib.metadata
import os
import subprocess
import sys
import tarfile
from pathlib import Path

ENVIRONMENT = Path(__file__).parents[2] / "packaging" / "environment.py"
CMAKE_OPTIONS = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DLLAMA_CURL=OFF",
    "-DLLAMA_BUILD_TESTS=OFF",
    "-DLLAMA_BUILD_UI=OFF",
)


def tools_folder() -> Path:
    """Where the tools lie: `build/llama-tools` of the project, which git ignores."""
    return Path(__file__).parents[2] / "build" / "llama-tools"


def llama_tool(name: str) -> Path | None:
    """The tool from `tools_folder`, or the one that `STILLROOM_LLAMA_TOOLS` names, llama-bench also by
    `STILLROOM_LLAMA_BENCH`; None where it is missing."""
    configured = os.environ.get("STILLROOM_LLAMA_BENCH")
    if name == "llama-bench" and configured:
        return Path(configured)
    folder = Path(os.environ.get("STILLROOM_LLAMA_TOOLS") or tools_folder() / "bin")
    built = folder / (name + (".exe" if sys.platform == "win32" else ""))
    return built if built.is_file() else None


def needed_tool(name: str) -> Path:
    """`llama_tool`, for a script that ends with a sentence without it."""
    tool = llama_tool(name)
    if tool is None:
        raise SystemExit(f"no {name}: run `python -m tests.perf.build_llama_tools {name}`")
    return tool


def build(targets: list[str]) -> None:
    """Fetch the source of the installed version and build `targets`."""
    version = importlib.metadata.version("llama-cpp-python")
    folder = tools_folder()
    source = folder / "source"
    source.mkdir(parents=True, exist_ok=True)
    locking = [sys.executable, str(ENVIRONMENT), "lock-of", "llama-cpp-python"]
    lock = subprocess.run(locking, capture_output=True, text=True, check=True).stdout.strip()
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", "llama-cpp-python"]
    locked = ["--require-hashes", "--no-build-isolation", "-r", lock]
    subprocess.run([*pip, "--dest", str(source), *locked], check=True)
    (archive,) = source.glob(f"*{version}*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(source, filter="data")
    (tree,) = source.glob(f"llama_cpp_python-{version}/vendor/llama.cpp")
    subprocess.run(["cmake", "-S", str(tree), "-B", str(folder), *CMAKE_OPTIONS], check=True)
    # Without a number, make starts every compiler at once.
    compile_ = ["cmake", "--build", str(folder), "--parallel", str(os.cpu_count()), "--target", *targets]
    subprocess.run(compile_, check=True)


if __name__ == "__main__":
    missing = [name for name in sys.argv[1:] or ["llama-bench"] if llama_tool(name) is None]
    if missing:
        build(missing)
