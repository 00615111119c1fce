"""CUDA is offered on machines that this one is not: made-up facts, real judgement."""

import dataclasses
from pathlib import Path

import msgspec
import pytest

from app.cuda.cuda_folder import CudaPlace
from app.cuda.offer import judge
from app.cuda.pins import BackEndPin, cuda_pins
from app.engine.devices.cuda_runtime import CHECK, RUNTIME, CudaRuntime, KernelCheck
from app.engine.protocol import BackendState, Device, DevicesListed
from app.telemetry.nvml import GpuReading, GpuSample

CARD = GpuSample(
    index=0,
    name="NVIDIA GeForce RTX 4060",
    vram_used_bytes=0,
    vram_total_bytes=8 << 30,
    own_vram_bytes=0,
    utilisation_percent=0,
    temperature_c=40,
    power_w=20.0,
    compute_capability=(8, 9),
)
OLD_CARD = dataclasses.replace(CARD, name="NVIDIA GeForce GTX 1060", compute_capability=(6, 1))
READING = GpuReading("ok", (CARD,), "581.2")
PORTABLE = DevicesListed(
    request_id=1,
    devices=[],
    backends=[BackendState(name="CPU", loaded=True, library="libggml-cpu-zen4", reason="")],
)
FIXED = DevicesListed(
    request_id=1, devices=[], backends=[BackendState(name="CPU", loaded=True, library="", reason="")]
)
CUDA_DEVICE = Device(
    name="CUDA0",
    description=CARD.name,
    backend="CUDA",
    kind="gpu",
    memory_total_bytes=8 << 30,
    memory_free_bytes=8 << 30,
)
PIN = BackEndPin(address="", file="b.whl", bytes=10, sha256="0" * 64, llama_cpp="1.0", unpacked_bytes=20)


@pytest.fixture
def place(tmp_path: Path) -> CudaPlace:
    return CudaPlace(tmp_path / "cuda", back_end=PIN, has_back_end=False, llama_cpp="1.0")


def test_a_card_that_can_is_offered_it_with_sizes_and_licence(place: CudaPlace) -> None:
    offer = judge(place, READING, PORTABLE)
    assert (offer.state, offer.can_get) == ("offered", True)
    assert offer.download_bytes == 420_882_912 + 2_243_181 + 10
    assert offer.unpacked_bytes == 539_533_072 + 54_440_120 + 704_288 + 20
    assert "NVIDIA" in offer.licence
    assert "NVIDIA GeForce RTX 4060 can be used through CUDA 13.0" in str(offer.as_error())


def test_a_bundle_with_the_back_end_lacks_only_nvidias_files(place: CudaPlace) -> None:
    offer = judge(dataclasses.replace(place, back_end=None, has_back_end=True), READING, PORTABLE)
    assert offer.state == "offered"
    assert offer.download_bytes == cuda_pins().download_bytes


def test_where_it_cannot_run_the_reason_is_said_and_vulkan_serves(place: CudaPlace) -> None:
    old_card = judge(place, GpuReading("ok", (OLD_CARD,), "581.2"), PORTABLE)
    assert (old_card.state, old_card.can_get) == ("card_old", False)
    assert "GTX 1060 is too old for CUDA 13.0; it is used through Vulkan" in str(old_card.as_error())
    old_driver = judge(place, GpuReading("ok", (CARD,), "535.183.01"), PORTABLE)
    assert old_driver.state == "driver_old"
    assert "580 or newer" in old_driver.as_error().hint_text()
    # Of two cards the newer one decides; llama.cpp leaves the older to Vulkan.
    assert judge(place, GpuReading("ok", (OLD_CARD, CARD), "581.2"), PORTABLE).state == "offered"


