"""Tuning the starter model on this machine, whole: `make perf`."""

from pathlib import Path

import pytest

from app.base.children import child_command
from app.engine.client.client import EngineClient
from app.engine.planning.load_history import LoadMemory
from app.engine.protocol import LoadSettings
from app.tuning.tuner import Tuner, TuningProgress
from tests.support.engines import starter_path

pytestmark = pytest.mark.perf


def test_tuning_ends_within_two_minutes_and_its_choice_is_no_slower(tmp_path: Path) -> None:
    memory = LoadMemory(tmp_path / "loads.json")
    client = EngineClient(child_command("engine"), memory)
    told: list[TuningProgress] = []
    try:
        report = Tuner(client, memory).run(Path(starter_path()), LoadSettings(), told.append)
    finally:
        client.close()
    before, after = report.before, report.after
    assert before.turn_s is not None
    assert after.turn_s is not None
    print(f"\ntuning took {report.seconds:.0f} s, {len(told)} samples; a turn {before.turn_s:.2f} s before")
    print(f"and {after.turn_s:.2f} s after ({before.turn_s / after.turn_s:.3f}); chosen: {report.chosen}")
    for row in report.rows:
        rates = row.speed.prompt_tok_per_s, row.speed.decode_tok_per_s
        print(f"{'->' if row.chosen else '  '} {row.knob:16} {row.value!s:>6} {rates} {row.why}")
    assert not any("the time was over" in str(row.why) for row in report.rows)
