"""The checks of `doctor`: what is missing or holds models back on this computer, and what to do about it."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from app.base.errors import StillroomError, native_reason
from app.cuda.offer import CudaOffer
from app.cuda.pins import cuda_pins
from app.engine.planning.cards import offload_devices
from app.engine.protocol import Device, DevicesListed
from app.machine.hardware import Machine
from app.telemetry.nvml import GpuReading
from models.catalogue.catalogue import catalogue
from models.quantisation.quantisation_types import EVERYDAY_TYPE
from models.system.units import gigabytes

Severity = Literal["stops", "limits", "info"]

# PySide6-Essentials 6.11's wheel for Linux is tagged manylinux_2_34.
WINDOW_GLIBC = (2, 34)
LITTLE_MEMORY_BYTES = 4 * 10**9


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that keeps models from running ("stops"), holds them back ("limits"), or is good to know.

    `message` and `hint` are templates that `values` fills, as in `StillroomError`.
    """

    key: str
    severity: Severity
    message: str
    hint: str = ""
    values: dict[str, object] = {}

    def as_error(self) -> StillroomError:
        """The same two sentences as an error, filled in or translated like any other."""
        return StillroomError(self.message, self.hint, **self.values)


@dataclass(frozen=True, slots=True)
class Computer:
    """What was found of this computer: what it is made of, what llama.cpp can compute on or why its process
    did not start, what NVML reads, and what is offered of CUDA."""

    machine: Machine
    engine: DevicesListed | StillroomError
    gpu: GpuReading
    cuda: CudaOffer | None = None

    @property
    def devices(self) -> list[Device]:
        """The devices that llama.cpp can compute on."""
        return [] if isinstance(self.engine, StillroomError) else self.engine.devices


def find_problems(computer: Computer, *, models_on_disk: int, an_r1_fits: bool) -> list[Problem]:
    """Everything worth telling, the gravest first; touches nothing."""
    machine = computer.machine
    here = [device for device in computer.devices if device.backend != "RPC"]
    return [
        *_engine(machine, computer.engine),
        *_processor(machine),
        *_cards(machine, here, computer.gpu),
        *_cuda(computer.cuda),
        *_other_computers(computer.engine),
        *_memory(machine, an_r1_fits),
        *_disk(machine, models_on_disk),
        *_window(machine),
    ]


def _other_computers(engine: DevicesListed | StillroomError) -> Iterator[Problem]:
    if isinstance(engine, StillroomError):
        return
    for problem in engine.problems:
        yield Problem(
            key="other_computer",
            severity="limits",
            message=problem.message,
            hint=problem.hint,
            values=dict(problem.values),
        )


def _engine(machine: Machine, engine: DevicesListed | StillroomError) -> Iterator[Problem]:
    if not isinstance(engine, StillroomError):
        return
    if machine.has_avx2 is False:
        hint = (
            "The processor has no AVX2: use Stillroom's portable build, which has code for older processors."
        )
    elif "cudart" in native_reason(engine) or "cublas" in native_reason(engine):
        hint = "NVIDIA's libraries are missing: pip install nvidia-cuda-runtime nvidia-cublas"
    elif getattr(sys, "frozen", False):
        hint = "Install Stillroom again."
    else:
        hint = (
            "Compile llama.cpp again: delete .venv/llama-stamp in Stillroom's folder, then make run "
            "(on Windows: py -3 packaging\\environment.py)."
        )
    yield Problem(
        key="engine",
        severity="stops",
        message="llama.cpp does not start. {reason} {native}",
        hint=hint,
        values={"reason": str(engine), "native": native_reason(engine)},
    )


def _processor(machine: Machine) -> Iterator[Problem]:
    if machine.has_avx2 is False:
        yield Problem(
            key="avx2",
            severity="limits",
            message="The processor {name} has no AVX2, so models run several times slower on it.",
            hint="Choose the smallest model, or use a graphics card.",
            values={"name": machine.processor},
        )


def _cards(machine: Machine, devices: list[Device], gpu: GpuReading) -> Iterator[Problem]:
    has_nvidia = any(name.startswith("NVIDIA") for name in machine.graphics_cards)
    if has_nvidia and gpu.state in ("no_driver", "no_gpu"):
        yield Problem(
            key="nvidia_driver",
            severity="limits",
            message="There is an NVIDIA card, but NVIDIA's driver is not installed or not loaded.",
            hint="Install the driver of your distribution (on Debian: nvidia-driver; on Ubuntu: "
            "“ubuntu-drivers install”), or from nvidia.com, and restart the computer.",
        )
    elif gpu.state in ("failing", "hanging"):
        yield Problem(
            key="nvidia_driver",
            severity="limits",
            message="NVIDIA's driver does not answer ({state}). {native}",
            hint="Restart the computer; if that does not help, install the driver again.",
            values={"state": gpu.state, "native": gpu.native},
        )
    if any(device.kind != "cpu" for device in devices):
        yield from _full_cards(devices)
    elif gpu.gpus:
        yield _unused_nvidia(machine, gpu)
    elif machine.graphics_cards and not has_nvidia:
        yield _unused_card(machine, machine.graphics_cards[0])


def _cuda(offer: CudaOffer | None) -> Iterator[Problem]:
    if offer is not None and offer.state in ("offered", "unchecked", "failed"):
        yield Problem(
            key="cuda",
            severity="info" if offer.state == "offered" else "limits",
            message=offer.message,
            hint="“stillroom cuda” says what that takes.",
            values=offer.values,
        )


