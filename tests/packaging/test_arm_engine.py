"""llama.cpp for Linux on ARM, cross-compiled here with back ends that load at run time, answers under qemu.

The release is compiled on ARM itself; this shows that our changes compile and link there, that a variant for
the processor is chosen and that the starter model answers. Compiled once (build/arm-engine).
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from models.catalogue.starter import starter_file
from tests.support.cross_engine import ROOT, compile_answer, configure, patched_source

pytestmark = [pytest.mark.installers, pytest.mark.timeout(3600)]

FOLDER = ROOT / "build" / "arm-engine"
BUILD = FOLDER / "compiled"
COMPILER = "aarch64-linux-gnu-gcc"
SYSTEM = "/usr/aarch64-linux-gnu"

if any(shutil.which(name) is None for name in ("qemu-aarch64", COMPILER, "cmake", "ninja")):
    pytest.skip("qemu-user, g++-aarch64-linux-gnu, cmake or ninja is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def program() -> Path:
    """engine_answer, with the libraries beside it."""
    tree = patched_source(FOLDER)
    configure(tree, BUILD, ("Linux", "aarch64"), (COMPILER, "aarch64-linux-gnu-g++"), "-GNinja")
    # ggml waits for all eight variants.
    targets = ["bin/libggml.so", "bin/libllama.so", "likely_tokens"]
    subprocess.run(["ninja", "-C", str(BUILD), *targets], check=True)
    target = BUILD / "bin" / "engine_answer"
    libraries = ["-Wl,-rpath,$ORIGIN", f"-L{BUILD / 'bin'}", "-lllama", "-lggml", "-lggml-base"]
    compile_answer(COMPILER, tree, target, libraries)
    return target


def test_the_library_of_likely_tokens_exports_its_functions(program: Path) -> None:
    (library,) = BUILD.rglob("*likely_tokens.so")
    listed = subprocess.run(["nm", "-D", str(library)], check=True, capture_output=True, text=True).stdout
    for name in ("likely_tokens", "likely_tokens_of_row", "draw"):
        assert f" T stillroom_{name}\n" in listed


@pytest.mark.parametrize(("processor", "has_dot_products"), [("cortex-a53", False), ("cortex-a76", True)])
def test_the_starter_answers_by_the_processors_variant(
    processor: str, has_dot_products: bool, program: Path
) -> None:
    emulated = ["qemu-aarch64", "-cpu", processor, "-L", SYSTEM, f"./{program.name}"]
    done = subprocess.run(
        [*emulated, str(starter_file()), "The capital of France is", "1"],
        cwd=program.parent,
        env=os.environ,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    flags, answer = done.stdout.split("\n", 1)
    assert "NEON = 1" in flags
    assert ("DOTPROD = 1" in flags) == has_dot_products
    assert "Paris" in answer
