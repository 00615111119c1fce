"""The doctor speaks about machines that this one is not: made-up facts, real judgement."""

import dataclasses
from pathlib import Path

import msgspec
import pytest

from app.base.errors import EngineError, StillroomError
from app.engine.protocol import BackendState, Device, DevicesListed, RpcProblem
from app.machine.doctor import Known, diagnose
from app.machine.doctor_checks import Computer
from app.machine.hardware import Machine, look_at_machine
from app.machine.measurements import MemorySpeed
from app.telemetry.nvml import GpuReading, GpuSample
from models.store.store import InstalledModel

GIB = 1 << 30
CPU = Device(
    name="CPU",
    description="AMD Ryzen 7",
    backend="CPU",
    kind="cpu",
    memory_total_bytes=32 * GIB,
    memory_free_bytes=30 * GIB,
)
CARD = Device(
    name="CUDA0",
    description="NVIDIA GeForce RTX 4060",
    backend="CUDA",
    kind="gpu",
    memory_total_bytes=8 * GIB,
    memory_free_bytes=7 * GIB,
)
SAMPLE = GpuSample(
    index=0,
    name="NVIDIA GeForce RTX 4060",
    vram_used_bytes=GIB,
    vram_total_bytes=8 * GIB,
    own_vram_bytes=0,
    utilisation_percent=3,
    temperature_c=40,
    power_w=20.0,
)
NO_NVIDIA = GpuReading("no_driver")
STARTER = InstalledModel("SmolLM2", "Q4_1", Path("starter.gguf"), 98_000_000, key="starter", bundled=True)
PC = Machine(
    system="Linux",
    python="3.12.0",
    glibc=(2, 41),
    processor="AMD Ryzen 7",
    cores=8,
    has_avx2=True,
    memory_total_bytes=32 * GIB,
    memory_free_bytes=30 * GIB,
    large_pages=False,
    disk_free_bytes=500 * GIB,
    unwritable=(),
    graphics_cards=(),
    gpu_builds=(),
    missing_window_packages=(),
    has_display=True,
)


def found_on(*devices: Device) -> DevicesListed:
    return DevicesListed(request_id=1, devices=list(devices))


def keys(
    machine: Machine = PC,
    engine: list[Device] | StillroomError | None = None,
    gpu: GpuReading = NO_NVIDIA,
    models_on_disk: int = 1,
) -> list[str]:
    listed = engine if isinstance(engine, StillroomError) else found_on(*(engine or [CPU]))
    found = diagnose(Computer(machine, listed, gpu), Known([STARTER] * models_on_disk))
    for problem in found.problems:
        error = problem.as_error()
        assert str(error)
        assert error.hint_text()
        assert "{" not in str(error) + error.hint_text().replace("${", "")
    return [problem.key for problem in found.problems]


def test_a_good_machine_has_no_problems() -> None:
    assert keys() == []
    assert keys(engine=[CPU, CARD], gpu=GpuReading("ok", (SAMPLE,), "581.2")) == []


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"has_avx2": False}, "avx2"),
        ({"memory_total_bytes": 3 * GIB}, "memory"),
        ({"disk_free_bytes": 2 * GIB}, "disk"),
        ({"unwritable": (Path("/data"),)}, "write_access"),
        ({"glibc": (2, 31)}, "glibc"),
        ({"missing_window_packages": ("libegl1",)}, "window_libraries"),
        ({"has_display": False}, "display"),
        ({"graphics_cards": ("NVIDIA GeForce RTX 4060",)}, "nvidia_driver"),
        ({"graphics_cards": ("AMD Radeon RX 7600",)}, "gpu_build"),
        ({"graphics_cards": ("AMD Radeon RX 7600",), "gpu_builds": ("Vulkan",)}, "gpu_device"),
    ],
)
def test_each_lack_is_named(change: dict[str, object], key: str) -> None:
    assert keys(dataclasses.replace(PC, **change)) == [key]


def test_memory_that_others_hold_is_named() -> None:
    assert keys(dataclasses.replace(PC, memory_free_bytes=GIB)) == ["nothing_fits", "memory_busy"]


def test_the_recommendation_uses_the_card() -> None:
    found = diagnose(
        Computer(PC, found_on(CPU, CARD), GpuReading("ok", (SAMPLE,), "581.2")), Known([STARTER])
    )
    assert found.recommended is not None
    assert "RTX 4060" in str(found.recommended.as_sentence())
    assert not found.recommended.is_provisional, "it fits on the card, however fast the memory is"
    on_cpu = diagnose(Computer(PC, found_on(CPU), NO_NVIDIA), Known([STARTER])).recommended
    assert on_cpu is not None
    assert on_cpu.bytes < found.recommended.bytes


def test_a_recommendation_by_a_speed_of_a_busy_computer_is_provisional() -> None:
    for devices, is_provisional in (([CPU], True), ([CPU, CARD], False)):
        found = diagnose(
            Computer(PC, found_on(*devices), NO_NVIDIA),
            Known([STARTER]),
            MemorySpeed(computer="", bytes_per_s=25e9, measured_at="", quiet=False),
        )
        assert found.recommended is not None
        assert found.recommended.is_provisional is is_provisional, "on a card the memory's speed says nothing"