def test_nothing_is_offered_without_a_card_or_to_a_llama_cpp_that_takes_none(place: CudaPlace) -> None:
    assert judge(place, GpuReading("no_driver"), PORTABLE).state == "no_card"
    assert judge(place, GpuReading("no_gpu"), PORTABLE).state == "no_card"
    assert judge(place, GpuReading("hanging"), PORTABLE).state == "no_card"
    assert judge(place, READING, FIXED).state == "fixed_build"
    works = msgspec.structs.replace(FIXED, devices=[CUDA_DEVICE])
    assert judge(place, READING, works).state == "works"
    without = judge(dataclasses.replace(place, back_end=None), READING, PORTABLE)
    assert (without.state, without.can_get) == ("no_back_end", True)
    other = dataclasses.replace(place, llama_cpp="2.0")
    assert judge(other, READING, PORTABLE).state == "no_back_end"


def runtime_there(place: CudaPlace) -> CudaRuntime:
    runtime = CudaRuntime(
        llama_cpp="1.0",
        cuda="13.0",
        libraries=("libcudart.so.13",),
        back_end="libggml-cuda.so",
        packages=tuple(f"{package.name} {package.version}" for package in place.pins.packages),
        bytes=600,
    )
    place.runtime.mkdir(parents=True)
    (place.runtime / RUNTIME).write_bytes(msgspec.json.encode(runtime))
    return runtime


def test_what_is_there_is_unchecked_failed_or_ready(place: CudaPlace) -> None:
    runtime = runtime_there(place)
    assert judge(place, READING, PORTABLE).state == "offered"
    for name in ("libcudart.so.13", "libggml-cuda.so"):
        (place.runtime / name).touch()
    assert judge(place, READING, PORTABLE).state == "unchecked"
    failed = KernelCheck(runtime=runtime, message="{backend} cannot be used.", values={"backend": "CUDA"})
    (place.runtime / CHECK).write_bytes(msgspec.json.encode(failed))
    offer = judge(place, READING, PORTABLE)
    assert (offer.state, offer.can_get, offer.installed_bytes) == ("failed", True, 600)
    assert str(offer.as_error()) == "CUDA was tried and is not used: CUDA cannot be used."
    (place.runtime / CHECK).write_bytes(msgspec.json.encode(KernelCheck(runtime=runtime, device="A")))
    assert judge(place, READING, PORTABLE).state == "ready"
    newer = dataclasses.replace(
        place, llama_cpp="2.0", back_end=msgspec.structs.replace(PIN, llama_cpp="2.0")
    )
    offer = judge(newer, READING, PORTABLE)
    assert (offer.state, offer.installed_bytes, offer.outdated_bytes) == ("offered", 0, 600)
    # Compiled anew for the same llama.cpp, while the one before is in use.
    kept = msgspec.structs.replace(runtime, back_end_sha256="1" * 64)
    (place.runtime / RUNTIME).write_bytes(msgspec.json.encode(kept))
    in_use = msgspec.structs.replace(PORTABLE, devices=[CUDA_DEVICE])
    assert judge(place, READING, in_use).state == "offered"
    (place.runtime / RUNTIME).write_bytes(msgspec.json.encode(runtime))
    # An old card is of no use to a runtime that is there either.
    assert judge(place, GpuReading("ok", (OLD_CARD,), "581.2"), PORTABLE).state == "card_old"


def test_a_card_that_came_after_the_check_is_to_be_tried(place: CudaPlace) -> None:
    runtime = runtime_there(place)
    for name in ("libcudart.so.13", "libggml-cuda.so"):
        (place.runtime / name).touch()

    def state(check: KernelCheck, *uuids: str) -> str:
        (place.runtime / CHECK).write_bytes(msgspec.json.encode(check))
        return judge(place, dataclasses.replace(READING, cuda_cards=uuids), PORTABLE).state

    passed = KernelCheck(runtime=runtime, device="A", cards=("GPU-a",))
    assert state(passed, "GPU-a") == "ready"
    assert state(passed, "GPU-a", "GPU-new") == "unchecked"
    assert state(passed, "GPU-new") == "unchecked"
    failed = msgspec.structs.replace(passed, failed=("GPU-b",), left_out="B computes wrongly.")
    assert state(failed, "GPU-a", "GPU-b") == "ready"
    assert state(failed, "GPU-b") == "failed"
    # Where it is not known which cards were checked, nothing is said of any.
    assert state(KernelCheck(runtime=runtime, device="A"), "GPU-new") == "ready"
