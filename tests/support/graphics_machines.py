"""Computers with graphics cards that this one has not: what NVML and llama.cpp would say there, as figures.

Nothing is computed on any card. What ggml's back ends list follows from the cards as its source says it: CUDA
those that it may see (`nvidia_cards.visible_devices`, the real one), Vulkan every card with a Vulkan driver.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest.mock import patch

import msgspec

from app.base.errors import StillroomError
from app.cuda.cuda_folder import CudaPlace
from app.cuda.offer import judge
from app.cuda.pins import BACK_END, BackEndPin
from app.engine.devices.cuda_runtime import CHECK, RUNTIME, CudaRuntime, KernelCheck
from app.engine.devices.nvidia_cards import NvidiaCard, capable_cards, visible_devices
from app.engine.planning import cards
from app.engine.planning.device_placement import place
from app.engine.planning.file_shape import ModelShape
from app.engine.planning.load_notices import gpu_notices
from app.engine.planning.load_plan import Room, plan_load
from app.engine.planning.rope_scaling import RopeScaling
from app.engine.protocol import (
    BackendState,
    Device,
    DevicesListed,
    LoadSettings,
    ModelInfo,
    RpcProblem,
    RpcServer,
)
from app.engine.rpc.rpc_devices import RemoteDevice
from app.machine.doctor_checks import Computer, find_problems
from app.machine.hardware import Machine
from app.telemetry.nvml import GpuReading, GpuSample, GpuState

MIB, GIB = 1 << 20, 1 << 30
CARD_KEYS = ("nvidia_driver", "nvidia_driver_old", "cuda", "vram_busy", "gpu_device", "gpu_build")
"""The doctor's findings that are about cards."""

R1_QWEN_7B = ModelShape(
    layer_bytes=(140 * MIB,) * 28,
    output_bytes=430 * MIB,
    input_bytes=290 * MIB,
    hidden=3584,
    feed_forward=18944,
    heads=28,
    kv_heads=4,
    key_length=128,
    value_length=128,
    vocabulary=152064,
    context_limit=131072,
)
"""R1's distill of 7B in Q4_K_M."""


@dataclass(frozen=True)
class Card:
    """A graphics card: `gib` of memory, of which `free_gib` are free."""

    name: str
    gib: float
    capability: tuple[int, int] | None = None
    free_gib: float | None = None
    integrated: bool = False
    bandwidth: float = 300e9
    mig: tuple[float, ...] = ()
    fails: bool = False
    vulkan: bool = True
    tells_address: bool = True

    @property
    def is_nvidia(self) -> bool:
        return self.capability is not None

    @property
    def free_bytes(self) -> int:
        return round((self.gib - 0.4 if self.free_gib is None else self.free_gib) * GIB)


@dataclass(frozen=True)
class GraphicsMachine:
    """`driver` is NVIDIA's version, empty where there is none; `nvml` its state where cards are there.
    `runtime` says that NVIDIA's libraries are installed and were tried, `pages` that the driver moves to RAM
    what a card cannot hold; `asks` is what the user has set."""

    name: str
    cards: tuple[Card, ...] = ()
    driver: str = "581.2"
    nvml: GpuState = "ok"
    runtime: bool = True
    pages: bool = False
    asks: LoadSettings = field(default_factory=LoadSettings)


@dataclass(frozen=True)
class Outcome:
    """The words to the user, the devices that layers go to, and how many of the model's layers."""

    sentence: str
    devices: tuple[str, ...]
    layers: int


RTX_3060 = Card("NVIDIA GeForce RTX 3060", 12, (8, 6), bandwidth=360e9)
RTX_4060_LAPTOP = Card("NVIDIA GeForce RTX 4060 Laptop GPU", 8, (8, 9), bandwidth=256e9)
RTX_3090 = Card("NVIDIA GeForce RTX 3090", 24, (8, 6), bandwidth=936e9)
RTX_5090 = Card("NVIDIA GeForce RTX 5090", 32, (12, 0), bandwidth=1792e9)
GTX_1060 = Card("NVIDIA GeForce GTX 1060 6GB", 6, (6, 1), bandwidth=192e9)
GTX_1650 = Card("NVIDIA GeForce GTX 1650", 4, (7, 5), bandwidth=128e9)
GT_710 = Card("NVIDIA GeForce GT 710", 2, (3, 5), bandwidth=14e9, vulkan=False)
H100 = Card("NVIDIA H100 80GB HBM3", 80, (9, 0), bandwidth=3350e9, vulkan=False)
RX_7800 = Card("AMD Radeon RX 7800 XT", 16)
ARC = Card("Intel(R) Arc(tm) A770 Graphics", 16)
IGPU = Card("Intel(R) Iris(R) Xe Graphics", 16, integrated=True)
APU = Card("AMD Radeon 780M Graphics", 16, integrated=True)
A100 = Card("NVIDIA A100-SXM4-40GB", 40, (8, 0), bandwidth=1555e9)

