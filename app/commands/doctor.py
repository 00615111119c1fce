"""`stillroom doctor`: what this computer can run, what is missing, what to do."""

import argparse
import queue
import threading

import msgspec

from app.commands.console import WAKE_S, Console, Unsuccessful
from app.commands.core import Core
from app.doctor import Advice, Diagnosis, Gpu, examine
from app.engine.client import EngineClient
from app.engine.messages import Device
from app.engine.state import EngineState
from app.errors import StillroomError
from app.findings import Severity
from app.log import log_file
from app.telemetry.gpu_monitor import GpuMonitor
from models.progress import raise_if_cancelled
from models.wording import byte_count

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


class DoctorResult(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document. `recommended` and `alternative` are catalogue keys with a type, or null."""

    can_run: bool
    processor: str
    cores: int
    memory_total_bytes: int
    memory_free_bytes: int
    disk_free_bytes: int
    gpus: list[Gpu]
    backends: list[Device]
    problems: list[Finding]
    recommended: str | None
    alternative: str | None
    log: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Examine; fails only when no model can run at all."""
    gpu = GpuMonitor()
    try:
        with core.engine() as client:
            diagnosis = examine(core.paths, core.store, _devices(client, cancel), gpu)
    finally:
        gpu.close()
    log = str(log_file(core.paths.logs))
    console.document(_result(diagnosis, log))
    _say(diagnosis, console)
    console.say(f"\nThe log: {log}")
    if not diagnosis.can_run:
        raise Unsuccessful


def _devices(client: EngineClient, cancel: threading.Event) -> list[Device] | StillroomError:
    """What the engine's process can compute on, or why it does not start."""
    states: queue.SimpleQueue[EngineState] = queue.SimpleQueue()
    client.observe(states.put)
    while True:
        raise_if_cancelled(cancel)
        try:
            state = states.get(timeout=WAKE_S)
        except queue.Empty:
            continue
        if state.error is not None:
            return state.error
        if state.phase == "ready":
            return state.devices


def _result(diagnosis: Diagnosis, log: str) -> DoctorResult:
    machine = diagnosis.machine
    return DoctorResult(
        can_run=diagnosis.can_run,
        processor=machine.processor,
        cores=machine.cores,
        memory_total_bytes=machine.memory_total_bytes,
        memory_free_bytes=machine.memory_free_bytes,
        disk_free_bytes=machine.disk_free_bytes,
        gpus=diagnosis.gpus,
        backends=diagnosis.backends,
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
        log=log,
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
    for device in diagnosis.backends:
        console.say(f"llama.cpp can use: {device.backend}, {device.description or device.name}")
    for gpu in diagnosis.gpus:
        used = f"used through {' and '.join(gpu.backends)}" if gpu.backends else "not used"
        free, total = byte_count(gpu.vram_free_bytes), byte_count(gpu.vram_total_bytes)
        console.say(f"Graphics card: {gpu.name}, {free} of {total} free, {used}")
    if diagnosis.can_run and (best := diagnosis.recommended) is not None:
        console.say(f"\nRecommended: {best.title} in {best.quantisation} ({byte_count(best.bytes)}).")
        console.say(f"  {best.as_sentence()}")
        console.say(f"  Get it with: stillroom build {best.key} --type {best.quantisation}")
        if (other := diagnosis.alternative) is not None:
            console.say(f"Stronger, but slower here: {other.title} in {other.quantisation}.")
            console.say(f"  {other.as_sentence()}")
    console.say("" if diagnosis.problems else "\nNothing is missing.")
    for problem in diagnosis.problems:
        error = problem.as_error()
        console.say(f"{_MARKS[problem.severity]} {error}")
        if error.hint_text():
            console.say(f"  {error.hint_text()}")
