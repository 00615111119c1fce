"""The order of a run, its progress and its cancel, on an engine with a chosen schedule.

The engine here is a fake: only it can stand still at a chosen moment. `test_runner.py` has the real one.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest

from app.base.errors import Cancelled, StillroomError
from app.bench.results.history import BenchmarkHistory
from app.bench.results.report import Report
from app.bench.run.run_progress import BenchmarkProgress
from app.bench.run.runner import BenchmarkRunner
from app.bench.run.step_turn import alone
from app.bench.run.suite import FIRST_TOKEN, LOAD, REPLY, Step, Suite
from app.engine.protocol import (
    Finished,
    Generate,
    GenerationStats,
    LoadSettings,
    Measured,
    ModelInfo,
    Part,
)
from app.engine.protocol.engine_state import EngineState
from app.engine.protocol.pending_results import Generation, LoadHandle
from app.machine.hardware import look_at_machine
from app.telemetry.nvml import GpuReading, GpuSample
from app.telemetry.nvml_monitor import GpuMonitor

BOS = 1

SMALL = Suite(
    name="small",
    steps=(
        LOAD,
        Step(key="pp512", kind="prompt", tokens=512),
        Step(key="tg128", kind="generation", tokens=128),
        FIRST_TOKEN,
        REPLY,
    ),
)
"""Every run has this; without ceilings, whose child would measure this computer."""


def done(value):  # type: ignore[no-untyped-def]  # a future of whatever it is given
    future = Future()
    future.set_result(value)
    return future


class FakeEngine:
    """Answers at once, except from the call number `hang_at` on, which never ends."""

    def __init__(self, hang_at: int | None = None, short: bool = False) -> None:
        self.calls: list[tuple[str, object]] = []
        self.replies = 0
        self.cancelled = 0
        self.hang_at = hang_at
        self.short = short
        self.state = EngineState("loaded", os.getpid(), "0.3.36", "fake")

    def load(self, path: str, settings: LoadSettings) -> LoadHandle:
        self.calls.append(("load", settings))
        if self._hangs():
            return LoadHandle(Future(), lambda: None)
        info = ModelInfo(
            path=path,
            name="Fake",
            architecture="llama",
            quantisation="Q4_1",
            parameters=1000,
            size_bytes=100,
            layers=2,
            gpu_layers=0,
            context_tokens=4096,
            context_limit=8192,
            vocabulary=500,
            threads=2,
            batch_tokens=512,
            kv_type="f16",
            backend="CPU",
            chat_template="",
            bos_text="<s>",
            eos_text="</s>",
            adds_bos=True,
            load_s=0.5,
            buffers={},
            plan=settings,
        )
        return LoadHandle(done(info), lambda: None)

    def unload(self) -> Future[None]:
        self.calls.append(("unload", None))
        return done(None)

    def tokenize(self, parts: Sequence[Part]) -> Future[list[int]]:
        return done([BOS])

    def ask(self, request: Generate) -> Generation:
        tokens, max_tokens = request.tokens, request.max_tokens
        assert request.sampling.temperature == 0
        assert (request.thinking, request.ignore_eog) == ("off", True)
        self.calls.append(("generate", (tokens, request.parts, max_tokens)))
        if self._hangs():
            self.replies += 1
            return Generation(Future(), self._cancel, self._cancel)
        completion = max_tokens - 1 if self.short and max_tokens > 1 else max_tokens
        stats = GenerationStats(
            prompt_tokens=len(tokens) if tokens is not None else 450,
            completion_tokens=completion,
            thinking_tokens=0,
            ttft_s=0.25,
            prompt_s=0.2,
            decode_s=1.0,
            thinking_s=0.0,
            prompt_tok_per_s=1000.0,
            decode_tok_per_s=50.0 + len(self.calls) / 100,
            context_tokens_used=0,
            seed=0,
            token_s=[0.01 * (number + 1) for number in range(completion - 1)] if request.token_times else [],
        )
        return Generation(
            done(Finished(request_id=1, reason="length", stats=stats)), self._cancel, self._cancel
        )

    def measure(
        self,
        settings: LoadSettings,
        *,
        prompt_tokens: int = 0,
        decode_tokens: int = 0,
        depth_tokens: int = 0,
        in_place: bool = False,
    ) -> tuple[Future[Measured], Callable[[], None]]:
        assert in_place
        self.calls.append(("measure", (settings, prompt_tokens, decode_tokens, depth_tokens)))
        if self._hangs():
            self.replies += 1
            return Future(), self._cancel
        measured = Measured(
            request_id=1,
            prompt_tokens=prompt_tokens,
            decode_tokens=decode_tokens,
            prompt_s=prompt_tokens / 1000.0,
            decode_s=decode_tokens / (50.0 + len(self.calls) / 100),
        )
        return done(measured), self._cancel

    def _cancel(self) -> None:
        self.cancelled += 1

    def _hangs(self) -> bool:
        return self.hang_at is not None and len(self.calls) >= self.hang_at


class OneCard:
    """A fake GPU reader: this machine may have no card."""

    def read(self, own_pids: frozenset[int]) -> GpuReading:
        return GpuReading("ok", (GpuSample(0, "Fake GPU", 6 << 30, 12 << 30, 5 << 30, 50, 60, 100.0),), "580")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def history(tmp_path: Path) -> Iterator[BenchmarkHistory]:
    history = BenchmarkHistory(tmp_path / "benchmarks.sqlite3")
    yield history
    history.close()


@pytest.fixture
def gpu() -> Iterator[GpuMonitor]:
    monitor = GpuMonitor(OneCard)
    yield monitor
    monitor.close()


def runner(engine: FakeEngine, history: BenchmarkHistory, gpu: GpuMonitor, folder: Path) -> BenchmarkRunner:
    return BenchmarkRunner(engine, history, lambda: look_at_machine(folder, ()), gpu, ["false"])


def test_the_same_sizes_as_llama_bench_and_a_reply_as_a_chat_gets_it(
    model: Path, history: BenchmarkHistory, gpu: GpuMonitor, tmp_path: Path
) -> None:
    engine = FakeEngine()
    settings = LoadSettings(context_tokens=4096, threads=2)
    report = runner(engine, history, gpu, tmp_path).run(model, settings, SMALL, lambda told: None)
    measured = [call[1] for call in engine.calls if call[0] == "measure"]
    assert (
        sorted(measured, key=str) == [(alone(settings), 0, 128, 0)] * 4 + [(alone(settings), 512, 0, 0)] * 4
    )
    asked = [call[1] for call in engine.calls if call[0] == "generate"]
    replies = [(tokens, most) for tokens, _, most in asked if most > 1]  # type: ignore[misc]  # what `ask` notes
    assert replies == [([BOS], 129)] * 3
    assert report.prompt is not None
    assert report.prompt.mean == pytest.approx(1000.0)


def test_the_report_has_every_figure_and_is_kept(
    model: Path, history: BenchmarkHistory, gpu: GpuMonitor, tmp_path: Path
) -> None:
    settings = LoadSettings(threads=2)
    report = runner(FakeEngine(), history, gpu, tmp_path).run(model, settings, SMALL, lambda told: None)
    assert [measure.key for measure in report.measures] == [
        "load",
        "pp512",
        "tg128",
        "first_token",
        "reply128",
        "peak_ram",
        "peak_vram",
    ]
    assert [len(measure.samples) for measure in report.measures] == [3, 3, 3, 3, 3, 1, 1]
    assert report.generation is not None
    assert (report.generation.generated_tokens, report.generation.warmups) == (128, 1)
    vram = report.measure("peak_vram")
    assert vram is not None
    assert vram.mean == 5 << 30
    assert report.engine.asked == settings
    assert report.model.file == "model.gguf"
    assert str(tmp_path) not in str(report)
    assert history.reports() == [report]


def test_a_second_run_knows_its_time_from_the_start_and_reads_no_hash(
    model: Path, history: BenchmarkHistory, gpu: GpuMonitor, tmp_path: Path
) -> None:
    told: list[BenchmarkProgress] = []
    benchmark = runner(FakeEngine(), history, gpu, tmp_path)
    benchmark.run(model, LoadSettings(), SMALL, told.append)
    assert told[0].stage == "identify"
    assert told[1].remaining_s is None
    told.clear()
    benchmark.run(model, LoadSettings(), SMALL, told.append)
    assert told[0].stage == "load"
    assert all(progress.remaining_s is not None for progress in told)
    assert [progress.fraction for progress in told] == sorted(progress.fraction for progress in told)


def test_what_is_measured_is_told_after_each_turn_and_before_the_next(
    model: Path, history: BenchmarkHistory, gpu: GpuMonitor, tmp_path: Path
) -> None:
    engine = FakeEngine()
    told: list[tuple[int, dict[str, int]]] = []

    def on_progress(progress: BenchmarkProgress) -> None:
        if progress.so_far is not None:
            repeats = {measure.key: len(measure.samples) for measure in progress.so_far.measures}
            told.append((len(engine.calls), repeats))

    report = runner(engine, history, gpu, tmp_path).run(model, LoadSettings(), SMALL, on_progress)
    assert len(told) == sum(len(m.samples) for m in report.measures if not m.key.startswith("peak"))
    assert told[0][1] == {"load": 1, "peak_ram": 1, "peak_vram": 1}
    calls = [count for count, _ in told]
    assert calls == sorted(set(calls))
    assert told[-1][1] == {measure.key: len(measure.samples) for measure in report.measures}


def test_what_a_cancelled_run_has_measured_is_there_after_a_restart(
    model: Path, history: BenchmarkHistory, gpu: GpuMonitor, tmp_path: Path
) -> None:
    engine, cancel = FakeEngine(hang_at=14), threading.Event()
    last: list[Report] = []

    def on_progress(progress: BenchmarkProgress) -> None:
        if progress.so_far is not None:
            last.append(progress.so_far)
        if len(engine.calls) >= 14:
            cancel.set()

    with pytest.raises(Cancelled):
        runner(engine, history, gpu, tmp_path).run(model, LoadSettings(), SMALL, on_progress, cancel)
    assert len(last) > 1
    again = runner(FakeEngine(), history, gpu, tmp_path)
    found = again.unfinished(model, SMALL, LoadSettings())
    assert found is not None
    assert found.so_far == last[-1]
    assert found.done == sum(len(m.samples) for m in last[-1].measures if not m.key.startswith("peak"))
    report = again.run(model, LoadSettings(), SMALL, lambda told: None)
    assert report.id == found.id
    assert again.unfinished(model, SMALL, LoadSettings()) is None


@pytest.mark.parametrize("hang_at", [2, 6, 9])
def test_cancel_answers_at_once_and_keeps_nothing(
    hang_at: int, model: Path, history: BenchmarkHistory, gpu: GpuMonitor, tmp_path: Path
) -> None:
    engine = FakeEngine(hang_at)
    cancel = threading.Event()

    def on_progress(progress: BenchmarkProgress) -> None:
        if len(engine.calls) >= hang_at:
            cancel.set()

    with pytest.raises(Cancelled):
        runner(engine, history, gpu, tmp_path).run(model, LoadSettings(), SMALL, on_progress, cancel)
    assert history.reports() == []
    assert engine.cancelled == engine.replies


def test_a_reply_that_ends_early_is_no_measurement(
    model: Path, history: BenchmarkHistory, gpu: GpuMonitor, tmp_path: Path
) -> None:
    with pytest.raises(StillroomError, match="ended after 128 of 129 tokens"):
        runner(FakeEngine(short=True), history, gpu, tmp_path).run(
            model, LoadSettings(), SMALL, lambda told: None
        )


def test_a_missing_file_is_told_before_anything_is_unloaded(
    history: BenchmarkHistory, gpu: GpuMonitor, tmp_path: Path
) -> None:
    engine = FakeEngine()
    with pytest.raises(StillroomError, match="could not be read"):
        runner(engine, history, gpu, tmp_path).run(
            tmp_path / "gone.gguf", LoadSettings(), SMALL, lambda told: None
        )
    assert engine.calls == []


def test_a_small_context_is_made_large_enough() -> None:
    assert alone(LoadSettings(context_tokens=256)).context_tokens == 1024
    assert alone(LoadSettings(context_tokens=0)).context_tokens == 0
    assert alone(LoadSettings(context_tokens=8192)).context_tokens == 8192


class TurnEngine(FakeEngine):
    """Cancels after so many answers: what was measured until then is on the disk."""

    def __init__(self, cancel: threading.Event, after: int) -> None:
        super().__init__()
        self._cancel_event = cancel
        self._after = after

    def ask(self, request: Generate) -> Generation:
        reply = super().ask(request)
        if len(self.calls) >= self._after:
            self._cancel_event.set()
            return Generation(Future(), lambda: None, lambda: None)
        return reply


def test_a_cancelled_run_goes_on_without_a_turn_twice(
    model: Path, history: BenchmarkHistory, gpu: GpuMonitor, tmp_path: Path
) -> None:
    cancel = threading.Event()
    first = TurnEngine(cancel, 14)
    with pytest.raises(Cancelled):
        runner(first, history, gpu, tmp_path).run(model, LoadSettings(), SMALL, lambda told: None, cancel)
    found = runner(first, history, gpu, tmp_path).unfinished(model, SMALL, LoadSettings())
    assert found is not None
    assert 0 < found.done < 15
    told: list[BenchmarkProgress] = []
    second = FakeEngine()
    report = runner(second, history, gpu, tmp_path).run(model, LoadSettings(), SMALL, told.append)
    turns = {(progress.key, progress.repeat) for progress in told if progress.repeat}
    assert len(turns) == 15 - found.done
    assert all(len(m.samples) == 3 for m in report.measures if not m.key.startswith("peak"))
    assert report.interruptions == 1
    assert runner(second, history, gpu, tmp_path).unfinished(model, SMALL, LoadSettings()) is None


def test_other_settings_do_not_go_on(
    model: Path, history: BenchmarkHistory, gpu: GpuMonitor, tmp_path: Path
) -> None:
    cancel = threading.Event()
    with pytest.raises(Cancelled):
        runner(TurnEngine(cancel, 14), history, gpu, tmp_path).run(
            model, LoadSettings(), SMALL, lambda told: None, cancel
        )
    other = LoadSettings(threads=1)
    assert runner(FakeEngine(), history, gpu, tmp_path).unfinished(model, SMALL, other) is None
    report = runner(FakeEngine(), history, gpu, tmp_path).run(model, other, SMALL, lambda told: None)
    assert report.interruptions == 0


def test_replies_at_once_are_asked_for_together_and_the_model_is_loaded_back(
    model: Path, history: BenchmarkHistory, gpu: GpuMonitor, tmp_path: Path
) -> None:
    suite = Suite(
        name="streams", steps=(LOAD, Step(key="tg4x2", kind="streams", tokens=4, streams=2)), repeats=2
    )
    engine = FakeEngine()
    settings = LoadSettings(context_tokens=2048, threads=2)
    report = runner(engine, history, gpu, tmp_path).run(model, settings, suite, lambda told: None)
    loads = [call[1] for call in engine.calls if call[0] == "load"]
    assert [load.sequences for load in loads] == [1, 1, 1, 8, 0]  # type: ignore[attr-defined]  # settings
    assert loads[-1] == settings
    assert len([call for call in engine.calls if call[0] == "generate"]) == 2 * 3
    measure = report.measure("tg4x2")
    assert measure is not None
    assert (measure.streams, measure.generated_tokens) == (2, 4)
    assert measure.mean == pytest.approx(2 * 4 / 1.0)


def test_a_generation_at_a_depth_goes_on_from_the_prompt_before_it(
    model: Path, history: BenchmarkHistory, gpu: GpuMonitor, tmp_path: Path
) -> None:
    suite = Suite(
        name="depth",
        steps=(
            Step(key="pp64", kind="prompt", tokens=64),
            Step(key="tg8@64", kind="generation", tokens=8, depth=64, warm_ups=0),
        ),
        repeats=2,
    )
    engine = FakeEngine()
    report = runner(engine, history, gpu, tmp_path).run(model, LoadSettings(), suite, lambda told: None)
    measured = [call[1] for call in engine.calls if call[0] == "measure"]
    prompt, deep = (alone(LoadSettings()), 64, 0, 0), (alone(LoadSettings()), 0, 8, 64)
    assert measured == [prompt, prompt, deep, prompt, deep]
    found = report.measure("tg8@64")
    assert found is not None
    assert (found.generated_tokens, found.depth_tokens) == (8, 64)


def test_what_does_not_fit_is_told(
    model: Path, history: BenchmarkHistory, gpu: GpuMonitor, tmp_path: Path
) -> None:
    suite = Suite(
        name="far",
        steps=(
            Step(key="tg4", kind="generation", tokens=4),
            Step(key="pp9000", kind="prompt", tokens=9000, warm_ups=0, optional=True),
        ),
    )
    report = runner(FakeEngine(), history, gpu, tmp_path).run(model, LoadSettings(), suite, lambda told: None)
    assert [item.key for item in report.not_measured] == ["pp9000"]
    assert report.measure("pp9000") is None
