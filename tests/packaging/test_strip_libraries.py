"""Stripped libraries stay loadable."""

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "packaging"))

from linux.strip_libraries import is_loadable, strip_libraries  # type: ignore[import-not-found]  # noqa: E402

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ELF files")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    source = tmp_path / "answer.c"
    source.write_text("static int unused_name = 41; int answer(void) { return unused_name + 1; }\n")
    path = tmp_path / "libanswer.so.1"
    subprocess.run(["cc", "-g", "-shared", "-fPIC", "-o", str(path), str(source)], check=True)
    return path


def test_a_stripped_library_is_smaller_and_loads(library: Path, tmp_path: Path) -> None:
    before = library.stat().st_size
    assert strip_libraries(tmp_path) == before - library.stat().st_size > 0
    assert ctypes.CDLL(str(library)).answer() == 42
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".stripped")] == []


def test_segments_off_their_pages_are_seen(library: Path, tmp_path: Path) -> None:
    broken = tmp_path / "libbroken.so"
    shutil.copyfile(library, broken)
    data = bytearray(broken.read_bytes())
    first = int.from_bytes(data[32:40], "little")
    while data[first] != 1:
        first += 56
    data[first + 8] += 8  # the offset of the first segment that is mapped
    broken.write_bytes(data)
    assert is_loadable(library)
    assert not is_loadable(broken)
    with pytest.raises(OSError, match="not page-aligned"):
        ctypes.CDLL(str(broken))


def test_what_is_no_library_is_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "libscript.so"
    text.write_text("INPUT(libother.so)\n")
    assert strip_libraries(tmp_path) == 0
    assert text.read_text() == "INPUT(libother.so)\n"
