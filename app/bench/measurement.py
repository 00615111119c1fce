"""The turns of one benchmark run in their order, and the samples they leave."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil

from app.bench.conditions import Conditions
from app.bench.progress import BenchmarkProgress
from app.bench.report import Measure, Report, Sample, Unit, measure_of
from app.bench.suite import LOAD, Step, StepKind, Suite
from app.bench.time_left import TimeLeft
from app.bench.turn import BenchmarkEngine, TurnResult, Turns
from app.engine.messages import LoadSettings, ModelInfo
from app.telemetry.gpu import GpuReading
from app.telemetry.gpu_monitor import GpuMonitor
from app.telemetry.host import HostReader, peak_ram_bytes, reset_peak_ram

SMALLEST_CONTEXT = 1024
"""The longest step, 512 prompt tokens, with room to spare."""

TELL_S = 0.5

UNITS: dict[StepKind, Unit] = {"load": "s", "prompt": "tok/s", "generation": "tok/s", "first_token": "s"}


class Measurement:
    """One run: the load's warm-ups, the other steps' warm-ups, then every step's repeats. One thread, which
    waits. `earlier` is a run of the same suite and file, which tells how long turns take."""

    def __init__(
        self,
        engine: BenchmarkEngine,
        gpu: GpuMonitor,
        suite: Suite,
        on_progress: Callable[[BenchmarkProgress], None],
        cancel: threading.Event | None,
        earlier: Report | None,
    ) -> None:
        self._engine = engine
        self._gpu = gpu
        self._suite = suite
        self._on_progress = on_progress
        self._cancel = cancel
        self._host = HostReader(self._engine_pids)
        self._conditions = Conditions(self._host)
        self._order = turn_order(suite)
        self._left = TimeLeft([step.key for step, _ in self._order], _durations_s(earlier))
        self._place = 0
        self._told_at_s = 0.0
        self._samples: dict[str, list[Sample]] = {}
        self._results: dict[str, TurnResult] = {}
        self._peak_ram_bytes = 0
        self._peak_vram_bytes: int | None = 0

    def run(self, path: Path, settings: LoadSettings) -> ModelInfo:
        """Run all turns; gives what was loaded. Raises `Cancelled` and `EngineError`."""
        turns = Turns(self._engine, path, with_room(settings), self._cancel, self._tell)
        turns.unload()
        for pid in self._engine_pids():
            reset_peak_ram(pid)
        for place, (step, repeat) in enumerate(self._order):
            self._place = place
            self._told_at_s = 0.0
            self._tell(0.0)
            start = self._conditions.begin()
            result = turns.run(step)
            sample = self._conditions.sample(start, result.value)
            self._left.finish_turn(sample.duration_s)
            self._note_memory()
            if repeat:
                self._samples.setdefault(step.key, []).append(sample)
                self._results[step.key] = result
        return turns.info

    def measures(self) -> list[Measure]:
        """What was measured, in the suite's order, then the memory."""
        found = [self._measure(step) for step in self._suite.steps]
        if self._peak_ram_bytes:
            found.append(measure_of("peak_ram", "bytes", [Sample(value=self._peak_ram_bytes)]))
        if self._peak_vram_bytes:
            found.append(measure_of("peak_vram", "bytes", [Sample(value=self._peak_vram_bytes)]))
        return found

    def read_gpu(self, wait_s: float) -> GpuReading:
        """The GPUs now, waiting that long for a fresh reading."""
        return self._gpu.poll(self._host.own_pids(), wait_s)

    def _measure(self, step: Step) -> Measure:
        result = self._results[step.key]
        return measure_of(
            step.key,
            UNITS[step.kind],
            self._samples[step.key],
            warmups=self._suite.warmups,
            prompt_tokens=result.prompt_tokens,
            generated_tokens=result.generated_tokens,
        )

    def _engine_pids(self) -> list[int]:
        pid = self._engine.state.pid
        return [] if pid is None else [pid]

    def _note_memory(self) -> None:
        """llama.cpp allocates VRAM when it loads and when a context first grows, so a reading after each turn
        finds the peak; RAM has its peak counted by the system."""
        gpu = self.read_gpu(wait_s=0.5)
        own = [card.own_vram_bytes for card in gpu.gpus]
        if any(used is None for used in own):
            self._peak_vram_bytes = None
        elif self._peak_vram_bytes is not None:
            self._peak_vram_bytes = max(self._peak_vram_bytes, sum(used or 0 for used in own))
        for pid in self._engine_pids():
            try:
                self._peak_ram_bytes = max(self._peak_ram_bytes, peak_ram_bytes(pid))
            except psutil.NoSuchProcess:
                return  # the engine died; the next turn raises its error

    def _tell(self, in_turn_s: float) -> None:
        now_s = time.monotonic()
        if now_s - self._told_at_s < TELL_S:
            return
        self._told_at_s = now_s
        step, repeat = self._order[self._place]
        self._on_progress(
            BenchmarkProgress(
                stage=step.kind,
                repeat=repeat,
                repeats=self._suite.repeats,
                fraction=self._left.fraction(in_turn_s),
                remaining_s=self._left.remaining_s(in_turn_s),
            )
        )


def turn_order(suite: Suite) -> list[tuple[Step, int]]:
    """Every turn as (step, repeat), repeat 0 being a warm-up. A load comes first, also where the suite does
    not measure it; warm-ups come early, because they tell how long the whole takes."""
    loads = [step for step in suite.steps if step.kind == "load"] or [LOAD]
    others = [step for step in suite.steps if step.kind != "load"]
    load_repeats = suite.repeats if LOAD in suite.steps else 0
    return [
        *((step, 0) for step in loads for _ in range(max(1, suite.warmups))),
        *((step, repeat) for step in loads for repeat in range(1, load_repeats + 1)),
        *((step, 0) for step in others for _ in range(suite.warmups)),
        *((step, repeat) for step in others for repeat in range(1, suite.repeats + 1)),
    ]


def with_room(settings: LoadSettings) -> LoadSettings:
    """The settings with a context that the longest step fits in; 0 leaves it to the engine."""
    if 0 < settings.context_tokens < SMALLEST_CONTEXT:
        return msgspec.structs.replace(settings, context_tokens=SMALLEST_CONTEXT)
    return settings


def _durations_s(earlier: Report | None) -> dict[str, float]:
    if earlier is None:
        return {}
    return {
        measure.key: sum(sample.duration_s for sample in measure.samples) / len(measure.samples)
        for measure in earlier.measures
    }
