"""Pins of NVIDIA's packages, and of our own back end for them: names, sizes, checksums, licence."""

import functools
import importlib.metadata
import importlib.resources
import platform
import sys
import tomllib
from pathlib import PurePosixPath

import msgspec

BACK_END = "ggml-cuda.dll" if sys.platform == "win32" else "libggml-cuda.so"
"""The library of llama.cpp that computes on NVIDIA's cards, as its build names it."""


class Wheel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A package's file for one system. `libraries` are what is needed of it, in the order in which they are
    loaded, with their bytes when unpacked."""

    file: str
    bytes: int
    sha256: str
    libraries: dict[str, int]

    @property
    def unpacked_bytes(self) -> int:
        """The size of the needed libraries."""
        return sum(self.libraries.values())


class Package(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A package of NVIDIA's; `licence_text` is its member that holds the licence."""

    name: str
    version: str
    licence_text: str
    linux: Wheel
    windows: Wheel

    @property
    def title(self) -> str:
        """Name and version, by which a runtime names what it is made of."""
        return f"{self.name} {self.version}"

    @property
    def licence_file(self) -> str:
        """The licence's name in the runtime's folder of licences."""
        return f"{self.name}.txt"

    @property
    def wheel(self) -> Wheel:
        """The file for this system."""
        return self.windows if sys.platform == "win32" else self.linux


class CudaPins(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that is fetched from `index` for CUDA version `cuda`, and what it runs on."""

    cuda: str
    oldest_driver: int
    oldest_compute_capability: tuple[int, int]
    licence: str
    licence_url: str
    index: str
    packages: tuple[Package, ...]

    @property
    def download_bytes(self) -> int:
        """All packages' files."""
        return sum(package.wheel.bytes for package in self.packages)

    @property
    def unpacked_bytes(self) -> int:
        """All needed libraries."""
        return sum(package.wheel.unpacked_bytes for package in self.packages)


class BackEndPin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The CUDA back end that a release offers for its llama.cpp; `packaging/engine/cuda_back_end.py` makes
    it. `llama_cpp` is the version of llama-cpp-python that it was compiled with."""

    address: str
    file: str
    bytes: int
    sha256: str
    llama_cpp: str
    unpacked_bytes: int


@functools.cache
def cuda_pins() -> CudaPins:
    """Read the pins that this release was tried with."""
    text = importlib.resources.files("resources").joinpath("cuda.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), type=CudaPins)


def back_end_pin() -> BackEndPin | None:
    """The release's own CUDA back end for this system; None in a source tree and where none was published."""
    place = importlib.resources.files("resources") / "cuda_back_end.json"
    return msgspec.json.decode(place.read_bytes(), type=BackEndPin) if place.is_file() else None


def llama_cpp_version() -> str:
    """The version of llama-cpp-python, which a back end must have been compiled with."""
    return importlib.metadata.version("llama-cpp-python")


def supported_system() -> bool:
    """Tell whether NVIDIA's packages exist for this kind of computer (x86-64 with Linux or Windows)."""
    return sys.platform in ("linux", "win32") and platform.machine().lower() in ("x86_64", "amd64")


def file_name(member: str) -> str:
    """The name that a member of a wheel gets in the runtime's folder."""
    return PurePosixPath(member).name
