"""Describe this computer, as far as it can be asked without llama.cpp and without Qt."""

import ctypes
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from app.engine.devices.gpu_presence import graphics_cards
from app.engine.devices.huge_pages import engine_has_large_pages
from models.system.cores import physical_cores
from models.system.disk_space import existing, free_bytes

if sys.platform == "win32":
    import winreg

    _PROCESSOR_KEY = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"

_GPU_LIBRARIES = {"ggml-cuda": "CUDA", "ggml-vulkan": "Vulkan", "ggml-hip": "ROCm", "ggml-metal": "Metal"}

# What Qt's X11 and OpenGL plug-ins link to and PySide6 does not bring, with the Debian package of each.
_WINDOW_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0t64",
}


@dataclass(frozen=True, slots=True)
class Machine:
    """The facts that decide what runs here. Sizes are bytes; `None` means that it could not be found out."""

    system: str
    python: str
    glibc: tuple[int, int] | None
    processor: str
    cores: int
    has_avx2: bool | None
    memory_total_bytes: int
    memory_free_bytes: int
    large_pages: bool
    """The engine gets its memory in large pages."""
    disk_free_bytes: int
    unwritable: tuple[Path, ...]
    graphics_cards: tuple[str, ...]
    """NVIDIA's and AMD's cards, with or without a driver."""
    gpu_builds: tuple[str, ...]
    """GPU back ends that the installed llama.cpp was compiled with, whether or not a device answers."""
    missing_window_packages: tuple[str, ...]
    has_display: bool


def look_at_machine(models_folder: Path, folders: tuple[Path, ...]) -> Machine:
    """Ask the system; takes some milliseconds. `folders` are the ones that must be writable."""
    memory = psutil.virtual_memory()
    libc, version = platform.libc_ver()
    return Machine(
        system=platform.platform(),
        python=platform.python_version(),
        glibc=_version_pair(version) if libc == "glibc" else None,
        processor=_processor_name(),
        cores=physical_cores(),
        has_avx2=_has_avx2(),
        memory_total_bytes=memory.total,
        memory_free_bytes=memory.available,
        large_pages=engine_has_large_pages(),
        disk_free_bytes=free_bytes(models_folder),
        unwritable=tuple(folder for folder in folders if not _writable(folder)),
        graphics_cards=tuple(graphics_cards()),
        gpu_builds=_gpu_builds(),
        missing_window_packages=_missing_window_packages(),
        has_display=sys.platform != "linux"
        or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")),
    )


def computer_identity() -> str:
    """A text that changes when processor or memory do."""
    total = psutil.virtual_memory().total
    return f"{_processor_name()}, {physical_cores()} cores, {total >> 20} MiB"


def _version_pair(version: str) -> tuple[int, int] | None:
    parts = version.split(".")
    return (int(parts[0]), int(parts[1])) if len(parts) >= 2 and all(p.isdigit() for p in parts[:2]) else None


def _cpuinfo(key: str) -> str | None:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return None


def _processor_name() -> str:
    if sys.platform == "win32":
        named = _registered_name()
    else:
        named = _cpuinfo("model name") or ""
    return named or platform.processor() or platform.machine()


if sys.platform == "win32":

    def _registered_name() -> str:
        # `platform.processor` knows only family and model there.
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _PROCESSOR_KEY) as key:
                return str(winreg.QueryValueEx(key, "ProcessorNameString")[0]).strip()
        except OSError:
            return ""


def _has_avx2() -> bool | None:
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return None
    if sys.platform == "win32":
        # PF_AVX2_INSTRUCTIONS_AVAILABLE: https://learn.microsoft.com/windows/win32/api/processthreadsapi/
        return bool(ctypes.windll.kernel32.IsProcessorFeaturePresent(40))
    flags = _cpuinfo("flags")
    return None if flags is None else "avx2" in flags.split()


def _writable(folder: Path) -> bool:
    there = existing(folder)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _gpu_builds() -> tuple[str, ...]:
    """By the libraries beside llama_cpp: importing it here would load the native code into this process."""
    spec = importlib.util.find_spec("llama_cpp")
    if spec is None or spec.origin is None:
        return ()
    package = Path(spec.origin).parent
    names = {
        file.name.removeprefix("lib")
        for place in ("lib", "bin")
        for file in (package / place).glob("*ggml-*")
    }
    return tuple(
        backend
        for library, backend in _GPU_LIBRARIES.items()
        if any(name.split(".")[0] == library for name in names)
    )


def _missing_window_packages() -> tuple[str, ...]:
    if sys.platform != "linux":
        return ()
    ldconfig = shutil.which("ldconfig", path="/sbin:/usr/sbin:/bin:/usr/bin")
    if ldconfig is None:
        return ()
    listing = subprocess.run([ldconfig, "-p"], capture_output=True, text=True, check=False)
    if listing.returncode != 0:
        return ()
    bundle = getattr(sys, "_MEIPASS", None)  # a bundle brings most of them along
    brought = {path.name for path in Path(bundle).glob("lib*")} if bundle else set()
    return tuple(
        package
        for library, package in _WINDOW_LIBRARIES.items()
        if f"{library} " not in listing.stdout and library not in brought
    )
