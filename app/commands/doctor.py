"""`stillroom doctor`: what this computer can run, what is missing, what to do."""

import argparse
import threading

import msgspec

from app.base.bill_of_materials import Part, parts
from app.base.log import log_file
from app.commands.terminal.arguments import whole
from app.commands.terminal.command_core import Core, listed_devices
from app.commands.terminal.console import Console, Unsuccessful
from app.commands.terminal.other_computers import add_rpc_arguments, rpc_servers
from app.engine.protocol import BackendState, Device
from app.machine.advisor import Outlook, SpeedBasis, Use
from app.machine.doctor import Advice, Diagnosis, Gpu, examine
from app.machine.doctor_checks import Severity
from app.telemetry.nvml_monitor import GpuMonitor
from models.memory.fit import Verdict
from models.memory.kv_cache import KV_BYTES_PER_ELEMENT
from models.quantisation.quantisation_types import QUANTISATIONS
from models.system.shown_text import MOST_OF_A_VALUE, shown
from models.system.units import byte_count, rate_text

NAME = "doctor"
SUMMARY = "say what this computer can run, what is missing, and what to do about it"
EXAMPLE = "stillroom doctor"

_MARKS: dict[Severity, str] = {"stops": "✗", "limits": "!", "info": "·"}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A problem in words."""

    key: str
    severity: Severity
    message: str
    hint: str


class ModelOutlook(msgspec.Struct, frozen=True, kw_only=True):
    """A model of the catalogue in one quantisation on this computer. Bytes are estimates, except
    `measured_*_bytes`, which llama.cpp allocated here with this context and cache (null: not loaded yet).

    `tok_per_s` is "measured" with this file, follows from "replies" of another model here, or is the most
    that the "memory" allows (`tok_per_s_basis`; "provisional" while that was measured on a busy computer);
    null where nothing is known. `sequences` replies side by side have `context_tokens` each.
    """

    key: str
    quantisation: str
    verdict: str
    reason: str
    context_tokens: int
    kv_type: str
    sequences: int
    weights_bytes: int
    cache_bytes: int
    compute_bytes: int
    ram_bytes: int
    vram_bytes: int
    gpu_layers: int
    layers: int
    tok_per_s: float | None
    tok_per_s_basis: SpeedBasis
    measured_ram_bytes: int | None
    measured_vram_bytes: int | None


class DoctorResult(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document. `recommended` and `alternative` are catalogue keys with a type, or null.

    `backends` are the devices, those of other computers under "RPC"; `libraries` are the parts of llama.cpp
    behind them, also those that did not load. `parts` are the packages that this very program consists of.
    """

    can_run: bool
    processor: str
    cores: int
    memory_total_bytes: int
    memory_free_bytes: int
    disk_free_bytes: int
    memory_bytes_per_s: float
    memory_speed_is_provisional: bool
    gpus: list[Gpu]
    backends: list[Device]
    libraries: list[BackendState]
    problems: list[Finding]
    recommended: str | None
    alternative: str | None
    models: list[ModelOutlook]
    parts: list[Part]
    log: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how the models are to be used."""
    parser.add_argument(
        "--context",
        type=whole("context_tokens"),
        default=0,
        metavar="N",
        help="context tokens to judge the models with (default: those that each would be loaded with)",
    )
    parser.add_argument(
        "--kv-type",
        choices=["auto", *KV_BYTES_PER_ELEMENT],
        default="auto",
        help="type of the KV cache to judge them with (default: that which each would be loaded with)",
    )
    add_rpc_arguments(parser)
    parser.add_argument("--all", action="store_true", help="list every quantisation of each model")


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Examine; fails only when no model can run at all."""
    gpu = GpuMonitor()
    try:
        with core.engine() as client:
            use = Use(options.context, options.kv_type)
            servers = rpc_servers(options) or core.settings.values.load.rpc_servers
            devices = listed_devices(client, servers, cancel)
            diagnosis = examine(
                core.paths, core.store, devices, gpu, core.measurements, core.file_facts(), use
            )
    finally:
        gpu.close()
    log = str(log_file(core.paths.logs))
    console.document(_result(diagnosis, log))
    _say(diagnosis, console)
    _say_models(diagnosis.outlooks, console, every=options.all)
    console.say(f"\nThe log: {log}")
    if not diagnosis.can_run:
        raise Unsuccessful


def _result(diagnosis: Diagnosis, log: str) -> DoctorResult:
    machine = diagnosis.machine
    return DoctorResult(
        can_run=diagnosis.can_run,
        processor=machine.processor,
        cores=machine.cores,
        memory_total_bytes=machine.memory_total_bytes,
        memory_free_bytes=machine.memory_free_bytes,
        disk_free_bytes=machine.disk_free_bytes,
        memory_bytes_per_s=diagnosis.memory_bytes_per_s,
        memory_speed_is_provisional=diagnosis.speed_is_provisional,
        gpus=diagnosis.gpus,
        backends=diagnosis.backends,
        libraries=diagnosis.libraries,
        problems=[
            Finding(
                key=problem.key,
                severity=problem.severity,
                message=str(problem.as_error()),
                hint=problem.as_error().hint_text(),
            )
            for problem in diagnosis.problems
        ],
        recommended=_choice(diagnosis.recommended),
        alternative=_choice(diagnosis.alternative),
        models=[_outlook(outlook) for outlook in diagnosis.outlooks],
        parts=parts(),
        log=log,
    )


