"""Our changes to llama.cpp compile for processors that this one is not: a bundle has a variant for each."""

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.cross_engine import patched_source

PATCHES = Path(__file__).parents[2] / "packaging" / "engine" / "patches"
ADDED = [file.name for file in PATCHES.iterdir() if file.suffix in (".c", ".cpp", ".h")]
COMPILERS = {".c": shutil.which("gcc"), ".cpp": shutil.which("g++")}

if platform.machine().lower() not in ("x86_64", "amd64") or None in COMPILERS.values():
    pytest.skip("needs gcc for x86-64", allow_module_level=True)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return patched_source(tmp_path_factory.mktemp("engine"))


@pytest.mark.parametrize(
    "processor", ["sandybridge", "haswell", "alderlake", "icelake-server", "sapphirerapids"]
)
def test_what_we_changed_compiles_without_a_warning_about_it(tree: Path, processor: str) -> None:
    """No AVX2, AVX2 alone, AVX-VNNI, AVX-512 VNNI, and AMX."""
    ggml = tree / "ggml"
    for name in ("ggml-cpu.c", "ops.cpp", "repack.cpp"):
        file = ggml / "src" / "ggml-cpu" / name
        standard = "-std=gnu11" if file.suffix == ".c" else "-std=gnu++17"
        done = subprocess.run(
            [
                str(COMPILERS[file.suffix]), "-fsyntax-only", f"-march={processor}", standard,
                "-Wall", "-Wextra",
                "-Wno-unused-function", "-D_GNU_SOURCE", "-DGGML_USE_CPU_REPACK", "-DGGML_SCHED_MAX_COPIES=4",
                '-DGGML_VERSION="0"', '-DGGML_COMMIT="0"',
                f"-I{ggml / 'include'}", f"-I{ggml / 'src'}", f"-I{ggml / 'src' / 'ggml-cpu'}", str(file),
            ],
            capture_output=True,
            text=True,
        )  # fmt: skip
        warnings = [line for line in done.stderr.splitlines() if "warning:" in line]
        ours = [line for line in warnings if "stillroom" in line or any(each in line for each in ADDED)]
        assert done.returncode == 0, f"{name}: {done.stderr[-2000:]}"
        assert not ours, name
