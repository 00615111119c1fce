"""The CUDA back end that `make cuda` compiled: its symbols, and how it behaves without a card.

The driver is a stand-in, since there is none here; where a device answers, cudart is one, too. While a build
is not finished, what it has compiled so far is linked for the tests: enough for all but the last kernels.
"""

import ctypes
import os
import re
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import llama_cpp
import msgspec
import pytest

from app.base.children import child_command
from app.base.errors import StillroomError
from app.cuda.cuda_folder import CudaPlace
from app.cuda.offer import judge
from app.cuda.pins import BACK_END, llama_cpp_version
from app.engine.client.client import EngineClient
from app.engine.devices.cuda_runtime import CHECK, RUNTIME, CudaRuntime, KernelCheck
from app.engine.devices.kernel_check import check_kernels, request_for
from app.engine.protocol import BackendState, DevicesListed, LoadSettings, Part
from app.telemetry.nvml import GpuReading, GpuSample
from tests.support.engines import starter_path

pytestmark = [
    pytest.mark.cuda_build,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the build is for Linux"),
]

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "cuda"
SUPPORT = ROOT / "tests" / "support"
SYSTEM = {"libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "libgomp.so.1"}
SYSTEM |= {"libdl.so.2", "libpthread.so.0", "librt.so.1"}
CARD = GpuSample(
    index=0,
    name="Stand-in GPU A",
    vram_used_bytes=1 << 30,
    vram_total_bytes=8 << 30,
    own_vram_bytes=0,
    utilisation_percent=0,
    temperature_c=40,
    power_w=20.0,
    compute_capability=(8, 6),
)


@dataclass(frozen=True)
class Built:
    """`library` is the back end, `base` the ggml-base beside it, `toolkit` NVIDIA's packages."""

    library: Path
    base: Path
    toolkit: Path
    whole: bool


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    (toolkit,) = BUILD.glob("env/lib/python*/site-packages/nvidia/cu*")
    base = next(BUILD.glob("*/bin/libggml-base.so"))
    whole = next(BUILD.glob(f"*/bin/{BACK_END}"), None)
    if whole is not None:
        return Built(whole, base, toolkit, whole=True)
    objects = [str(path) for path in base.parents[1].glob("ggml/src/ggml-cuda/**/*.o")]
    library = tmp_path_factory.mktemp("partial") / BACK_END
    libraries = [f"-L{base.parent}", f"-L{toolkit / 'lib'}", f"-L{toolkit / 'lib' / 'stubs'}"]
    libraries += ["-lggml-base", "-lcudart", "-lcublas", "-lcuda"]
    command = ["g++", "-shared", "-Wl,--unresolved-symbols=ignore-all", "-o", str(library), *objects]
    subprocess.run([*command, *libraries], check=True)
    # Kernels that are not compiled yet: whoever calls one of them dies.
    missing = symbols(library, "--undefined-only") & uncompiled(library, base)
    stubs = library.with_name("missing.s")
    stubs.write_text("".join(f".globl {name}\n{name}: ud2\n" for name in sorted(missing)))
    subprocess.run([*command, str(stubs), *libraries], check=True)
    return Built(library, base, toolkit, whole=False)


def uncompiled(library: Path, base: Path) -> set[str]:
    """The back end's own functions that nothing defines, of what nm lists as undefined without a version."""
    said = subprocess.run(["nm", "-D", "-u", library], capture_output=True, text=True, check=True).stdout
    names = {line.split()[-1] for line in said.splitlines() if "@" not in line}
    return {name for name in names if name.startswith("_Z")} - symbols(base, "--defined-only")


def symbols(library: Path, which: str) -> set[str]:
    """The names without their versions."""
    said = subprocess.run(["nm", "-D", which, library], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].partition("@")[0] for line in said.splitlines()}


def test_undefined_symbols_are_of_ggml_nvidia_or_the_system(built: Built) -> None:
    said = subprocess.run(["readelf", "-d", built.library], capture_output=True, text=True, check=True).stdout
    needed = set(re.findall(r"NEEDED.*\[(.+)\]", said))
    assert needed - SYSTEM == {"libggml-base.so", "libcudart.so.13", "libcublas.so.13", "libcuda.so.1"}
    assert "RPATH" not in said
    assert "RUNPATH" not in said
    lib = built.toolkit / "lib"
    known = symbols(built.base, "--defined-only")
    for name in ("libcudart.so.13", "libcublas.so.13", "stubs/libcuda.so"):
        known |= symbols(lib / name, "--defined-only")
    undefined = symbols(built.library, "--undefined-only")
    # Those of the system have the version of the library that they were linked to.
    versioned = subprocess.run(["nm", "-D", "-u", built.library], capture_output=True, text=True, check=True)
    system = {
        line.split()[-1].partition("@")[0]
        for line in versioned.stdout.splitlines()
        if re.search(r"@(GLIBC|GLIBCXX|CXXABI|GCC|GOMP)_", line)
    }
    weak = {"__cxa_finalize", "__gmon_start__", "_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable"}
    left = undefined - known - system - weak
    assert not left