MACHINES = (
    GraphicsMachine("no graphics card", driver=""),
    GraphicsMachine("RTX 3060, no driver", (replace(RTX_3060, vulkan=False),), driver=""),
    GraphicsMachine("RTX 3060, open driver (Vulkan) only", (RTX_3060,), driver=""),
    GraphicsMachine("RTX 3060, driver 535", (RTX_3060,), driver="535.183.01"),
    GraphicsMachine("RTX 3060, libraries not fetched", (RTX_3060,), runtime=False),
    GraphicsMachine("RTX 3060", (RTX_3060,)),
    GraphicsMachine("RTX 3060, Vulkan without addresses", (replace(RTX_3060, tells_address=False),)),
    GraphicsMachine("RTX 3060, wrong results", (replace(RTX_3060, fails=True),)),
    GraphicsMachine(
        "RTX 3060, driver hangs", (replace(RTX_3060, vulkan=False),), nvml="hanging", runtime=False
    ),
    GraphicsMachine("RTX 3060, driver answers with errors", (RTX_3060,), nvml="failing", runtime=False),
    GraphicsMachine("GT 710, driver 470, no Vulkan", (GT_710,), driver="470.256.02", runtime=False),
    GraphicsMachine("GTX 1060", (GTX_1060,)),
    GraphicsMachine("GTX 1060, driver 535", (GTX_1060,), driver="535.183.01", runtime=False),
    GraphicsMachine("GTX 1060 beside RTX 3060", (GTX_1060, RTX_3060)),
    GraphicsMachine("GTX 1060 beside RTX 3060, libraries not fetched", (GTX_1060, RTX_3060), runtime=False),
    GraphicsMachine("GTX 1650, 4 GB", (GTX_1650,)),
    GraphicsMachine("GTX 1650, 4 GB, Windows", (GTX_1650,), pages=True),
    GraphicsMachine("two RTX 3060", (RTX_3060, RTX_3060)),
    GraphicsMachine("two RTX 3060, shared", (RTX_3060, RTX_3060), asks=LoadSettings(card_use="all")),
    GraphicsMachine("two GTX 1650", (GTX_1650, GTX_1650)),
    GraphicsMachine("RTX 3060 and RTX 3090", (RTX_3060, RTX_3090)),
    GraphicsMachine(
        "RTX 3060 and RTX 3090, the first chosen",
        (RTX_3060, RTX_3090),
        asks=LoadSettings(main_card="0000:01:00.0"),
    ),
    GraphicsMachine("two RTX 3060, one fails", (replace(RTX_3060, fails=True), RTX_3060)),
    GraphicsMachine("RTX 5090", (RTX_5090,)),
    GraphicsMachine("H100, no Vulkan", (H100,)),
    GraphicsMachine("integrated graphics of Intel", (IGPU,), driver=""),
    GraphicsMachine("integrated graphics of AMD", (APU,), driver=""),
    GraphicsMachine("Intel's graphics and RTX 4060 (laptop)", (IGPU, RTX_4060_LAPTOP)),
    GraphicsMachine("the same asleep (Optimus)", (IGPU, RTX_4060_LAPTOP), nvml="asleep"),
    GraphicsMachine("AMD's graphics and RTX 3060", (APU, RTX_3060)),
    GraphicsMachine("RTX 3060, 2.5 GB free", (replace(RTX_3060, free_gib=2.5),)),
    GraphicsMachine("RTX 3060, 0 MB free", (replace(RTX_3060, free_gib=0),)),
    GraphicsMachine(
        "two RTX 3060, one full", (replace(RTX_3060, free_gib=0), RTX_3060), asks=LoadSettings(card_use="all")
    ),
    GraphicsMachine("WSL: CUDA, no Vulkan", (replace(RTX_3060, vulkan=False),), pages=True),
    GraphicsMachine("A100 divided in three (MIG)", (replace(A100, mig=(5, 20, 10), vulkan=False),)),
    GraphicsMachine("Radeon RX 7800 XT", (RX_7800,), driver=""),
    GraphicsMachine("Radeon RX 7800 XT and RTX 3060", (RX_7800, RTX_3060)),
    GraphicsMachine("Arc A770 and Intel's graphics", (ARC, IGPU), driver=""),
)


