"""A whole run on the real engine with the starter model; small steps, so that it takes seconds."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.base.children import child_command
from app.base.errors import EngineError
from app.bench.results.history import BenchmarkHistory
from app.bench.results.report import report_from_json, report_to_json
from app.bench.run.run_progress import BenchmarkProgress
from app.bench.run.runner import BenchmarkRunner
from app.bench.run.suite import FIRST_TOKEN, LOAD, Step, Suite
from app.engine.client.client import EngineClient
from app.engine.protocol import LoadSettings
from app.machine.hardware import look_at_machine
from app.telemetry.nvml_monitor import GpuMonitor
from models.catalogue.starter import starter_file
from tests.support.starter_variants import shallow_path
from tests.support.waiting import wait_until

SMALL = Suite(
    name="small",
    steps=(
        LOAD,
        Step(key="pp64", kind="prompt", tokens=64),
        Step(key="tg8", kind="generation", tokens=8),
        FIRST_TOKEN,
    ),
    repeats=2,
)


@pytest.fixture
def engine() -> Iterator[EngineClient]:
    client = EngineClient(child_command("engine"))
    client.start()
    yield client
    client.close()


@pytest.fixture
def history(tmp_path: Path) -> Iterator[BenchmarkHistory]:
    history = BenchmarkHistory(tmp_path / "benchmarks.sqlite3")
    yield history
    history.close()


@pytest.fixture
def runner(engine: EngineClient, history: BenchmarkHistory, tmp_path: Path) -> Iterator[BenchmarkRunner]:
    gpu = GpuMonitor()
    yield BenchmarkRunner(
        engine, history, lambda: look_at_machine(tmp_path, ()), gpu, child_command("ceilings")
    )
    gpu.close()


def test_measures_the_starter_model(runner: BenchmarkRunner, history: BenchmarkHistory) -> None:
    model = starter_file()
    if model is None:
        pytest.skip("the starter extra is not installed")
    told: list[BenchmarkProgress] = []
    settings = LoadSettings(threads=1, context_tokens=1024)
    report = runner.run(model, settings, SMALL, told.append)
    prompt, generation, first_token = report.prompt, report.generation, report.measure("first_token")
    assert prompt is not None
    assert generation is not None
    assert first_token is not None
    assert (prompt.prompt_tokens, generation.prompt_tokens, generation.generated_tokens) == (64, 0, 8)
    assert 300 < first_token.prompt_tokens < 600
    assert all(value > 0 for measure in report.measures for value in measure.values)
    memory = report.measure("peak_ram")
    assert memory is not None
    assert memory.mean > model.stat().st_size / 2
    assert (report.engine.backend, report.engine.threads, report.model.quantisation) == ("CPU", 1, "Q4_1")
    assert told[0].stage == "identify"
    assert report_from_json(report_to_json(report)) == report
    assert history.reports() == [report]


def test_a_whole_run_has_limits_latency_and_replies_at_once(runner: BenchmarkRunner) -> None:
    model = Path(shallow_path())
    suite = Suite(
        name="whole",
        steps=(
            Step(key="pp32", kind="prompt", tokens=32),
            Step(key="tg8", kind="generation", tokens=8),
            Step(key="reply8", kind="reply", tokens=8, warm_ups=0),
            Step(key="tg8@32", kind="generation", tokens=8, depth=32, warm_ups=0),
            Step(key="tg4x2", kind="streams", tokens=4, streams=2),
        ),
        repeats=2,
        ceilings=True,
    )
    told: list[BenchmarkProgress] = []
    report = runner.run(model, LoadSettings(threads=1, context_tokens=1024), suite, told.append)
    latency = [report.measure(f"latency_p{share}") for share in (50, 95, 99)]
    means = [measure.mean for measure in latency if measure is not None]
    assert len(means) == 3
    assert 0 < means[0] <= means[1] <= means[2]
    reply = report.measure("reply8")
    assert reply is not None
    # The median of the gaps is the time of a token.
    assert means[0] == pytest.approx(1 / reply.mean, rel=0.9)
    deep, together = report.measure("tg8@32"), report.measure("tg4x2")
    assert deep is not None
    assert together is not None
    assert (deep.depth_tokens, together.streams) == (32, 2)
    assert report.ceilings is not None
    assert report.ceilings.weight_type == "Q4_1"
    assert {limit.key for limit in report.limits} == {"pp32", "tg8", "reply8", "tg8@32", "tg4x2"}
    assert all(limit.share > 0 for limit in report.limits)
    assert report.model.work is not None
    assert report.machine.features
    assert "ceilings" in {progress.stage for progress in told}
    energy = report.measure("tok_per_j")
    missing = {item.key for item in report.not_measured}
    assert missing & {"power", "tok_per_j"} == (set() if energy is not None else {"power", "tok_per_j"})


def test_a_run_goes_on_where_the_engine_is_killed_between_two_turns(
    engine: EngineClient, runner: BenchmarkRunner
) -> None:
    suite = Suite(
        name="killed", steps=(Step(key="tg8", kind="generation", tokens=8),), repeats=1, ceilings=True
    )
    killed: list[int] = []

    def kill(progress: BenchmarkProgress) -> None:
        pid = engine.state.pid
        if progress.stage == "ceilings" and not killed and pid is not None:
            killed.append(pid)
            psutil.Process(pid).kill()
            wait_until(lambda: engine.state.pid not in (None, pid))

    report = runner.run(Path(shallow_path()), LoadSettings(threads=1, context_tokens=1024), suite, kill)
    assert killed
    assert report.generation is not None


def test_an_engine_that_cannot_load_ends_the_run_with_its_reason(
    runner: BenchmarkRunner, history: BenchmarkHistory, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(60))
    with pytest.raises(EngineError):
        runner.run(broken, LoadSettings(), SMALL, lambda told: None)
    assert history.reports() == []
