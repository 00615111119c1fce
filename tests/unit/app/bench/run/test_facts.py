"""A report keeps facts about the machine, and no secrets."""

from pathlib import Path
from typing import Literal

import pytest

from app.base.errors import StillroomError
from app.bench.run.facts import (
    engine_facts,
    machine_facts,
    model_facts,
    model_sha256,
    system_name,
)
from app.engine.protocol import Device, LoadSettings, ModelInfo, RpcServer
from app.machine.hardware import look_at_machine
from app.telemetry.nvml import GpuReading, GpuSample


def test_a_missing_file_is_named_without_its_folder(tmp_path: Path) -> None:
    with pytest.raises(StillroomError, match=r"The model file gone\.gguf could not be read"):
        model_sha256(tmp_path / "gone.gguf", lambda done: None, None)


def test_machine_facts_are_this_machines(tmp_path: Path) -> None:
    gpu = GpuReading("ok", (GpuSample(0, "Fake GPU", 1, 12, 0, None, None, None),), "580.82")
    facts = machine_facts(look_at_machine(tmp_path, ()), gpu)
    assert facts.cores <= facts.threads
    assert facts.memory_total_bytes > 1 << 28
    assert (facts.gpus[0].name, facts.gpu_driver) == ("Fake GPU", "580.82")


def test_a_card_that_only_llama_cpp_knows_is_kept_and_another_computers_is_not(tmp_path: Path) -> None:
    def device(description: str, backend: str, kind: Literal["cpu", "gpu"]) -> Device:
        return Device(
            name=f"{backend}0",
            description=description,
            backend=backend,
            kind=kind,
            memory_total_bytes=8 << 30,
            memory_free_bytes=8 << 30,
        )

    devices = [
        device("AMD Radeon RX 7600 (RADV NAVI33)", "Vulkan", "gpu"),
        device("192.168.1.7:50052", "RPC", "gpu"),
        device("Some processor", "CPU", "cpu"),
    ]
    machine = look_at_machine(tmp_path, ())
    facts = machine_facts(machine, GpuReading("no_driver"), devices=devices)
    assert [(gpu.name, gpu.vram_total_bytes, gpu.pcie) for gpu in facts.gpus] == [
        ("AMD Radeon RX 7600 (RADV NAVI33)", 8 << 30, "")
    ]
    nvidia = GpuReading("ok", (GpuSample(0, "Fake GPU", 1, 12, 0, None, None, None),), "580.82")
    assert [gpu.name for gpu in machine_facts(machine, nvidia, devices=devices).gpus] == ["Fake GPU"]


@pytest.mark.parametrize(
    ("platform", "name"),
    [
        ("Linux-6.8.0-45-generic-x86_64-with-glibc2.39", "Linux 6.8.0-45, x86_64, glibc2.39"),
        ("Linux-6.8.5-301.fc40.x86_64-x86_64-with-glibc2.39", "Linux 6.8.5-301, x86_64, glibc2.39"),
        ("Linux-6.12.3-annas-kernel-x86_64-with-glibc2.41", "Linux 6.12.3, x86_64, glibc2.41"),
        ("Windows-11-10.0.22631-SP0", "Windows-11-10.0.22631-SP0"),
    ],
)
def test_the_name_that_somebody_gave_a_kernel_is_not_kept(platform: str, name: str) -> None:
    assert system_name(platform) == name


def test_neither_folders_nor_other_computers_are_kept() -> None:
    asked = LoadSettings(
        draft_path="/home/somebody/draft.gguf", rpc_servers=(RpcServer("192.168.1.7:50052"),)
    )
    info = ModelInfo(
        path="/home/somebody/m.gguf",
        name="M",
        architecture="llama",
        quantisation="Q4_1",
        parameters=1,
        size_bytes=1,
        layers=2,
        gpu_layers=0,
        context_tokens=4096,
        context_limit=4096,
        vocabulary=5,
        threads=2,
        batch_tokens=512,
        kv_type="f16",
        backend="CPU",
        chat_template="",
        bos_text="",
        eos_text="",
        adds_bos=True,
        load_s=0.1,
        buffers={},
    )
    kept = str((engine_facts(info, asked, "0.3.36", ""), model_facts(info, "")))
    assert "somebody" not in kept
    assert "192.168" not in kept
    assert "draft.gguf" in kept


def test_llama_cpp_s_own_line_tells_the_instruction_sets(tmp_path: Path) -> None:
    line = "CPU : SSE3 = 1 | AVX2 = 1 | AVX512 = 0 | REPACK = 1 | "
    facts = machine_facts(look_at_machine(tmp_path, ()), GpuReading("no_driver"), line)
    assert facts.features == ["SSE3", "AVX2", "REPACK"]