def outcome(machine: GraphicsMachine, folder: Path) -> Outcome:
    """Let the real doctor, offer, choice and plan say what happens there. `folder` is empty."""
    devices = listed(machine)
    gpu = reading(machine)
    engine = DevicesListed(
        request_id=1,
        devices=devices,
        backends=[BackendState(name="CPU", loaded=True, library="libggml-cpu-zen4", reason="")],
    )
    offer = judge(_place(machine, folder), gpu, engine)
    computer = Computer(_computer(machine), engine, gpu, offer)
    problems = find_problems(computer, models_on_disk=1, an_r1_fits=True)
    local = list(enumerate(devices))
    with patch.object(cards, "driver_pages", lambda: machine.pages):
        placement = place(machine.asks, R1_QWEN_7B, local, 12 * GIB, NobodyElse())
        room = Room(placement.devices, 12 * GIB, 8)
        plan = plan_load(machine.asks, R1_QWEN_7B, RopeScaling(131072), room)
    said = [str(problem.as_error()) for problem in problems if problem.key in CARD_KEYS]
    said += [str(notice) for notice in placement.notices]
    if placement.devices:
        info = _loaded(machine.asks, plan.settings)
        said += [str(notice) for notice in gpu_notices(info, placement.devices, supports_gpu=True)]
    if not said and gpu.state == "asleep":
        said.append("The graphics card is left asleep until a model is loaded.")
    if not said and any(card.is_nvidia for card in machine.cards):
        said.append(str(offer.as_error()))
    if offer.state == "ready":
        said.append(offer.as_error().hint_text())
    layers = plan.settings.gpu_layers
    return Outcome(
        " ".join(said).strip(), tuple(device.name for device in placement.devices) if layers else (), layers
    )


class NobodyElse:
    """Stands in for other computers, which are not asked here."""

    def find(self, servers: Sequence[RpcServer]) -> tuple[list[RemoteDevice], list[RpcProblem]]:
        return [], []


def reading(machine: GraphicsMachine) -> GpuReading:
    """Give NVML's reading of the machine."""
    cards = [card for card in machine.cards if card.is_nvidia]
    if not machine.driver or machine.nvml != "ok":
        native = "GPU is lost" if machine.nvml == "failing" else ""
        return GpuReading(machine.nvml if machine.driver else "no_driver", native=native)
    samples = tuple(_sample(index, card) for index, card in enumerate(cards))
    return GpuReading("ok", samples, machine.driver, cuda_cards=tuple(_checked(machine)))


def listed(machine: GraphicsMachine) -> list[Device]:
    """Give the devices that ggml lists: CUDA's, then Vulkan's, then the processor."""
    addressed = [(card, f"0000:{index:02x}:00.0") for index, card in enumerate(machine.cards, 1)]
    known = [(entry, card, address) for card, address in addressed for entry in _entries(card, address)]
    failed = [uuid for uuid in _checked(machine) if uuid not in _passed(machine)]
    visible = visible_devices([entry for entry, _, _ in known], failed.__contains__)
    shown = [entry.uuid for entry, _, _ in known] if visible is None else visible.split(",")
    cuda = [found for uuid in shown for found in known if found[0].uuid == uuid] if _has_cuda(machine) else []
    devices = [
        _device(f"CUDA{index}", "CUDA", card, address, entry.memory_bytes if entry.divided else 0)
        for index, (entry, card, address) in enumerate(cuda)
    ]
    through_vulkan = [(card, address) for card, address in addressed if card.vulkan]
    devices += [
        _device(f"Vulkan{index}", "Vulkan", card, address if card.tells_address else "")
        for index, (card, address) in enumerate(through_vulkan)
    ]
    processor = Device(
        name="CPU",
        description="AMD Ryzen 7",
        backend="CPU",
        kind="cpu",
        memory_total_bytes=16 * GIB,
        memory_free_bytes=12 * GIB,
    )
    return [*devices, processor]


def _entries(card: Card, address: str) -> list[NvidiaCard]:
    if card.capability is None:
        return []
    parts = card.mig or (card.gib,)
    return [
        NvidiaCard(
            f"{address}/{index}", card.name, card.capability, round(gib * GIB), card.bandwidth, bool(card.mig)
        )
        for index, gib in enumerate(parts)
    ]


def _checked(machine: GraphicsMachine) -> dict[str, Card]:
    """Give the cards that `check_cards` tries, by UUID."""
    known = {
        entry.uuid: (entry, card)
        for index, card in enumerate(machine.cards, 1)
        for entry in _entries(card, f"0000:{index:02x}:00.0")
    }
    able = capable_cards([entry for entry, _ in known.values()])
    return {entry.uuid: known[entry.uuid][1] for entry in able}


def _passed(machine: GraphicsMachine) -> list[str]:
    """Give those of them that computed right."""
    return [uuid for uuid, card in _checked(machine).items() if not card.fails]