def test_a_card_that_answers_twice_counts_once() -> None:
    vulkan = msgspec.structs.replace(CARD, name="Vulkan0", backend="Vulkan")
    once = diagnose(Computer(PC, found_on(CPU, CARD), NO_NVIDIA), Known([STARTER]))
    twice = diagnose(Computer(PC, found_on(CPU, CARD, vulkan), NO_NVIDIA), Known([STARTER]))
    assert once.recommended == twice.recommended
    assert [gpu.backends for gpu in twice.gpus] == [["CUDA", "Vulkan"]]


@pytest.mark.parametrize(
    ("builds", "driver", "key"),
    [
        ((), "581.2", "gpu_build"),
        (("CUDA",), "535.1", "nvidia_driver_old"),
        (("CUDA",), "581.2", "gpu_device"),
        (("Vulkan",), "535.1", "gpu_device"),
    ],
)
def test_a_card_that_is_not_used_is_explained(builds: tuple[str, ...], driver: str, key: str) -> None:
    machine = dataclasses.replace(PC, gpu_builds=builds, graphics_cards=("NVIDIA GeForce RTX 4060",))
    assert keys(machine, gpu=GpuReading("ok", (SAMPLE,), driver)) == [key]


@pytest.mark.parametrize("state", ["failing", "hanging"])
def test_a_driver_that_does_not_answer_is_named(state: str) -> None:
    assert keys(gpu=GpuReading(state, native="Unknown Error")) == ["nvidia_driver"]  # type: ignore[arg-type]  # a parameter


def test_memory_held_by_others_is_noted() -> None:
    busy = msgspec.structs.replace(CARD, memory_free_bytes=GIB)
    assert keys(engine=[CPU, busy], gpu=GpuReading("ok", (SAMPLE,), "581.2")) == ["vram_busy"]


def test_no_model_yet_is_a_note() -> None:
    assert keys(models_on_disk=0) == ["no_model"]


def test_only_an_engine_that_does_not_start_stops_everything() -> None:
    dead = EngineError("The engine process ended with an illegal instruction.", native="SIGILL")
    found = diagnose(Computer(PC, dead, NO_NVIDIA), Known([STARTER]))
    assert not found.can_run
    assert found.problems[0].severity == "stops"
    worst = dataclasses.replace(PC, has_avx2=False, disk_free_bytes=0, has_display=False)
    assert diagnose(Computer(worst, found_on(CPU), NO_NVIDIA), Known()).can_run


def test_a_card_is_listed_once_with_its_back_ends() -> None:
    (gpu,) = diagnose(
        Computer(PC, found_on(CPU, CARD), GpuReading("ok", (SAMPLE,), "581.2")), Known([STARTER])
    ).gpus
    assert (gpu.name, gpu.driver, gpu.backends) == (SAMPLE.name, "581.2", ["CUDA"])
    assert gpu.vram_free_bytes == 7 * GIB


def test_this_machine_can_be_looked_at(tmp_path: Path) -> None:
    machine = look_at_machine(tmp_path / "not" / "there", (tmp_path / "new", Path("/proc/stillroom")))
    assert machine.memory_total_bytes >= machine.memory_free_bytes > 0
    assert machine.disk_free_bytes > 0
    assert machine.cores >= 1
    assert machine.processor
    assert tmp_path / "new" not in machine.unwritable
    assert not (tmp_path / "new").exists()


def test_another_computer_adds_its_memory_and_is_no_card_of_this_one() -> None:
    there = msgspec.structs.replace(
        CARD, name="RPC0", description="den-pc:50052", backend="RPC", memory_free_bytes=40 * GIB
    )
    alone = diagnose(Computer(PC, found_on(CPU, CARD), NO_NVIDIA), Known([STARTER]))
    together = diagnose(Computer(PC, found_on(CPU, CARD, there), NO_NVIDIA), Known([STARTER]))
    assert [gpu.name for gpu in together.gpus] == [CARD.description]
    assert alone.recommended is not None
    assert together.recommended is not None
    assert together.recommended.bytes > alone.recommended.bytes


def test_another_computer_that_does_not_answer_is_said() -> None:
    problem = RpcProblem(
        address="den-pc", message="{address} is gone.", hint="Look.", values={"address": "den-pc"}
    )
    listed = msgspec.structs.replace(found_on(CPU), problems=[problem])
    (found,) = diagnose(Computer(PC, listed, NO_NVIDIA), Known([STARTER])).problems
    assert found.key == "other_computer"
    assert str(found.as_error()) == "den-pc is gone."


def test_the_libraries_of_llama_cpp_are_passed_on() -> None:
    state = BackendState(
        name="CUDA", loaded=False, library="libggml-cuda", reason="libcudart.so.13: not found"
    )
    listed = msgspec.structs.replace(found_on(CPU), backends=[state])
    assert diagnose(Computer(PC, listed, NO_NVIDIA), Known([STARTER])).libraries == [state]
