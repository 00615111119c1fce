"""The golden answers of the real starter model: the same over many loads, and caught when a tensor changes.

`STILLROOM_DRIFT_RELOADS` is how often the file is loaded again (20).
"""

import os
import shutil
from pathlib import Path

import pytest

from app.base.children import child_command
from app.bench.drift.checker import DriftChecker
from app.bench.drift.store import DriftStore
from app.bench.results.history import BenchmarkHistory
from app.engine.client.client import EngineClient
from app.engine.protocol import LoadSettings
from app.machine.hardware import look_at_machine
from app.suites.model_prompts import renderer
from app.telemetry.nvml_monitor import GpuMonitor
from models.catalogue.starter import starter_file
from tests.support.perturbed import perturbed_copy
from tests.support.templates import chat_templates

RELOADS = int(os.environ.get("STILLROOM_DRIFT_RELOADS", "20"))
TENSORS = ("blk.0.attn_q.weight", "blk.12.ffn_down.weight", "blk.29.attn_v.weight")

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]


def test_reloads_are_the_same_and_one_changed_tensor_is_not(tmp_path: Path) -> None:
    starter = starter_file()
    if starter is None:
        pytest.skip("the starter extra is not installed")
    model = Path(shutil.copy(starter, tmp_path / "model.gguf"))
    engine = EngineClient(child_command("engine"))
    engine.start()
    gpu = GpuMonitor()
    store, history = DriftStore(tmp_path / "drift.sqlite3"), BenchmarkHistory(tmp_path / "bench.sqlite3")
    checker = DriftChecker(
        engine, store, history, renderer(chat_templates()), lambda: look_at_machine(tmp_path, ()), gpu
    )
    settings = LoadSettings(context_tokens=2048)
    try:
        assert checker.load_and_check(model, settings, lambda _: None).is_first
        speeds = []
        for _ in range(RELOADS):
            engine.unload().result()
            report = checker.load_and_check(model, settings, lambda _: None)
            assert report.answers == "same"
            assert [item.first_difference for item in report.items] == [None] * len(report.items)
            speeds.append((report.speed, round(report.decode_change_percent, 1)))
        print(f"\n{RELOADS} loads, the same answers each time; speeds against the first: {speeds}")
        for tensor in TENSORS:
            other = tmp_path / tensor
            other.mkdir()
            shutil.move(perturbed_copy(Path(starter), other, tensor), model)
            report = checker.load_and_check(model, settings, lambda _: None)
            changes = [item.logprob_change for item in report.items]
            moved = len(report.moved_items)
            print(f"{tensor}: {report.answers}, {moved} other answers, up to {max(changes):.3f} nats")
            assert report.answers != "same"
            assert report.since
    finally:
        engine.close()
        gpu.close()
        store.close()
        history.close()