def _has_cuda(machine: GraphicsMachine) -> bool:
    able = [card for card in machine.cards if capable_cards(_entries(card, ""))]
    runs = machine.driver and int(machine.driver.partition(".")[0]) >= 580
    return bool(machine.runtime and runs and any(not card.fails for card in able))


def _device(name: str, backend: str, card: Card, address: str, part_bytes: int = 0) -> Device:
    total = part_bytes or round(card.gib * GIB)
    return Device(
        name=name,
        description=card.name,
        backend=backend,
        kind="igpu" if card.integrated else "gpu",
        memory_total_bytes=total,
        memory_free_bytes=min(total, card.free_bytes),
        hardware_id=address,
    )


def _sample(index: int, card: Card) -> GpuSample:
    return GpuSample(
        index=index,
        name=card.name,
        vram_used_bytes=round(card.gib * GIB) - card.free_bytes,
        vram_total_bytes=round(card.gib * GIB),
        own_vram_bytes=0,
        utilisation_percent=0,
        temperature_c=40,
        power_w=20.0,
        compute_capability=card.capability,
        vram_bytes_per_s=card.bandwidth,
    )


def _place(machine: GraphicsMachine, folder: Path) -> CudaPlace:
    pin = BackEndPin(address="", file="b.whl", bytes=10, sha256="0" * 64, llama_cpp="1.0", unpacked_bytes=20)
    made = CudaPlace(folder / "cuda", back_end=pin, has_back_end=False, llama_cpp="1.0")
    if not machine.runtime:
        return made
    runtime = CudaRuntime(
        llama_cpp="1.0",
        cuda="13.0",
        libraries=("libcudart.so.13",),
        back_end=BACK_END,
        packages=tuple(package.title for package in made.pins.packages),
    )
    made.runtime.mkdir(parents=True)
    for name in (*runtime.libraries, runtime.back_end):
        (made.runtime / name).touch()
    (made.runtime / RUNTIME).write_bytes(msgspec.json.encode(runtime))
    (made.runtime / CHECK).write_bytes(msgspec.json.encode(_check(machine, runtime)))
    return made


def _check(machine: GraphicsMachine, runtime: CudaRuntime) -> KernelCheck:
    able = [card for card in machine.cards if capable_cards(_entries(card, ""))]
    wrong = "{device} computes wrongly: a product of {type} weights is off by {nmse}."
    failed = [
        StillroomError(wrong, "", device=card.name, type="Q4_K", nmse="0.5") for card in able if card.fails
    ]
    if able and len(failed) == len(able):
        return KernelCheck(runtime=runtime, message=wrong, values=failed[0].values)
    return KernelCheck(
        runtime=runtime,
        device=able[0].name if able else "",
        cards=tuple(_passed(machine)),
        failed=tuple(uuid for uuid, card in _checked(machine).items() if card.fails),
        left_out=" ".join(str(error) for error in failed),
    )


def _loaded(asked: LoadSettings, plan: LoadSettings) -> ModelInfo:
    layers = len(R1_QWEN_7B.layer_bytes)
    return ModelInfo(
        path="model.gguf",
        name="R1",
        architecture="qwen2",
        quantisation="Q4_K_M",
        parameters=7 * 10**9,
        size_bytes=0,
        layers=layers,
        gpu_layers=min(plan.gpu_layers, layers + 1),
        context_tokens=plan.context_tokens,
        context_limit=131072,
        vocabulary=152064,
        threads=8,
        batch_tokens=512,
        kv_type="f16",
        backend="",
        chat_template="",
        bos_text="",
        eos_text="",
        adds_bos=True,
        load_s=0.0,
        buffers={},
        asked=asked,
        plan=plan,
        planned=plan,
    )


def _computer(machine: GraphicsMachine) -> Machine:
    return Machine(
        system="Linux",
        python="3.12.0",
        glibc=(2, 41),
        processor="AMD Ryzen 7",
        cores=8,
        has_avx2=True,
        memory_total_bytes=16 * GIB,
        memory_free_bytes=12 * GIB,
        large_pages=False,
        disk_free_bytes=500 * GIB,
        unwritable=(),
        graphics_cards=tuple(card.name for card in machine.cards if not card.integrated),
        gpu_builds=("CUDA", "Vulkan") if machine.runtime else ("Vulkan",),
        missing_window_packages=(),
        has_display=True,
    )


def table(folder: Path) -> str:
    """Give the table of docs/graphics-cards.md."""
    lines = ["| computer | what is told | layers on | of 29 |", "|---|---|---|---|"]
    for number, machine in enumerate(MACHINES):
        found = outcome(machine, folder / str(number))
        where = ", ".join(found.devices) or "the processor"
        lines.append(f"| {machine.name} | {found.sentence or 'nothing'} | {where} | {found.layers} |")
    return "\n".join(lines)
