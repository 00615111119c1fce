"""Judge whether NVIDIA's libraries are of use here, and what stands against them."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from app.base.errors import StillroomError
from app.cuda.cuda_folder import CudaPlace
from app.cuda.pins import supported_system
from app.engine.devices.cuda_runtime import CudaRuntime, KernelCheck, read_check, read_runtime
from app.engine.protocol import BackendState, Device, DevicesListed
from app.telemetry.nvml import GpuReading, GpuSample

OfferState = Literal[
    "no_card",
    "fixed_build",
    "card_old",
    "driver_old",
    "no_back_end",
    "works",
    "offered",
    "unchecked",
    "failed",
    "ready",
]


class CudaOffer(msgspec.Struct, frozen=True, kw_only=True):
    """The state of CUDA on this computer, and what there is to do about it.

    "no_card": no NVIDIA card with a driver that answers; "fixed_build": a llama.cpp that was compiled for one
    computer, which takes no back ends at run time; "card_old", "driver_old": Vulkan serves; "no_back_end":
    only a brought file helps; "works": without our doing; "offered": can be fetched (`arrived_bytes` are
    there already); "unchecked": unpacked, not tried, or not on each card; "failed": tried, and why
    not; "ready": in use, or from the next start on. `message` and `hint` are templates that `values` fills.
    """

    state: OfferState
    message: str
    hint: str = ""
    values: dict[str, object] = {}
    card: str = ""
    in_use: bool = False
    download_bytes: int = 0
    unpacked_bytes: int = 0
    arrived_bytes: int = 0
    installed_bytes: int = 0
    outdated_bytes: int = 0
    """The size of a runtime for another version of Stillroom; what still fits of it is not fetched again."""
    licence: str = ""
    licence_url: str = ""

    def as_error(self) -> StillroomError:
        """The two sentences as an error, filled in or translated like any other."""
        return StillroomError(self.message, self.hint, **self.values)

    @property
    def can_get(self) -> bool:
        """Tell whether getting it, or trying it again, makes sense; "no_back_end" needs a file besides."""
        return self.state in ("offered", "unchecked", "failed", "no_back_end")


def judge(place: CudaPlace, gpu: GpuReading, engine: DevicesListed | StillroomError) -> CudaOffer:
    """Decide what to do here, by what NVML and llama.cpp say; reads a few small files."""
    backends = [] if isinstance(engine, StillroomError) else engine.backends
    devices = [] if isinstance(engine, StillroomError) else engine.devices
    runtime, check = place.installed(), read_check(place.runtime)
    in_use = any(device.backend == "CUDA" for device in devices)
    card = _best(gpu.gpus, place.pins.oldest_compute_capability)
    there = read_runtime(place.runtime)
    there_bytes, current = there.bytes if there is not None else 0, runtime is not None or not place.sources
    found = _judge(place, gpu, card, backends, devices, runtime, check)
    return msgspec.structs.replace(
        found,
        values={
            **found.values,
            "card": card.name if card is not None else "",
            "driver": gpu.driver,
            "cuda": place.pins.cuda,
            "oldest_driver": place.pins.oldest_driver,
        },
        card=card.name if card is not None else "",
        in_use=in_use,
        download_bytes=sum(place.sources.values()),
        unpacked_bytes=place.unpacked_bytes,
        arrived_bytes=place.arrived_bytes,
        installed_bytes=there_bytes if current else 0,
        outdated_bytes=0 if current else there_bytes,
        licence=place.pins.licence,
        licence_url=place.pins.licence_url,
    )


def _judge(
    place: CudaPlace,
    gpu: GpuReading,
    card: GpuSample | None,
    backends: Sequence[BackendState],
    devices: Sequence[Device],
    runtime: CudaRuntime | None,
    check: KernelCheck | None,
) -> CudaOffer:
    if card is None or not supported_system():
        return CudaOffer(
            state="no_card", message="There is no NVIDIA card with a working driver, so CUDA is of no use."
        )
    # What is in use may be a runtime of ours that a newer one is offered for.
    is_ours = read_runtime(place.runtime) is not None
    if runtime is None and not is_ours and any(device.backend == "CUDA" for device in devices):
        return CudaOffer(state="works", message="{card} is used through CUDA; nothing is missing.")
    if runtime is None and backends and not any(state.library for state in backends):
        return CudaOffer(
            state="fixed_build",
            message="This llama.cpp was compiled for one computer and takes no CUDA at run time.",
            hint="Use Stillroom's bundle, or compile llama-cpp-python with CUDA.",
        )
    if card.compute_capability is not None and card.compute_capability < place.pins.oldest_compute_capability:
        return CudaOffer(
            state="card_old", message="{card} is too old for CUDA {cuda}; it is used through Vulkan."
        )
    major = gpu.driver.partition(".")[0]
    if major.isdigit() and int(major) < place.pins.oldest_driver:
        return CudaOffer(
            state="driver_old",
            message="The driver {driver} is too old for CUDA {cuda}; {card} is used through Vulkan.",
            hint="With driver {oldest_driver} or newer, CUDA can be got here.",
        )
    if runtime is not None and check is not None:
        if check.message:
            return CudaOffer(
                state="failed",
                message="CUDA was tried and is not used: {failure}",
                hint=check.hint,
                values={**check.values, "failure": StillroomError(check.message, "", **check.values)},
            )
        if gpu.cuda_cards and all(uuid in check.failed for uuid in gpu.cuda_cards):
            return CudaOffer(
                state="failed",
                message="CUDA was tried and is not used: {failure}",
                values={"failure": check.left_out},
            )
        if not all(check.knows(uuid) for uuid in gpu.cuda_cards):
            return CudaOffer(
                state="unchecked",
                message="A card was put in that NVIDIA's libraries were not tried on yet.",
                hint="Try them again: what is known is how other cards compute.",
            )
        return CudaOffer(
            state="ready",
            message="{card} is used through CUDA {cuda}, with NVIDIA's libraries.",
            hint=_hint_on_others(gpu, place, left_out=check.left_out),
            values={"left_out": check.left_out, "old": _too_old(gpu, place)},
        )
    if runtime is None and not place.has_back_end and place.offered_back_end is None:
        return CudaOffer(
            state="no_back_end",
            message="This Stillroom has no CUDA back end of its own; {card} is used through Vulkan.",
            hint="A llama-cpp-python wheel with CUDA can be brought: see docs/cuda.md.",
        )
    if runtime is not None or not place.sources:
        return CudaOffer(state="unchecked", message="NVIDIA's libraries are here, but were not tried yet.")
    return CudaOffer(
        state="offered",
        message="{card} can be used through CUDA {cuda}: NVIDIA's libraries for it can be fetched.",
        hint="Until then it is used through Vulkan.",
    )


def _hint_on_others(gpu: GpuReading, place: CudaPlace, *, left_out: str) -> str:
    hint = ""
    if left_out:
        hint = "Another card is left out: {left_out}"
    elif _too_old(gpu, place):
        hint = (
            "{old} is too old for CUDA {cuda} and computes nothing beside it; a model's settings can name it."
        )
    return hint


def _too_old(gpu: GpuReading, place: CudaPlace) -> str:
    """Name the cards that CUDA has no kernels for."""
    oldest = place.pins.oldest_compute_capability
    old = [card.name for card in gpu.gpus if (card.compute_capability or oldest) < oldest]
    return ", ".join(dict.fromkeys(old))


def _best(gpus: Sequence[GpuSample], oldest: tuple[int, int]) -> GpuSample | None:
    """The card that CUDA lists first (`nvidia_cards.capable_cards`); the others are used as well."""

    def order(gpu: GpuSample) -> tuple[bool, float, tuple[int, int]]:
        capability = gpu.compute_capability or (0, 0)
        return capability >= oldest, gpu.vram_bytes_per_s or 0.0, capability

    return max(gpus, key=order, default=None)
