"""Golden answers of the real starter model: the same file again, and one with a tensor that was changed."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.base.children import child_command
from app.base.errors import Cancelled
from app.bench.drift.checker import DriftChecker, DriftProgress
from app.bench.drift.golden import Question
from app.bench.drift.store import DriftStore
from app.bench.results.history import BenchmarkHistory
from app.engine.client.client import EngineClient
from app.engine.protocol import LoadSettings
from app.machine.hardware import look_at_machine
from app.suites.model_prompts import renderer
from app.telemetry.nvml_monitor import GpuMonitor
from tests.support.engines import starter_path
from tests.support.perturbed import perturbed_copy
from tests.support.templates import chat_templates

SETTINGS = LoadSettings(context_tokens=512, threads=1)
QUESTIONS = [
    Question(id="planets", text="Name the planets of the solar system.", most_tokens=8),
    Question(id="sky", text="Why is the sky blue?", most_tokens=8),
]


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineClient]:
    client = EngineClient(child_command("engine"))
    client.start()
    yield client
    client.close()


@pytest.fixture
def checker(engine: EngineClient, tmp_path: Path) -> Iterator[DriftChecker]:
    gpu = GpuMonitor()
    store = DriftStore(tmp_path / "drift.sqlite3")
    history = BenchmarkHistory(tmp_path / "benchmarks.sqlite3")
    yield DriftChecker(
        engine,
        store,
        history,
        renderer(chat_templates()),
        lambda: look_at_machine(tmp_path, ()),
        gpu,
        QUESTIONS,
    )
    history.close()
    store.close()
    gpu.close()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return Path(shutil.copy(starter_path(), folder / "model.gguf"))


def test_a_changed_tensor_is_caught_and_a_reload_is_not(
    checker: DriftChecker, model: Path, tmp_path: Path
) -> None:
    told: list[DriftProgress] = []
    first = checker.load_and_check(model, SETTINGS, told.append)
    assert first.is_first
    assert told[-1] == DriftProgress(4, 4)
    again = checker.load_and_check(model, SETTINGS, told.append)
    assert (again.is_first, again.answers, again.items[0].first_difference) == (False, "same", None)
    assert [item.logprob_change for item in again.items] == [0.0, 0.0]

    (tmp_path / "other").mkdir()
    shutil.move(perturbed_copy(model, tmp_path / "other"), model)
    moved = checker.load_and_check(model, SETTINGS, told.append)
    assert moved.answers != "same"
    assert moved.last_same == again.started_at
    assert moved.since == moved.started_at
    assert "sha256" in [difference.field for difference in moved.differences]
    newest = checker.newest(str(model))
    assert newest == moved


def test_a_check_is_due_when_something_has_changed(
    checker: DriftChecker, engine: EngineClient, model: Path
) -> None:
    info = engine.load(str(model), SETTINGS).future.result()
    assert not checker.is_due(info)
    checker.check(info, lambda _: None)
    assert not checker.is_due(info)
    with model.open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([last[0] ^ 1]))
    assert checker.is_due(info)


def test_cancelling_keeps_nothing(checker: DriftChecker, engine: EngineClient, model: Path) -> None:
    info = engine.load(str(model), SETTINGS).future.result()
    cancel = threading.Event()

    def cancel_at_once(progress: DriftProgress) -> None:
        if progress.done:
            cancel.set()

    with pytest.raises(Cancelled):
        checker.check(info, cancel_at_once, cancel)
    assert checker.newest(str(model)) is None