def test_what_the_driver_is_asked_for_is_what_its_stand_in_has(built: Built) -> None:
    asked = {name for name in symbols(built.library, "--undefined-only") if re.match(r"cu[A-Z]", name)}
    assert asked <= symbols(built.toolkit / "lib" / "stubs" / "libcuda.so", "--defined-only")


FAT_BINARY = struct.Struct("<IHHQ")
"""The number that it begins with, version, bytes of this head, bytes of what follows."""
FAT_ENTRY = struct.Struct("<HHIQIIII")
"""Kind, version, bytes of this head, of what follows, of what is unpacked…, last the compute capability."""


def generations(library: Path, folder: Path) -> list[set[str]]:
    """Of each of the library's files for cards, the compute capabilities that it holds code for, "+PTX" where
    it is for later ones too. As `cuobjdump --list-elf --list-ptx` reads them."""
    section = folder / "fat"
    command = ["objcopy", "-O", "binary", "--only-section=.nv_fatbin", library, section]
    subprocess.run(command, check=True)
    data = section.read_bytes()
    found = []
    at = 0
    while at < len(data):
        number, _, head, size = FAT_BINARY.unpack_from(data, at)
        if number != 0xBA55ED50:  # between two of them
            at += 8
            continue
        entry, at = at + head, at + head + size
        held = set()
        while entry < at:
            kind, _, head, size, *_, capability = FAT_ENTRY.unpack_from(data, entry)
            name = f"{capability // 10}.{capability % 10}"
            held.add(name + "+PTX" if kind == 1 else name)
            entry += head + size
        found.append(held)
    return found


def test_every_kernel_is_there_for_every_generation(built: Built, tmp_path: Path) -> None:
    asked = set(built.base.parents[1].name.split("-"))
    # PTX comes beside the code of its generation.
    asked |= {name.removesuffix("+PTX") for name in asked}
    found = generations(built.library, tmp_path)
    assert len(found) > 50
    assert all(held == asked for held in found), found


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def runtime(built: Built, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """NVIDIA's own libraries and the back end, where the engine looks for them, without a driver."""
    folder = CudaPlace(home / "data" / "cuda").runtime
    folder.mkdir(parents=True)
    names = ("libcudart.so.13", "libcublasLt.so.13", "libcublas.so.13")
    for name in names:
        (folder / name).symlink_to(built.toolkit / "lib" / name)
    shutil.copy(built.library, folder / BACK_END)
    # The engine's own ggml-base: the system takes both names for the same file.
    own = Path(llama_cpp.__file__).parent / "lib"
    drivers = home / "drivers"
    drivers.mkdir()
    loaded = next(path for name in (".so.0", ".so") if (path := own / f"libggml-base{name}").exists())
    (drivers / "libggml-base.so").symlink_to(loaded)
    place = CudaPlace(home / "data" / "cuda")
    packages = tuple(package.title for package in place.pins.packages)
    made = CudaRuntime(
        llama_cpp=llama_cpp_version(), cuda="13.0", libraries=names, back_end=BACK_END, packages=packages
    )
    (folder / RUNTIME).write_bytes(msgspec.json.encode(made))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(drivers))
    return folder


