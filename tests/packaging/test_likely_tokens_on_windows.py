"""The search for likely tokens as Microsoft's headers have it, compiled by clang and run under wine.

Microsoft's own compiler is not here; clang knows its words (`_MSC_VER`, `__cpuid`, `_xgetbv`), and its
headers are stand-ins as far as the library reads them.
"""

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "packaging" / "engine" / "likely_tokens"
COMPILERS = ("clang-19", "clang-20", "clang-21", "clang")
LINKER = "x86_64-w64-mingw32-gcc"
HEADERS = {
    "math.h": "#define INFINITY ((float) (1e308*10))\n#define NAN (INFINITY*0.0f)\nfloat expf(float);\n"
    "static __inline int isfinite(float x) { return x - x == 0.0f; }\n",
    "stdio.h": "typedef struct _iobuf FILE;\n",
    "stdlib.h": "#include <stddef.h>\nvoid * malloc(size_t);\nvoid free(void *);\n",
    "malloc.h": "void * _aligned_malloc(size_t, size_t);\nvoid _aligned_free(void *);\n",
    "setjmp.h": "typedef int jmp_buf[16];\n",
}


def found_compiler() -> str:
    """A clang that shows AVX2 with Microsoft's headers; the test is skipped where there is none."""
    for name in COMPILERS:
        if shutil.which(name) is not None:
            said = subprocess.run([name, "-dumpversion"], capture_output=True, text=True, check=True).stdout
            if int(said.partition(".")[0]) >= 19:
                return name
    pytest.skip("there is no clang of version 19 or later")


def compiled(source: Path, folder: Path) -> Path:
    for name, text in HEADERS.items():
        (folder / name).write_text(f"#pragma once\n{text}")
    target = folder / f"{source.stem}.obj"
    command = [found_compiler(), "--target=x86_64-pc-windows-msvc", "-fms-compatibility-version=19.40"]
    command += ["-O2", "-Wall", "-Wextra", "-Werror", "-isystem", str(folder), f"-I{SOURCES}"]
    command += ["-isystem", str(Path(sysconfig.get_path("purelib")) / "include")]
    subprocess.run([*command, "-c", "-o", str(target), str(source)], check=True)
    return target


def test_both_files_compile_without_a_warning(tmp_path: Path) -> None:
    for source in SOURCES.glob("*.c"):
        assert compiled(source, tmp_path).stat().st_size


@pytest.mark.timeout(300)
def test_both_searches_find_the_same(tmp_path: Path) -> None:
    if any(shutil.which(name) is None for name in ("wine", LINKER)):
        pytest.skip("wine or mingw-w64 is not installed")
    program = tmp_path / "likely_tokens.exe"
    found = compiled(Path(__file__).with_name("likely_tokens_on_windows.c"), tmp_path)
    subprocess.run([LINKER, "-o", str(program), str(found)], check=True)
    environment = os.environ | {"WINEPREFIX": str(tmp_path / "wine"), "WINEDEBUG": "-all"}
    environment["WINEDLLOVERRIDES"] = "mscoree,mshtml="
    done = subprocess.run(["wine", str(program)], env=environment, capture_output=True, text=True, check=True)
    subprocess.run(["wineserver", "--wait"], env=environment, check=False)
    assert done.stdout.split(", ")[:2] == ["AVX2 1", "1000 of 1000 rows alike"]
