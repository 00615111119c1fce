"""Diagnose this computer: what it can run, what is missing, and what to do about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from app.base.errors import StillroomError
from app.base.paths import AppPaths
from app.cuda.cuda_folder import CudaPlace
from app.cuda.offer import CudaOffer, judge
from app.engine.planning.cards import offload_devices
from app.engine.protocol import BackendState, Device, DevicesListed, LoadSettings
from app.machine.advisor import AS_LOADED, Advisor, FileFacts, Outlook, Use
from app.machine.doctor_checks import Computer, Problem, find_problems
from app.machine.file_facts import FileFactsReader
from app.machine.hardware import Machine, look_at_machine
from app.machine.measurements import LoadMeasurement, Measurements, MemorySpeed
from app.telemetry.nvml import GpuReading
from app.telemetry.nvml_monitor import GpuMonitor
from models.catalogue.catalogue import CatalogueModel, catalogue
from models.memory.fit import Fit, GpuMemory, Memory
from models.store.store import InstalledModel, ModelStore

GPU_WAIT_S = 6.0


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of the models on disk: themselves, what their loads measured, and how each would be
    loaded (`default` stands for all others)."""

    installed: Sequence[InstalledModel] = ()
    loads: Sequence[LoadMeasurement] = ()
    facts: Mapping[str, FileFacts] = field(default_factory=dict)
    default: LoadSettings = LoadSettings()  # noqa: RUF009 - frozen

    def advisor(self, memory: Memory) -> Advisor:
        """Make an advisor for a computer with this free memory."""
        return Advisor(
            catalogue(), memory, self.loads, self.installed, facts=self.facts, default=self.default
        )


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """A graphics card. `backends` are the ways in which llama.cpp can use it, none where it cannot."""

    name: str
    vram_total_bytes: int
    vram_free_bytes: int
    driver: str
    backends: list[str]


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """A model for this computer; `reason` is a template that `values` fills."""

    key: str
    title: str
    quantisation: str
    bytes: int
    reason: str
    values: dict[str, object]
    is_provisional: bool = False
    """Follows from a speed that was measured while other programs used the processor."""

    def as_sentence(self) -> StillroomError:
        """The reason, filled in or translated like an error's message."""
        return StillroomError(self.reason, "", **self.values)


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """The result; `can_run` False means that no model can run at all.

    `recommended` is the model to take here and why, `alternative` a stronger one that is slower. `outlooks`
    has every model of the catalogue in every quantisation.
    """

    can_run: bool
    machine: Machine
    recommended: Advice | None
    alternative: Advice | None
    gpus: list[Gpu]
    backends: list[Device]
    problems: list[Problem]
    memory_bytes_per_s: float = 0.0
    speed_is_provisional: bool = False
    """The memory's speed was measured while other programs used the processor."""
    outlooks: list[Outlook] = []
    libraries: list[BackendState] = []
    cuda: CudaOffer | None = None


def examine(
    paths: AppPaths,
    store: ModelStore,
    engine: DevicesListed | StillroomError,
    gpu: GpuMonitor,
    measurements: Measurements,
    files: FileFactsReader,
    use: Use = AS_LOADED,
) -> Diagnosis:
    """Look at this computer and judge it. Waits for NVML up to `GPU_WAIT_S`, so not on the GUI thread.

    `engine` is what llama.cpp can compute on, or why its process did not start; `files` say how each model
    would be loaded.
    """
    machine = look_at_machine(store.root, (paths.data, paths.config, paths.cache, paths.logs))
    reading = gpu.poll(frozenset(), wait_s=GPU_WAIT_S)
    installed = store.listing().models
    return diagnose(
        Computer(machine, engine, reading, judge(CudaPlace(paths.cuda), reading, engine)),
        Known(installed, measurements.loads(), files.read(installed), files.default),
        measurements.memory_speed(),
        use,
    )


def diagnose(
    computer: Computer, known: Known, speed: MemorySpeed | None = None, use: Use = AS_LOADED
) -> Diagnosis:
    """Judge what was found; touches nothing."""
    engine, devices = computer.engine, computer.devices
    machine = computer.machine
    memory = free_memory(machine.memory_free_bytes, devices, large_pages=machine.large_pages)
    if speed is not None:
        memory = speed.applied(memory)
    advisor = known.advisor(memory)
    found = advisor.recommendation()
    problems = find_problems(computer, models_on_disk=len(known.installed), an_r1_fits=found is not None)
    return Diagnosis(
        can_run=not any(problem.severity == "stops" for problem in problems),
        machine=computer.machine,
        recommended=_advice(found.model, found.fit, advisor) if found else None,
        alternative=_advice(*found.alternative, advisor) if found and found.alternative else None,
        gpus=_gpus(devices, computer.gpu),
        backends=devices,
        problems=problems,
        memory_bytes_per_s=memory.ram_bytes_per_s,
        speed_is_provisional=memory.speed_is_provisional,
        outlooks=advisor.outlooks(use),
        libraries=[] if isinstance(engine, StillroomError) else engine.backends,
        cuda=computer.cuda,
    )


def free_memory(ram_bytes: int, devices: Sequence[Device], *, large_pages: bool) -> Memory:
    """Return what is free: `ram_bytes`, and the graphics cards among `devices`."""
    here = [device for device in devices if device.backend != "RPC"]
    there = [device for device in devices if device.backend == "RPC"]
    return Memory(
        ram_bytes,
        tuple(
            GpuMemory(card.description, card.memory_free_bytes, card.memory_total_bytes)
            # A card that answers to CUDA and to Vulkan has its memory once.
            for card in (*offload_devices(here), *there)
            if card.kind == "gpu"
        ),
        large_pages=large_pages,
    )


def _advice(model: CatalogueModel, fit: Fit, advisor: Advisor) -> Advice:
    return Advice(
        key=model.key,
        title=model.title,
        quantisation=fit.quantisation,
        bytes=model.sizes_bytes[fit.quantisation],
        reason=fit.reason,
        values=dict(fit.values),
        is_provisional=advisor.is_provisional(model, fit.quantisation),
    )


def _gpus(devices: list[Device], gpu: GpuReading) -> list[Gpu]:
    """Cards as NVML names them, then those that only llama.cpp sees (Vulkan on other makers' cards)."""
    usable = [device for device in devices if device.kind in ("gpu", "igpu") and device.backend != "RPC"]
    found = [
        Gpu(
            name=card.name,
            vram_total_bytes=card.vram_total_bytes,
            vram_free_bytes=card.vram_total_bytes - card.vram_used_bytes,
            driver=gpu.driver,
            backends=sorted({device.backend for device in usable if card.name in device.description}),
        )
        for card in gpu.gpus
    ]
    others = [device for device in usable if not any(card.name in device.description for card in gpu.gpus)]
    for name in dict.fromkeys(device.description for device in others):
        same = [device for device in others if device.description == name]
        backends = sorted({device.backend for device in same})
        # A card answers once to each back end; two equal cards answer twice to one.
        found += [
            Gpu(
                name=name,
                vram_total_bytes=device.memory_total_bytes,
                vram_free_bytes=device.memory_free_bytes,
                driver="",
                backends=backends,
            )
            for device in same
            if device.backend == backends[0]
        ]
    return found
