"""The turns of one benchmark run in their order, and the samples they leave."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import psutil

from app.bench.results.model_work import ModelWork, model_work
from app.bench.results.report import Ceilings, Measure, NotMeasured, Report, Sample, Unit, measure_of
from app.bench.run.ceilings import CeilingsRequest, MeasuredCeilings, measure_ceilings
from app.bench.run.disturbances import Conditions
from app.bench.run.energy import EnergyMeter
from app.bench.run.order import Turn, estimates_s, too_long, turns_of, without_room
from app.bench.run.run_journal import SO_FAR, RunJournal, TurnRecord
from app.bench.run.run_progress import BenchmarkProgress
from app.bench.run.step_turn import BenchmarkEngine, TurnResult, Turns
from app.bench.run.suite import Step, StepKind, Suite
from app.bench.run.time_left import TimeLeft
from app.engine.protocol import LoadSettings, ModelInfo
from app.machine.memory_speed import BUFFER_BYTES
from app.telemetry.host import HostReader, peak_ram_bytes, reset_peak_ram
from app.telemetry.nvml import GpuReading
from app.telemetry.nvml_monitor import GpuMonitor
from converters.gguf.gguf_reader import inspect

TELL_S = 0.5

UNITS: dict[StepKind, Unit] = {
    "load": "s",
    "prompt": "tok/s",
    "generation": "tok/s",
    "reply": "tok/s",
    "first_token": "s",
    "streams": "tok/s",
}

FURTHER_UNITS: dict[str, Unit] = {
    "latency_p50": "s",
    "latency_p95": "s",
    "latency_p99": "s",
    "power": "W",
    "tok_per_j": "tok/J",
}

NO_CEILING = "It could not be measured: there was too little free memory."
NO_VRAM = "The graphics card's driver does not tell what each program holds."


class Measurement:
    """One run, or the rest of one that was ended. One thread, which waits. No model is loaded at its start.

    `earlier` is a run of the same suite and file, which tells how long turns take; `ceilings_command` starts
    the child that measures the computer. Each result is in the journal before the next turn begins.
    """

    def __init__(
        self,
        engine: BenchmarkEngine,
        gpu: GpuMonitor,
        suite: Suite,
        journal: RunJournal,
        ceilings_command: Sequence[str],
        on_progress: Callable[[BenchmarkProgress], None],
        cancel: threading.Event | None,
        earlier: Report | None,
    ) -> None:
        self._engine = engine
        self._gpu = gpu
        self._suite = suite
        self._journal = journal
        self._ceilings_command = ceilings_command
        self._on_progress = on_progress
        self._cancel = cancel
        self._host = HostReader(self._engine_pids)
        self._conditions = Conditions(self._host)
        self._records = journal.records()
        self._left_out = journal.noted("left_out", list[NotMeasured])
        self._queue = deque(turns_of(suite, self._gone(), self._records))
        self._left = TimeLeft([turn.step.key for turn in self._queue], _durations_s(earlier))
        self._warm_ups: dict[str, TurnResult] = {}
        self._warm_up_s: dict[str, float] = {}
        self._began_s = time.monotonic()
        self._told_at_s = 0.0
        self._fraction = 0.0
        self._peaks = journal.noted("peaks", dict[str, int]) or {}
        self._meter: EnergyMeter | None = None
        self.info = journal.noted("info", ModelInfo)
        self.work = journal.noted("work", ModelWork)
        self.ceilings = journal.noted("ceilings", Ceilings)

    def run(
        self,
        path: Path,
        settings: LoadSettings,
        report_now: Callable[[], Report | None] = lambda: None,
    ) -> ModelInfo:
        """Run all turns that are to do; gives what was loaded. Raises `Cancelled` and `EngineError`.

        After each result, what `report_now` gives is kept in the journal and told.
        """
        turns = Turns(self._engine, path, settings, self._journal.run_id, self._cancel, self._tell)
        try:
            for pid in self._engine_pids():
                reset_peak_ram(pid)
            while self._queue:
                if self._left_out is None and not self._queue[0].is_warm_up:
                    self._leave_out()
                    continue
                turn = self._queue[0]
                self._take(turns, turn)
                self._queue.popleft()
                if self.info is None:
                    self._know(turns.info, path)
                if not turn.is_warm_up and (so_far := report_now()) is not None:
                    self._journal.note(SO_FAR, so_far)
                    self._on_progress(self._progress(turn, 0.0, so_far))
            turns.restore(wait=True)
        finally:
            turns.restore(wait=False)
        assert self.info is not None
        return self.info

    def measures(self) -> list[Measure]:
        """List what was measured, in the suite's order, then the memory."""
        found = []
        for step in self._suite.steps:
            records = self._records_of(step)
            if not records:
                continue
            found.append(
                self._measure(step.key, UNITS[step.kind], step, records, [r.sample.value for r in records])
            )
            for key in filter(FURTHER_UNITS.get, records[0].further):
                values = [record.further[key] for record in records if key in record.further]
                found.append(self._measure(key, FURTHER_UNITS[key], step, records, values))
        for key in ("peak_ram", "peak_vram"):
            if self._peaks.get(key):
                found.append(measure_of(key, "bytes", [Sample(value=self._peaks[key])]))
        return found

    def not_measured(self) -> list[NotMeasured]:
        """List what this run does not have, and why."""
        found = list(self._left_out or ())
        meter = self._energy_meter() if self._suite.ceilings else None
        if meter is not None and meter.why_not is not None:
            found += [msgspec.structs.replace(meter.why_not, key=key) for key in ("power", "tok_per_j")]
        if self.ceilings is not None and not self.ceilings.memory_bytes_per_s:
            found.append(NotMeasured(key="memory_bytes_per_s", reason=NO_CEILING))
        if self.info is not None and self.info.gpu_layers and not self._peaks.get("peak_vram"):
            found.append(NotMeasured(key="peak_vram", reason=NO_VRAM))
        return found

    def read_gpu(self, wait_s: float = 0.5) -> GpuReading:
        """The GPUs now, waiting that long for a fresh reading."""
        return self._gpu.poll(self._host.own_pids(), wait_s)

    def _take(self, turns: Turns, turn: Turn) -> None:
        self._told_at_s = 0.0
        self._tell(0.0)
        measures_energy = turn.step.kind == "generation" and not turn.step.depth and not turn.is_warm_up
        meter = self._energy_meter() if measures_energy else None
        energy_start = meter.begin() if meter is not None else None
        start = self._conditions.begin()
        result = turns.run(turn)
        energy = meter.end(energy_start) if meter is not None and energy_start is not None else None
        gpu = self.read_gpu()
        sample = self._conditions.sample(
            start, result.value, gpu_throttled=any(card.throttled for card in gpu.gpus)
        )
        self._left.finish_turn(sample.duration_s)
        self._note_memory(gpu)
        if turn.is_warm_up:
            self._warm_ups[turn.step.key] = result
            self._warm_up_s[turn.step.key] = sample.duration_s
            return
        further = dict(result.further) if self._suite.ceilings else {}
        if energy is not None and energy.joules > 0:
            further["power"] = energy.joules / energy.seconds
            further["tok_per_j"] = result.generated_tokens / energy.joules
        record = TurnRecord(
            sample=sample,
            prompt_tokens=result.prompt_tokens,
            generated_tokens=result.generated_tokens,
            further=further,
        )
        self._journal.add(turn.step.key, turn.repeat, record)
        self._records[turn.step.key, turn.repeat] = record

    def _energy_meter(self) -> EnergyMeter | None:
        """Made when it is known what computes."""
        if self._meter is None and self.info is not None:
            self._meter = EnergyMeter(self.read_gpu, uses_gpu=self.info.gpu_layers > 0)
        return self._meter

    def _know(self, info: ModelInfo, path: Path) -> None:
        """Note what was loaded, and measure the computer with as many threads."""
        self.info = info
        self._journal.note("info", info)
        if not self._suite.ceilings:
            return
        self.work = model_work(inspect(path), info.kv_type)
        self._journal.note("work", self.work)
        if self.work is not None and self.ceilings is None:
            self.ceilings = self._measure_ceilings(info, self.work)
            self._journal.note("ceilings", self.ceilings)

    def _measure_ceilings(self, info: ModelInfo, work: ModelWork) -> Ceilings:
        def tell(elapsed_s: float) -> None:
            self._on_progress(BenchmarkProgress("ceilings", 0, self._suite.repeats, self._fraction, None))

        tell(0.0)
        request = CeilingsRequest(
            threads=info.threads,
            working_set_bytes=min(work.weight_bytes, BUFFER_BYTES),
            type_number=work.main_type_number,
            device_kind="gpu" if info.gpu_layers > info.layers else "cpu",
        )
        measured = measure_ceilings(self._ceilings_command, request, self._cancel, tell)
        return ceilings_of(request, measured, work)

    def _leave_out(self) -> None:
        """The warm-ups have told how fast the model is: leave out what does not fit or takes too long."""
        assert self.info is not None
        no_room = without_room(self._suite, self.info.context_tokens)
        gone = [item.key for item in no_room]
        prompts = [result for key, result in self._warm_ups.items() if self._suite_kind(key) == "prompt"]
        replies = [result for key, result in self._warm_ups.items() if self._suite_kind(key) == "generation"]
        expected_s: dict[str, float] = {}
        if prompts and replies:
            longest = max(prompts, key=lambda result: result.prompt_tokens)
            expected_s = estimates_s(self._suite, longest.value, replies[0].value)
        expected_s |= self._warm_up_s
        slow = too_long(self._suite, gone, expected_s, sum(self._warm_up_s.values()))
        self._left_out = [*no_room, *slow]
        self._journal.note("left_out", self._left_out)
        left_out = self._gone()
        self._queue = deque(turn for turn in self._queue if turn.step.key not in left_out)
        self._left.replan([turn.step.key for turn in self._queue], expected_s)

    def _suite_kind(self, key: str) -> StepKind:
        return next((step.kind for step in self._suite.steps if step.key == key), "load")

    def _gone(self) -> set[str]:
        return {item.key for item in self._left_out or ()}

    def _records_of(self, step: Step) -> list[TurnRecord]:
        return [
            self._records[step.key, repeat]
            for repeat in range(1, self._suite.repeats + 1)
            if (step.key, repeat) in self._records
        ]

    @staticmethod
    def _measure(key: str, unit: Unit, step: Step, records: list[TurnRecord], values: list[float]) -> Measure:
        return measure_of(
            key,
            unit,
            [
                msgspec.structs.replace(record.sample, value=value)
                for record, value in zip(records, values, strict=True)
            ],
            warmups=step.warm_ups,
            prompt_tokens=records[0].prompt_tokens,
            generated_tokens=records[0].generated_tokens,
            depth_tokens=step.depth,
            streams=step.streams,
        )

    def _engine_pids(self) -> list[int]:
        pid = self._engine.state.pid
        return [] if pid is None else [pid]

    def _note_memory(self, gpu: GpuReading) -> None:
        """llama.cpp allocates VRAM when it loads and when a context first grows, so a reading after each turn
        finds the peak; RAM has its peak counted by the system."""
        before = dict(self._peaks)
        own = [card.own_vram_bytes for card in gpu.gpus if card.own_vram_bytes is not None]
        if own and len(own) == len(gpu.gpus):
            self._peaks["peak_vram"] = max(self._peaks.get("peak_vram", 0), sum(own))
        for pid in self._engine_pids():
            try:
                self._peaks["peak_ram"] = max(self._peaks.get("peak_ram", 0), peak_ram_bytes(pid))
            except psutil.NoSuchProcess:
                return  # the engine died; the next turn raises its error
        if self._peaks != before:
            self._journal.note("peaks", self._peaks)

    def _tell(self, in_turn_s: float) -> None:
        now_s = time.monotonic()
        if not self._queue or now_s - self._told_at_s < TELL_S:
            return
        self._told_at_s = now_s
        self._on_progress(self._progress(self._queue[0], in_turn_s))

    def _progress(self, turn: Turn, in_turn_s: float, so_far: Report | None = None) -> BenchmarkProgress:
        # A turn that takes longer than the one before makes the whole longer; the bar waits for it.
        self._fraction = max(self._fraction, self._left.fraction(in_turn_s))
        remaining_s = self._left.remaining_s(in_turn_s)
        if remaining_s is None and self._suite.budget_s is not None:
            # Once the warm-ups have told more, steps are left out that go beyond it.
            remaining_s = max(1.0, self._suite.budget_s - (time.monotonic() - self._began_s))
        return BenchmarkProgress(
            stage=turn.step.kind,
            repeat=turn.repeat,
            repeats=self._suite.repeats,
            fraction=self._fraction,
            remaining_s=remaining_s,
            key=turn.step.key,
            so_far=so_far,
        )


def ceilings_of(request: CeilingsRequest, measured: MeasuredCeilings, work: ModelWork) -> Ceilings:
    """As a report holds them."""
    return Ceilings(
        threads=request.threads,
        memory_one_thread_bytes_per_s=measured.one_thread_bytes_per_s,
        # More threads or less memory to read are never slower by themselves, only more disturbed.
        memory_bytes_per_s=max(measured.all_threads_bytes_per_s, measured.one_thread_bytes_per_s),
        working_set_bytes=request.working_set_bytes,
        working_set_bytes_per_s=max(
            measured.working_set_bytes_per_s,
            measured.all_threads_bytes_per_s,
            measured.one_thread_bytes_per_s,
        ),
        weight_type=work.main_type,
        flop_per_s=measured.flop_per_s,
        device=request.device_kind,
    )


def _durations_s(earlier: Report | None) -> dict[str, float]:
    if earlier is None:
        return {}
    return {
        measure.key: sum(sample.duration_s for sample in measure.samples) / len(measure.samples)
        for measure in earlier.measures
    }