def add_driver(home: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    source = SUPPORT / "cuda_driver_stand_in.c"
    command = ["cc", "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", source, "-ldl"]
    subprocess.run([*command, "-o", home / "drivers" / "libcuda.so.1"], check=True)
    monkeypatch.setenv("CUDA_DRIVER_STAND_IN", mode)


def hide_driver(home: Path) -> None:
    """Let the driver of this computer, where it has one, not be found: a file of its name that is none."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return
    (home / "drivers" / "libcuda.so.1").write_bytes(bytes(4096))


def replace_cudart(built: Built, runtime: Path) -> None:
    """Put stand-ins in the place of cudart and cublas: a card whose kernels do not start."""
    code = (SUPPORT / "cudart_stand_in.c").read_text("utf-8")
    asked = symbols(built.library, "--undefined-only")
    others = [
        name
        for name in sorted(asked)
        if re.match(r"(__)?cuda|cublas", name) and not re.search(rf"\b{name}\(", code)
    ]
    rest = runtime.parent / "others.c"
    rest.write_text("".join(f"int {name}(void) {{ return 0; }}\n" for name in others))
    include = f"-I{built.toolkit / 'include'}"
    for name in ("libcudart.so.13", "libcublasLt.so.13", "libcublas.so.13"):
        (runtime / name).unlink()
        sources = [SUPPORT / "cudart_stand_in.c", rest] if name == "libcudart.so.13" else ["-xc", os.devnull]
        command = ["cc", "-w", "-shared", "-fPIC", include, f"-Wl,-soname,{name}", *sources]
        subprocess.run([*command, "-o", runtime / name], check=True)


def why_not(runtime: Path) -> StillroomError:
    with pytest.raises(StillroomError) as caught:
        check_kernels(child_command("kernel_check"), request_for(runtime))
    return caught.value


def told(home: Path, runtime: Path, error: StillroomError, driver: str = "581.2") -> str:
    """The words of the settings, the doctor and `stillroom cuda` after such a check."""
    made = msgspec.json.decode((runtime / RUNTIME).read_bytes(), type=CudaRuntime)
    check = KernelCheck(runtime=made, message=error.message, hint=error.hint, values=error.values)
    (runtime / CHECK).write_bytes(msgspec.json.encode(check))
    engine = DevicesListed(
        request_id=1,
        devices=[],
        backends=[BackendState(name="CPU", loaded=True, library="libggml-cpu-zen4", reason="")],
    )
    place = CudaPlace(home / "data" / "cuda", has_back_end=False)
    return str(judge(place, GpuReading("ok", (CARD,), driver), engine).as_error())


def test_without_a_driver_the_systems_words_are_said(runtime: Path, home: Path) -> None:
    hide_driver(home)
    error = why_not(runtime)
    words = r"CUDA cannot be used: \S*libcuda\.so\.1: (cannot open shared object file|invalid ELF header)"
    assert re.search(words, str(error))
    assert re.match(f"CUDA was tried and is not used: {words}", told(home, runtime, error))


def test_a_driver_without_a_device_says_so(
    runtime: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_driver(home, monkeypatch, "none")
    error = why_not(runtime)
    assert "failed to initialize CUDA: no CUDA-capable device is detected" in str(error)
    assert "no CUDA-capable device is detected" in told(home, runtime, error)


def test_an_old_driver_says_so(runtime: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_driver(home, monkeypatch, "old")
    error = why_not(runtime)
    assert "CUDA driver version is insufficient for CUDA runtime version" in str(error)
    # Where NVML tells the driver's version, that is what is said.
    said = told(home, runtime, error, "535.183.01")
    assert said == "The driver 535.183.01 is too old for CUDA 13.0; Stand-in GPU A is used through Vulkan."


def test_a_card_on_which_no_kernel_starts_is_told_and_not_used(
    built: Built, runtime: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_driver(home, monkeypatch, "device")
    replace_cudart(built, runtime)
    error = why_not(runtime)
    assert str(error).startswith("The process that tried CUDA ended with -6")
    assert "is not used: The process that tried CUDA" in told(home, runtime, error)


@pytest.mark.parametrize("mode", ["", "none", "old"])
def test_without_a_device_the_processor_answers_as_before(
    mode: str, runtime: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = msgspec.json.decode((runtime / RUNTIME).read_bytes(), type=CudaRuntime)
    (runtime / CHECK).write_bytes(
        msgspec.json.encode(KernelCheck(runtime=made, device="a card that was here"))
    )
    if mode:
        add_driver(home, monkeypatch, mode)
    else:
        hide_driver(home)
    client = EngineClient(child_command("engine"))
    client.start()
    try:
        listed = client.list_devices().result()
        assert {device.kind for device in listed.devices} == {"cpu"}
        [cuda] = [state for state in listed.backends if state.name == "CUDA"]
        assert cuda.reason
        info = client.load(str(starter_path()), LoadSettings(context_tokens=512)).future.result()
        assert info.gpu_layers == 0
        reply = client.generate([Part("Once upon a time")], max_tokens=4, ignore_eog=True)
        assert reply.future.result().stats.completion_tokens == 4
    finally:
        client.close()
