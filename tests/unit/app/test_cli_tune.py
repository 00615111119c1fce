"""`stillroom tune`; what the measuring finds is made up here, tests/perf measures."""

import json
import threading
from collections.abc import Callable
from functools import partialmethod
from pathlib import Path

import msgspec
import pytest

from app import cli
from app.bootstrap import build_core
from app.engine.planning.load_history import LoadMemory, Tuned
from app.engine.protocol import LoadNotice, LoadSettings
from app.settings import LoadChoice
from app.tuning.report import Speed, TuningReport, TuningRow
from app.tuning.tuner import Tuner, TuningProgress
from models.catalogue.starter import starter_file

TUNED = Tuned(threads=1, prompt_threads=2, batch_tokens=256, flash_attention="auto", kv_type="f16")


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LoadMemory:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    kept = LoadMemory(tmp_path / "data" / "loads.json")
    monkeypatch.setattr(Tuner, "run", partialmethod(made_up, kept))
    return kept


def made_up(
    tuner: Tuner,
    memory: LoadMemory,
    path: Path,
    asked: LoadSettings,
    on_progress: Callable[[TuningProgress], None],
    cancel: threading.Event | None = None,
) -> TuningReport:
    """Stands in for two minutes of measuring."""
    assert asked.threads == 0, "what tuning decides is left open"
    on_progress(TuningProgress("threads", 0.5, 12.0))
    row = TuningRow(
        knob="threads",
        value=1,
        speed=Speed(decode_tok_per_s=120.0),
        repeats=5,
        gain=0.2,
        noise=0.01,
        chosen=True,
        why=LoadNotice("{percent}% faster.", {"percent": 20.0}),
    )
    report = TuningReport(
        file=path.name,
        model="A model",
        quantisation="Q4_1",
        backend="CPU",
        llama_cpp_version="0",
        seconds=61.0,
        before=Speed(prompt_tok_per_s=300.0, decode_tok_per_s=100.0),
        after=Speed(prompt_tok_per_s=300.0, decode_tok_per_s=120.0),
        chosen=TUNED,
        rows=[row],
    )
    memory.note_tuned(str(path), TUNED, msgspec.to_builtins(report))
    return report


def test_it_prints_the_table_and_what_was_won(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["tune", "starter"], build_core) == cli.DONE
    out = capsys.readouterr().out
    assert "measured in 1 min 01 s" in out
    assert "→      1  reply 120.0 tok/s" in out
    assert "20.0% faster." in out
    assert "Replies: 120.0 tokens/s, 100.0 before" in out


def test_as_json_it_holds_the_choice_and_the_rows(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["tune", "starter", "--json"], build_core) == cli.DONE
    document = json.loads(capsys.readouterr().out)
    assert document["chosen"]["threads"] == 1
    assert document["rows"][0]["why"] == "20.0% faster."
    assert document["turn_s_before"] == pytest.approx(512 / 300 + 512 / 100)
    assert document["turn_s_after"] < document["turn_s_before"]


def test_settings_that_go_before_it_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    build_core().settings.update(load=LoadSettings(threads=2))
    assert cli.main(["tune", "starter"], build_core) == cli.DONE
    assert "go before it: threads" in capsys.readouterr().err


def test_a_models_own_settings_go_before_it(capsys: pytest.CaptureFixture[str]) -> None:
    starter = starter_file()
    assert starter is not None
    build_core().load_choices().choose(starter, LoadChoice(load=LoadSettings(batch_tokens=64)))
    assert cli.main(["tune", "starter"], build_core) == cli.DONE
    assert "go before it: batch size" in capsys.readouterr().err


def test_what_was_found_can_be_forgotten(memory: LoadMemory, capsys: pytest.CaptureFixture[str]) -> None:
    starter = starter_file()
    assert starter is not None
    assert cli.main(["tune", "starter"], build_core) == cli.DONE
    assert memory.of(str(starter)).tuned == TUNED
    assert cli.main(["tune", "starter", "--forget"], build_core) == cli.DONE
    assert memory.of(str(starter)).tuned is None
    assert "defaults again" in capsys.readouterr().out


def test_the_table_can_be_shown_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["tune", "starter", "--show"], build_core) == cli.FAILED
    assert "not been measured on this computer yet" in capsys.readouterr().err
    assert cli.main(["tune", "starter"], build_core) == cli.DONE
    measured = capsys.readouterr().out
    assert cli.main(["tune", "starter", "--show"], build_core) == cli.DONE
    assert capsys.readouterr().out == measured
    assert cli.main(["tune", "starter", "--forget"], build_core) == cli.DONE
    assert cli.main(["tune", "starter", "--show"], build_core) == cli.FAILED
