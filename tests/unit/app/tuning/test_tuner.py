"""Tuning with the real engine and the starter model; one thread, because others use the machine too."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from app.base.children import child_command
from app.base.errors import Cancelled, EngineError
from app.engine.client.client import EngineClient
from app.engine.planning.load_history import LoadMemory
from app.engine.protocol import LoadSettings
from app.tuning.report import kept_report
from app.tuning.tuner import Tuner, TuningProgress
from tests.support.starter_variants import shallow_path

WAIT_S = 60
ASKED = LoadSettings(threads=1, prompt_threads=1)


class Clock:
    """Runs faster than the wall's, so that the time is over after some samples."""

    def __init__(self, factor: float) -> None:
        self._factor = factor

    def __call__(self) -> float:
        return time.monotonic() * self._factor


@pytest.fixture
def memory(tmp_path: Path) -> LoadMemory:
    return LoadMemory(tmp_path / "loads.json")


@pytest.fixture
def client(memory: LoadMemory) -> Iterator[EngineClient]:
    made = EngineClient(child_command("engine"), memory)
    yield made
    made.close()


def test_a_real_model_is_tuned_and_later_loads_use_it(client: EngineClient, memory: LoadMemory) -> None:
    told: list[TuningProgress] = []
    report = Tuner(client, memory, Clock(8)).run(Path(shallow_path()), ASKED, told.append)
    assert report.quantisation == "Q4_1"
    assert report.before.prompt_tok_per_s
    assert report.before.decode_tok_per_s
    assert report.after.turn_s
    assert report.rows
    assert report.chosen.gpu_layers == -1
    assert memory.of(shallow_path()).tuned == report.chosen
    assert kept_report(memory.of(shallow_path())) == report
    fractions = [progress.fraction for progress in told]
    assert fractions[0] == 0.0
    assert max(fractions) <= 1.0
    info = client.load(shallow_path(), LoadSettings(context_tokens=256)).future.result(WAIT_S)
    assert info.plan.threads == report.chosen.threads
    assert info.plan.batch_tokens == report.chosen.batch_tokens


def test_cancelling_keeps_nothing(client: EngineClient, memory: LoadMemory) -> None:
    cancel = threading.Event()
    measuring = threading.Event()

    def on_progress(progress: TuningProgress) -> None:
        if progress.what != "load":
            measuring.set()
            cancel.set()

    with pytest.raises(Cancelled):
        Tuner(client, memory).run(Path(shallow_path()), ASKED, on_progress, cancel)
    assert measuring.is_set()
    assert memory.of(shallow_path()).tuned is None
    # The engine is free for others at once.
    info = client.load(shallow_path(), LoadSettings(context_tokens=256)).future.result(WAIT_S)
    assert info.context_tokens == 256


def test_a_file_that_is_no_model_is_told(client: EngineClient, memory: LoadMemory, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(EngineError):
        Tuner(client, memory).run(broken, ASKED, lambda progress: None)


def test_measuring_ends_early_where_it_would_take_too_long(client: EngineClient) -> None:
    info = client.load(shallow_path(), LoadSettings(context_tokens=256, threads=1)).future.result(WAIT_S)
    plan = msgspec.structs.replace(info.plan, batch_tokens=32)
    future, _ = client.measure(plan, prompt_tokens=64, decode_tokens=5000, most_s=0.0)
    measured = future.result(WAIT_S)
    assert (measured.prompt_tokens, measured.decode_tokens) == (32, 1)
    future, _ = client.measure(plan, prompt_tokens=64, decode_tokens=2, most_s=60.0)
    measured = future.result(WAIT_S)
    assert (measured.prompt_tokens, measured.decode_tokens) == (64, 2)
    assert measured.prompt_s > 0
    assert measured.decode_s > 0