def _unused_nvidia(machine: Machine, gpu: GpuReading) -> Problem:
    major = gpu.driver.partition(".")[0]
    if "CUDA" in machine.gpu_builds and major.isdigit() and int(major) < cuda_pins().oldest_driver:
        return Problem(
            key="nvidia_driver_old",
            severity="limits",
            message="The card {name} is not used: its driver {driver} is too old for CUDA 13.",
            hint="Install driver {needed} or newer.",
            values={"name": gpu.gpus[0].name, "driver": gpu.driver, "needed": cuda_pins().oldest_driver},
        )
    return _unused_card(machine, gpu.gpus[0].name)


def _unused_card(machine: Machine, name: str) -> Problem:
    if not machine.gpu_builds:
        return Problem(
            key="gpu_build",
            severity="limits",
            message="The graphics card ({name}) is not used: llama.cpp was built for the processor only.",
            hint="In Stillroom's folder: CMAKE_ARGS=-DGGML_VULKAN=ON make run (any card, with the Vulkan "
            "SDK), or CMAKE_ARGS=-DGGML_CUDA=ON make run (NVIDIA, with the CUDA toolkit).",
            values={"name": name},
        )
    return Problem(
        key="gpu_device",
        severity="limits",
        message="The graphics card ({name}) is not used: llama.cpp has {backends}, but sees no device.",
        hint="Install or renew the card's driver, the Vulkan one included.",
        values={"name": name, "backends": ", ".join(machine.gpu_builds)},
    )


def _full_cards(devices: list[Device]) -> Iterator[Problem]:
    for device in offload_devices(devices):
        if device.kind == "gpu" and 0 < device.memory_free_bytes < device.memory_total_bytes // 2:
            yield Problem(
                key="vram_busy",
                severity="info",
                message="Other programs hold more than half of the memory of {name}.",
                hint="Close them before you load a large model.",
                values={"name": device.description},
            )


def _memory(machine: Machine, an_r1_fits: bool) -> Iterator[Problem]:
    if not an_r1_fits:
        yield Problem(
            key="nothing_fits",
            severity="limits",
            message="None of the R1 models fits into the {free} GB of memory that are free.",
            hint="Close other programs, or use the starter model.",
            values={"free": gigabytes(machine.memory_free_bytes)},
        )
    if machine.memory_total_bytes < LITTLE_MEMORY_BYTES:
        yield Problem(
            key="memory",
            severity="limits",
            message="The computer has {total} GB of memory, enough for the smallest models only.",
            hint="Choose the starter or R1 Qwen 1.5B with a short context.",
            values={"total": gigabytes(machine.memory_total_bytes)},
        )
    elif machine.memory_free_bytes < LITTLE_MEMORY_BYTES // 2:
        yield Problem(
            key="memory_busy",
            severity="limits",
            message="Only {free} GB of {total} GB of memory are free.",
            hint="Close other programs before you load a model.",
            values={
                "free": gigabytes(machine.memory_free_bytes),
                "total": gigabytes(machine.memory_total_bytes),
            },
        )


def _disk(machine: Machine, models_on_disk: int) -> Iterator[Problem]:
    if machine.unwritable:
        yield Problem(
            key="write_access",
            severity="limits",
            message="Stillroom may not write to {folders}.",
            hint="Change their permissions, or set STILLROOM_HOME to a folder that you may write to.",
            values={"folders": ", ".join(str(folder) for folder in machine.unwritable)},
        )
    smallest = catalogue()[0]
    need = smallest.checkpoint_bytes + smallest.sizes_bytes[EVERYDAY_TYPE]
    if machine.disk_free_bytes < need:
        yield Problem(
            key="disk",
            severity="limits",
            message="The disk has {free} GB free; {model} needs {need} GB while it is built.",
            hint="Free some space, or set STILLROOM_HOME to a folder on another disk.",
            values={
                "free": gigabytes(machine.disk_free_bytes),
                "model": smallest.title,
                "need": gigabytes(need),
            },
        )
    if not models_on_disk:
        yield Problem(
            key="no_model",
            severity="info",
            message="There is no model on this computer yet.",
            hint="Get one on the Models tab, or with “stillroom build {model} --type Q4_K_M”.",
            values={"model": smallest.key},
        )


def _window(machine: Machine) -> Iterator[Problem]:
    if machine.glibc is not None and machine.glibc < WINDOW_GLIBC:
        yield Problem(
            key="glibc",
            severity="limits",
            message="The window needs glibc {needed} or newer; this system has {found}. The commands work.",
            hint="Use Debian 12, Ubuntu 22.04 or newer.",
            values={"needed": _dotted(WINDOW_GLIBC), "found": _dotted(machine.glibc)},
        )
    if machine.missing_window_packages:
        yield Problem(
            key="window_libraries",
            severity="limits",
            message="The window may not open: system libraries are missing. The commands work.",
            hint="On Debian or Ubuntu: apt install {packages}",
            values={"packages": " ".join(machine.missing_window_packages)},
        )
    if not machine.has_display:
        yield Problem(
            key="display",
            severity="info",
            message="There is no display here, so the window cannot open. The commands work.",
            hint="Start Stillroom from a desktop session for the window.",
        )


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
