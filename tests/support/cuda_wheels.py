"""Small true wheels shaped like NVIDIA's and like our own with a CUDA back end, around compiled stand-ins."""

import hashlib
import os
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

import llama_cpp
import msgspec
import pytest

from app.cuda.cuda_folder import CudaPlace
from app.cuda.pins import BACK_END, BackEndPin, CudaPins, Package, Wheel, llama_cpp_version
from tests.support.package_index import LoopbackIndex

SOURCE = Path(__file__).with_name("cuda_stand_in.c")
LIBRARIES = {
    "libcudart.so.13": "int cudaRuntimeGetVersion(int *v) { *v = 13000; return 0; }",
    "libcublasLt.so.13": "int cublasLtGetVersion(void) { return 13000; }",
    "libcublas.so.13": "int cublasLtGetVersion(void);"
    "int cublasGetVersion_v2(void *h, int *v) { (void) h; *v = cublasLtGetVersion(); return 0; }",
}
LICENCE = "stand-in for NVIDIA's licence\n"
PADDING_BYTES = 8 << 20
"""Noise in the second wheel, so that its download has a middle."""


@dataclass(frozen=True)
class Wheels:
    """`folder` holds the files; `pins` and `back_end` name them as a release would."""

    folder: Path
    pins: CudaPins
    back_end: BackEndPin

    @property
    def files(self) -> list[Path]:
        return [self.folder / package.wheel.file for package in self.pins.packages]


def build_wheels(folder: Path) -> Wheels:
    """Compile and pack them; the test is skipped where there is no C compiler or no Linux."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or os.name != "posix":
        pytest.skip("the CUDA stand-in needs Linux and a C compiler")
    made = folder / "made"
    made.mkdir(parents=True)
    for name, code in LIBRARIES.items():
        source = made / f"{name}.c"
        source.write_text(code)
        linked = [f"-L{made}", "-l:libcublasLt.so.13"] if name == "libcublas.so.13" else []
        command = [compiler, "-shared", "-fPIC", f"-Wl,-soname,{name}", "-o", str(made / name), str(source)]
        subprocess.run([*command, *linked], check=True)
    ggml = Path(llama_cpp.__file__).parent / "lib"
    library = "libggml.so.0" if (ggml / "libggml.so.0").exists() else "libggml.so"
    subprocess.run(
        [
            *(compiler, "-shared", "-fPIC", "-o", made / BACK_END, SOURCE, f"-L{made}", f"-L{ggml}"),
            *("-l:libcudart.so.13", "-l:libcublas.so.13", f"-l:{library}", "-Wl,--allow-shlib-undefined"),
        ],
        check=True,
    )
    packages = (
        _package(folder, made, "nvidia-cuda-runtime", ["libcudart.so.13"], 0),
        _package(folder, made, "nvidia-cublas", ["libcublasLt.so.13", "libcublas.so.13"], PADDING_BYTES),
    )
    pins = CudaPins(
        cuda="13.0",
        oldest_driver=580,
        oldest_compute_capability=(7, 5),
        licence="stand-in licence",
        licence_url="https://licence.example/",
        index="http://127.0.0.1:9/simple",
        packages=packages,
    )
    return Wheels(folder, pins, _back_end(folder, made / BACK_END, llama_cpp_version()))


def back_end_wheel(folder: Path, library: Path, version: str) -> Path:
    """A wheel of llama-cpp-python with a CUDA back end, as `make engine ENGINE_FLAGS=--cuda` makes it."""
    path = folder / f"llama_cpp_python-{version}-py3-none-linux_x86_64.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(library, f"llama_cpp/bin/{BACK_END}")
        archive.writestr(f"llama_cpp_python-{version}.dist-info/METADATA", f"Version: {version}\n")
    return path


def _back_end(folder: Path, library: Path, version: str) -> BackEndPin:
    path = back_end_wheel(folder, library, version)
    return BackEndPin(
        address="",
        file=path.name,
        bytes=path.stat().st_size,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        llama_cpp=version,
        unpacked_bytes=library.stat().st_size,
    )


def _package(folder: Path, made: Path, name: str, libraries: list[str], padding_bytes: int) -> Package:
    stem = name.replace("-", "_")
    path = folder / f"{stem}-13.0.1-py3-none-manylinux2014_x86_64.whl"
    licence = f"{stem}-13.0.1.dist-info/licenses/License.txt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for library in libraries:
            archive.write(made / library, f"nvidia/cu13/lib/{library}")
        archive.writestr("nvidia/cu13/lib/not_needed.so", os.urandom(padding_bytes))
        archive.writestr(licence, LICENCE)
    wheel = Wheel(
        file=path.name,
        bytes=path.stat().st_size,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        libraries={f"nvidia/cu13/lib/{library}": (made / library).stat().st_size for library in libraries},
    )
    return Package(name=name, version="13.0.1", licence_text=licence, linux=wheel, windows=wheel)


def served_place(home: Path, wheels: Wheels, index: LoopbackIndex) -> CudaPlace:
    """Where a Stillroom with this STILLROOM_HOME has its runtime, which comes from `index`."""
    pins = msgspec.structs.replace(wheels.pins, index=index.address)
    back_end = msgspec.structs.replace(wheels.back_end, address=f"{index.storage}/storage")
    return CudaPlace(home / "data" / "cuda", pins, back_end, has_back_end=False)
