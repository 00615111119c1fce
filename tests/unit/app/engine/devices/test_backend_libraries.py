"""Which back ends loaded and why not, from ggml's registry as a stand-in and real files."""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from app.engine.devices.backend_libraries import backend_states
from app.engine.devices.ggml import backend_folder, load_card_backends, load_processor_backends


class StandInRegistry:
    """Stands in for ggml: a build with run-time back ends is not in the tests' environment."""

    def __init__(self, *, library: ctypes.CDLL | None = None, **devices: int) -> None:
        self._devices = list(devices.items())
        self._library = library

    def ggml_backend_reg_count(self) -> int:
        return len(self._devices)

    def ggml_backend_reg_get(self, index: int) -> int:
        if self._library is None:
            return index
        return (
            ctypes.addressof((ctypes.c_char * len(self._devices)).in_dll(self._library, "registry")) + index
        )

    def ggml_backend_reg_name(self, registry: int) -> bytes:
        return self._device(registry)[0].encode()

    def ggml_backend_reg_dev_count(self, registry: int) -> int:
        return self._device(registry)[1]

    def _device(self, registry: int) -> tuple[str, int]:
        return self._devices[registry - self.ggml_backend_reg_get(0)]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package as `make engine` lays it out, with one library that really loads."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    package = tmp_path / "llama_cpp"
    (package / "bin").mkdir(parents=True)
    real = package / "bin" / "libggml-cpu-zen4.so"
    source = tmp_path / "registry.c"
    source.write_text("char registry[16];\n")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", real, source], check=True)
    (package / "bin" / "libggml-cpu-haswell.so").write_bytes(b"")
    return package


def test_a_build_with_everything_linked_in_has_no_folder(tmp_path: Path) -> None:
    assert backend_folder(tmp_path / "llama_cpp") is None
    (state,) = backend_states(StandInRegistry(CPU=1), tmp_path / "llama_cpp")
    assert (state.name, state.loaded, state.library, state.reason) == ("CPU", True, "", "")


def test_a_wheel_as_pip_builds_it_has_them_beside_the_package(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "libggml-cpu-x64.so").touch()
    assert backend_folder(tmp_path / "llama_cpp") == tmp_path / "bin"


@pytest.mark.parametrize("variant", ["icelake", "armv8.2_1"])
def test_the_variant_that_was_chosen_is_named(package: Path, variant: str) -> None:
    # Another stays in memory after it was asked for its score.
    other = ctypes.CDLL(str(package / "bin" / "libggml-cpu-zen4.so"))
    chosen = package / "bin" / f"libggml-cpu-{variant}.so"
    shutil.copy(package / "bin" / "libggml-cpu-zen4.so", chosen)
    library = ctypes.CDLL(str(chosen))
    (state,) = backend_states(StandInRegistry(library=library, CPU=1), package)
    assert other
    assert state.library == f"libggml-cpu-{variant}"


def test_a_library_that_does_not_load_says_why(package: Path) -> None:
    (package / "bin" / "libggml-cuda.so").write_bytes(b"no library")
    cuda = backend_states(StandInRegistry(CPU=1), package)[1]
    assert (cuda.name, cuda.loaded, cuda.library) == ("CUDA", False, "libggml-cuda")
    assert "libggml-cuda.so" in cuda.reason


def test_a_back_end_without_a_device_says_so_and_rpc_needs_none(package: Path) -> None:
    _, vulkan, rpc = backend_states(StandInRegistry(CPU=1, Vulkan=0, RPC=0), package)
    assert vulkan.loaded
    assert vulkan.reason == "it found no device"
    assert rpc.reason == ""


class Ggml:
    """Stands in for ggml: remembers which libraries it was given, each time with its folder."""

    def __init__(self) -> None:
        self.given: list[set[str]] = []

    def ggml_backend_load_all_from_path(self, folder: bytes) -> None:
        found = list(Path(os.fsdecode(folder)).iterdir())
        assert all(path.resolve().is_file() for path in found)
        self.given.append({path.name for path in found})


@pytest.mark.skipif(os.name != "posix", reason="cards are known to sleep on Linux only")
def test_back_ends_that_wake_a_card_are_loaded_later(tmp_path: Path) -> None:
    folder = tmp_path / "llama_cpp" / "bin"
    folder.mkdir(parents=True)
    early = {"libggml-cpu-haswell.so", "libggml-cpu-zen4.so", "libggml-rpc.so"}
    late = {"libggml-cuda.so", "libggml-vulkan.so"}
    for name in early | late:
        (folder / name).touch()
    ggml = Ggml()
    assert load_processor_backends(ggml, tmp_path / "llama_cpp")
    load_card_backends(ggml, tmp_path / "llama_cpp")
    assert ggml.given == [early, late]
    # A build that has them linked in has nothing to leave out.
    assert not load_processor_backends(ggml, tmp_path / "elsewhere")
