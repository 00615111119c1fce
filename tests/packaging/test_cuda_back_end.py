"""The CUDA back end published on its own: from the engine's wheel to what `stillroom cuda get` reads."""

import hashlib
import importlib.util
import zipfile
from pathlib import Path

import msgspec
import pytest

from app.cuda.pins import BACK_END, BackEndPin
from tests.support.cuda_wheels import back_end_wheel

SCRIPT = Path(__file__).parents[2] / "packaging" / "engine" / "cuda_back_end.py"
_spec = importlib.util.spec_from_file_location("cuda_back_end", SCRIPT)
assert _spec is not None
assert _spec.loader is not None
cuda_back_end = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cuda_back_end)


LICENCE = "llama_cpp_python-0.3.36.dist-info/licenses/LICENSE-llama.cpp"


def engine_wheel(folder: Path, library: Path) -> Path:
    """Make a wheel as `make engine` does, with the licence of llama.cpp's authors."""
    wheel = back_end_wheel(folder, library, "0.3.36")
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr(LICENCE, "Copyright (c) 2023-2026 The ggml authors\n")
    return wheel


def test_the_small_wheel_holds_the_back_end_and_the_pin_describes_it(tmp_path: Path) -> None:
    library = tmp_path / BACK_END
    library.write_bytes(b"a library" * 1000)
    wheel = engine_wheel(tmp_path, library)
    path, found = cuda_back_end.publish(wheel, "https://releases.example/v1", tmp_path / "out")
    pin = msgspec.convert(found, type=BackEndPin)
    assert path.name == pin.file == "llama_cpp_python-0.3.36-cuda13-linux_x86_64.whl"
    assert (pin.llama_cpp, pin.unpacked_bytes, pin.bytes) == ("0.3.36", 9000, path.stat().st_size)
    assert pin.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    with zipfile.ZipFile(path) as archive:
        # As `app.cuda.cuda_install` asks for it.
        assert archive.read(f"llama_cpp/bin/{BACK_END}") == library.read_bytes()
        assert "The ggml authors" in archive.read(LICENCE).decode()
    # The same wheel makes the same file; a library that was signed meanwhile takes the place of the one
    # inside.
    again, _ = cuda_back_end.publish(wheel, "", tmp_path / "again")
    assert again.read_bytes() == path.read_bytes()
    unpacked = cuda_back_end.unpack(wheel, tmp_path / "unpacked")
    unpacked.write_bytes(unpacked.read_bytes() + b"a signature")
    _, found = cuda_back_end.publish(wheel, "", tmp_path / "signed", unpacked.parent)
    assert found["unpacked_bytes"] == 9011


def test_two_builds_are_told_apart_by_a_person(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"One wheel is needed in .*, but found: none"):
        cuda_back_end.only_wheel(tmp_path)
    for build in ("8.6", "release"):
        (tmp_path / build).mkdir()
        (tmp_path / build / "a.whl").touch()
    with pytest.raises(SystemExit, match=r"but found: 8\.6/a\.whl, release/a\.whl\. Delete"):
        cuda_back_end.only_wheel(tmp_path)
    (tmp_path / "8.6" / "a.whl").unlink()
    assert cuda_back_end.only_wheel(tmp_path) == tmp_path / "release" / "a.whl"


def test_a_wheel_without_cuda_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "llama_cpp_python-0.3.36-py3-none-linux_x86_64.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("llama_cpp/bin/libggml-cpu.so", b"")
    with pytest.raises(SystemExit, match="no CUDA back end"):
        cuda_back_end.publish(wheel, "", tmp_path)


def test_a_wheel_without_the_authors_licence_is_refused(tmp_path: Path) -> None:
    library = tmp_path / BACK_END
    library.write_bytes(b"a library")
    with pytest.raises(SystemExit, match=r"no licence of llama\.cpp"):
        cuda_back_end.publish(back_end_wheel(tmp_path, library, "0.3.36"), "", tmp_path)
