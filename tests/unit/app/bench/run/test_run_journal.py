"""A run under way on the disk."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.base.errors import StillroomError
from app.bench.results.history import BenchmarkHistory
from app.bench.results.report import NotMeasured, Sample
from app.bench.run.run_journal import RunJournal, TurnRecord, discard_unfinished, unfinished_run
from tests.support.bench_reports import make_report

SHA = "ab" * 32
RECORD = TurnRecord(sample=Sample(value=12.5, duration_s=0.5), prompt_tokens=3, further={"latency_p50": 0.1})


@pytest.fixture
def history(tmp_path: Path) -> Iterator[BenchmarkHistory]:
    history = BenchmarkHistory(tmp_path / "benchmarks.sqlite3")
    yield history
    history.close()


def opened(history: BenchmarkHistory, setting: str = "a") -> RunJournal:
    return RunJournal.open(history, "speed", SHA, setting)


def test_a_result_is_there_for_who_goes_on(history: BenchmarkHistory) -> None:
    journal = opened(history)
    journal.add("tg128", 1, RECORD)
    journal.note("left_out", [NotMeasured(key="pp8192", reason="No.")])
    again = opened(history)
    assert (again.run_id, again.interruptions) == (journal.run_id, 1)
    assert again.records() == {("tg128", 1): RECORD}
    assert again.noted("left_out", list[NotMeasured]) == [NotMeasured(key="pp8192", reason="No.")]
    assert again.noted("info", dict) is None


def test_a_turn_cannot_be_kept_twice(history: BenchmarkHistory) -> None:
    journal = opened(history)
    journal.add("tg128", 1, RECORD)
    with pytest.raises(StillroomError) as told:
        journal.add("tg128", 1, RECORD)
    assert isinstance(told.value.__cause__, sqlite3.IntegrityError)


def test_other_settings_begin_anew(history: BenchmarkHistory) -> None:
    first = opened(history)
    first.add("tg128", 1, RECORD)
    other = opened(history, "b")
    assert other.run_id != first.run_id
    assert other.records() == {}
    assert unfinished_run(history, "speed", SHA, "a") is None


def test_a_finished_run_is_in_the_history_alone(history: BenchmarkHistory) -> None:
    journal = opened(history)
    journal.add("tg128", 1, RECORD)
    history.add(make_report(journal.run_id))
    assert unfinished_run(history, "speed", SHA) is None
    assert [report.id for report in history.reports()] == [journal.run_id]
    with history.transaction() as db:
        assert db.execute("SELECT count(*) FROM turns").fetchone() == (0,)


def test_what_could_go_on_is_told_and_can_be_forgotten(history: BenchmarkHistory) -> None:
    journal = opened(history)
    journal.add("tg128", 1, RECORD)
    journal.add("tg128", 2, RECORD)
    found = unfinished_run(history, "speed", SHA)
    assert found is not None
    assert found.done == 2
    discard_unfinished(history, "speed", SHA)
    assert unfinished_run(history, "speed", SHA) is None


def test_a_run_of_the_day_before_yesterday_does_not_go_on(history: BenchmarkHistory) -> None:
    journal = opened(history)
    with history.transaction() as db:
        db.execute("UPDATE unfinished SET began_s = began_s - 200000")
    assert opened(history).run_id != journal.run_id
