"""The facts that a report keeps about the computer, the model file and the engine."""

import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import psutil

from app.base.errors import StillroomError
from app.bench.results.model_work import ModelWork
from app.bench.results.report import EngineFacts, GpuFacts, MachineFacts, ModelFacts
from app.engine.protocol import Device, LoadSettings, ModelInfo
from app.machine.hardware import Machine
from app.telemetry.nvml import GpuReading
from app.telemetry.pcie import pcie_link
from models.system.hashing import file_sha256


def machine_facts(
    machine: Machine, gpu: GpuReading, system_info: str = "", devices: Sequence[Device] = ()
) -> MachineFacts:
    """The computer: no host name, no user, no paths. `system_info` is llama.cpp's line about itself, and
    `devices` are its own, which count where NVML knows no card."""
    return MachineFacts(
        processor=machine.processor,
        cores=machine.cores,
        threads=psutil.cpu_count() or machine.cores,
        memory_total_bytes=machine.memory_total_bytes,
        system=system_name(machine.system),
        python=machine.python,
        gpus=[
            GpuFacts(
                name=card.name,
                vram_total_bytes=card.vram_total_bytes,
                vram_bytes_per_s=card.vram_bytes_per_s or 0.0,
                pcie=card.pcie,
            )
            for card in gpu.gpus
        ]
        or [
            GpuFacts(
                name=device.description,
                vram_total_bytes=device.memory_total_bytes,
                pcie=pcie_link(device.hardware_id),
            )
            for device in devices
            if device.kind in ("gpu", "igpu") and device.backend != "RPC"
        ],
        gpu_driver=gpu.driver,
        features=re.findall(r"(\w+) = 1\b", system_info),
    )


def system_name(platform: str) -> str:
    """`platform.platform()` without the words in a Linux kernel's name, which whoever built it chose."""
    found = re.fullmatch(r"Linux-(\d[\d.]*(?:-\d+)?)\S*?-(\w+)-with-(\S+)", platform)
    return "Linux {}, {}, {}".format(*found.groups()) if found else platform


def model_facts(info: ModelInfo, sha256: str, name: str = "", work: ModelWork | None = None) -> ModelFacts:
    """The loaded model; `sha256` is its file's, `name` replaces the one that its metadata has."""
    return ModelFacts(
        name=name or info.name,
        file=Path(info.path).name,
        sha256=sha256,
        size_bytes=info.size_bytes,
        quantisation=info.quantisation,
        architecture=info.architecture,
        parameters=info.parameters,
        layers=info.layers,
        work=work,
    )


def elsewhere_facts(info: ModelInfo) -> ModelFacts:
    """A model that a server elsewhere has: nothing is known of its file."""
    return ModelFacts(
        name=info.name,
        # So that the same model on another server is another subject.
        file=f"{info.name} ({info.backend})",
        sha256="",
        size_bytes=0,
        quantisation="",
        architecture="",
        parameters=0,
        layers=0,
    )


def engine_facts(info: ModelInfo, asked: LoadSettings, version: str, system_info: str) -> EngineFacts:
    """List what llama.cpp was asked for and what it chose; without folders and other computers' addresses."""
    return EngineFacts(
        llama_cpp_version=version,
        system_info=system_info,
        backend=info.backend,
        gpu_layers=info.gpu_layers,
        threads=info.threads,
        context_tokens=info.context_tokens,
        batch_tokens=info.batch_tokens,
        kv_type=info.kv_type,
        asked=msgspec.structs.replace(asked, draft_path=Path(asked.draft_path).name, rpc_servers=()),
    )


def model_sha256(path: Path, on_bytes: Callable[[int], None], cancel: threading.Event | None) -> str:
    """Compute the SHA-256 of a model's file as `file_sha256` does; `StillroomError` when it cannot be
    read."""
    try:
        return file_sha256(path, on_bytes, cancel)
    except OSError as error:
        raise StillroomError(
            "The model file {name} could not be read: {reason}.",
            "Check that the file is still there, or download and build the model again.",
            name=path.name,
            reason=error.strerror or "unknown",
        ) from error