def _outlook(outlook: Outlook) -> ModelOutlook:
    found, measured = outlook.fit, outlook.measured_so
    return ModelOutlook(
        key=outlook.key,
        quantisation=outlook.quantisation,
        verdict=found.verdict.value,
        reason=str(found),
        context_tokens=found.demand.context_tokens,
        kv_type=found.demand.kv_type,
        sequences=found.demand.sequences,
        weights_bytes=found.weights_bytes,
        cache_bytes=found.cache_bytes,
        compute_bytes=found.buffer_bytes,
        ram_bytes=found.need.ram.total,
        vram_bytes=found.need.device.total,
        gpu_layers=found.gpu_layers,
        layers=found.layers,
        tok_per_s=outlook.tok_per_s,
        tok_per_s_basis=outlook.basis,
        measured_ram_bytes=measured.ram_bytes if measured is not None else None,
        measured_vram_bytes=measured.device_bytes if measured is not None else None,
    )


def _choice(advice: Advice | None) -> str | None:
    return f"{advice.key}/{advice.quantisation}" if advice is not None else None


def _say(diagnosis: Diagnosis, console: Console) -> None:
    machine = diagnosis.machine
    console.say(
        f"This computer: {machine.processor}, {machine.cores} cores, "
        f"{byte_count(machine.memory_total_bytes)} of memory ({byte_count(machine.memory_free_bytes)} free), "
        f"{byte_count(machine.disk_free_bytes)} of disk free."
    )
    for library in diagnosis.libraries:
        loaded = "loaded" if library.loaded else "not loaded"
        details = [shown(text, MOST_OF_A_VALUE) for text in (library.library, library.reason) if text]
        console.say(
            f"llama.cpp's {library.name} back end: {loaded}" + "".join(f", {text}" for text in details)
        )
    for device in diagnosis.backends:
        if device.backend == "RPC":
            free, total = byte_count(device.memory_free_bytes), byte_count(device.memory_total_bytes)
            console.say(f"Other computer: {shown(device.description)}, {free} of {total} free")
        else:
            console.say(f"llama.cpp can use: {device.backend}, {shown(device.description or device.name)}")
    for gpu in diagnosis.gpus:
        used = f"used through {' and '.join(gpu.backends)}" if gpu.backends else "not used"
        free, total = byte_count(gpu.vram_free_bytes), byte_count(gpu.vram_total_bytes)
        console.say(f"Graphics card: {shown(gpu.name)}, {free} of {total} free, {used}")
    if diagnosis.can_run and (best := diagnosis.recommended) is not None:
        recommended = "Recommended, provisionally" if best.is_provisional else "Recommended"
        console.say(f"\n{recommended}: {best.title} in {best.quantisation} ({byte_count(best.bytes)}).")
        console.say(f"  {best.as_sentence()}")
        console.say(f"  Get it with: stillroom build {best.key} --type {best.quantisation}")
        if (other := diagnosis.alternative) is not None:
            console.say(f"Stronger, but slower here: {other.title} in {other.quantisation}.")
            console.say(f"  {other.as_sentence()}")
    if diagnosis.memory_bytes_per_s:
        provisional = (
            " (provisional: other programs kept it busy meanwhile; ask again when it is quiet)"
            if diagnosis.speed_is_provisional
            else ""
        )
        speed = byte_count(diagnosis.memory_bytes_per_s)
        console.say(f"Memory: a reply reads up to {speed} of weights per second{provisional}.")
    console.say("" if diagnosis.problems else "\nNothing is missing.")
    for problem in diagnosis.problems:
        error = problem.as_error()
        console.say(f"{_MARKS[problem.severity]} {error}")
        if error.hint_text():
            console.say(f"  {error.hint_text()}")


_VERDICTS = {
    Verdict.GPU: "fits on the GPU",
    Verdict.PARTLY: "{gpu_layers} of {layers} layers on the GPU",
    Verdict.RAM: "runs on the processor",
    Verdict.TOO_LARGE: "too large: {needed} of RAM needed, {room} can be used",
}
_SPEEDS = {
    "measured": "{rate}",
    "replies": "about {rate}",
    "memory": "up to {rate}",
    "provisional": "up to {rate}, provisionally",
    "": "not known",
}


def _say_models(outlooks: list[Outlook], console: Console, *, every: bool) -> None:
    """The catalogue as a table, the everyday quantisation of each model or `every` one."""
    console.say("\nThe models as they would be loaded, with context tokens for so many replies side by side:")
    rows = [
        ("model", "type", "replies x context", "weights", "cache", "compute", "tok/s", "on this computer")
    ]
    for outlook in outlooks:
        if every or outlook.quantisation == QUANTISATIONS[0]:
            found = outlook.fit
            rate = "-" if found.verdict is Verdict.TOO_LARGE else _SPEEDS[outlook.basis]
            rows.append(
                (
                    outlook.key,
                    outlook.quantisation,
                    f"{found.demand.sequences} x {found.demand.context_tokens:,}",
                    byte_count(found.weights_bytes),
                    byte_count(found.cache_bytes),
                    byte_count(found.buffer_bytes),
                    rate.format(rate=_rate(outlook.tok_per_s)),
                    _VERDICTS[found.verdict].format(**found.values),
                )
            )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            text.ljust(width) if column in (0, 1, 7) else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        console.say("  ".join(cells).rstrip())


def _rate(tok_per_s: float | None) -> str:
    return "" if tok_per_s is None else rate_text(tok_per_s)
