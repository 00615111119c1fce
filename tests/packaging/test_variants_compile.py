"""Our changes to llama.cpp compile for processors that this one is not: a bundle has a variant for each."""

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.cross_engine import patched_source

PATCHES = Path(__file__).parents[2] / "packaging" / "engine" / "patches"
ADDED = [file.name for file in PATCHES.iterdir() if file.suffix in (".c", ".cpp", ".h")]
HERE = platform.machine().lower().replace("amd64", "x86_64")
PROCESSORS = {
    # No AVX2, AVX2 alone, AVX-VNNI, AVX-512 VNNI, and AMX.
    "x86_64": ("sandybridge", "haswell", "alderlake", "icelake-server", "sapphirerapids"),
    # NEON alone, its products of integers, and the widest of the variants.
    "aarch64": ("armv8-a", "armv8.2-a+dotprod+fp16", "armv9.2-a+dotprod+fp16+sve+i8mm+sve2+sme"),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return patched_source(tmp_path_factory.mktemp("engine"))


@pytest.mark.parametrize(
    ("machine", "processor"),
    [(machine, processor) for machine, processors in PROCESSORS.items() for processor in processors],
)
def test_what_we_changed_compiles_without_a_warning_about_it(
    tree: Path, machine: str, processor: str
) -> None:
    prefix = "" if machine == HERE else f"{machine}-linux-gnu-"
    c_compiler, cxx_compiler = (shutil.which(f"{prefix}{name}") for name in ("gcc", "g++"))
    if c_compiler is None or cxx_compiler is None:
        pytest.skip(f"gcc for {machine} is not installed")
    ggml = tree / "ggml"
    for name in ("ggml-cpu.c", "ops.cpp", "repack.cpp"):
        file = ggml / "src" / "ggml-cpu" / name
        is_c = file.suffix == ".c"
        done = subprocess.run(
            [
                c_compiler if is_c else cxx_compiler, "-fsyntax-only", f"-march={processor}",
                "-std=gnu11" if is_c else "-std=gnu++17", "-Wall", "-Wextra",
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
