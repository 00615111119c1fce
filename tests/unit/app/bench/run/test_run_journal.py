"""A run under way on the disk."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from app.base.errors import StillroomError
from app.bench.results.history import BenchmarkHistory
from app.bench.results.report import NotMeasured, Sample
from app.bench.run import run_journal
from app.bench.run.run_journal import RunJournal, TurnRecord, discard_unfinished, unfinished_run
from models.system.notices import NoticeInbox
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


@pytest.fixture
def told() -> Iterator[list[str]]:
    said: list[str] = []
    with NoticeInbox() as inbox:
        inbox.observe(lambda notice: said.append(str(notice)))
        yield said


def keep_turn(history: BenchmarkHistory, run_id: str, step: object, repeat: object, record: object) -> None:
    with history.transaction() as db:
        db.execute("INSERT INTO turns VALUES (?, ?, ?, ?)", (run_id, step, repeat, record))


SOUND = msgspec.json.encode(RECORD).decode()
FORGED: dict[str, tuple[object, object, object]] = {
    "a long record": ("tg128", 7, '{"sample": {"value": 1, "x": "' + "x" * 30_000_000 + '"}}'),
    "a long step": ("x" * 30_000_000, 7, SOUND),
    "a nested record": ("tg128", 7, "[" * 8000),
    "no text": ("tg128", 7, b"\xff\x00"),
    "a number": ("tg128", 7, 5),
    "no number": ("tg128", "many", SOUND),
    "negative": ("tg128", 7, '{"sample": {"value": -1}}'),
    "beyond all": ("tg128", 7, '{"sample": {"value": 1e308}}'),
    "infinite": ("tg128", 7, '{"sample": {"value": 1e999}}'),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_run_with_records_that_nobody_wrote_begins_anew(
    name: str, history: BenchmarkHistory, told: list[str]
) -> None:
    journal = opened(history)
    journal.add("tg128", 1, RECORD)
    keep_turn(history, journal.run_id, *FORGED[name])
    history.add(make_report("finished"))
    assert unfinished_run(history, "speed", SHA, "a") is not None
    again = opened(history)
    assert again.run_id != journal.run_id
    assert again.records() == {}
    assert told == [
        "What benchmarks.sqlite3 holds of an unfinished benchmark run cannot be read: it begins anew."
    ]
    again.add("tg128", 1, RECORD)
    assert opened(history).records() == {("tg128", 1): RECORD}
    assert [report.id for report in history.reports()] == ["finished"]


def test_of_very_many_records_no_more_are_read_than_a_run_has(
    history: BenchmarkHistory, told: list[str]
) -> None:
    journal = opened(history)
    with history.transaction() as db:
        db.executemany(
            "INSERT INTO turns VALUES (?, 'tg128', ?, ?)",
            ((journal.run_id, repeat, SOUND) for repeat in range(run_journal.MOST_TURNS + 1)),
        )
    assert opened(history).records() == {}
    assert len(told) == 1


@pytest.mark.parametrize(
    "note",
    [
        '"' + "x" * 30_000_000 + '"',
        b"\xff",
        7,
        "[" * 100_000,
        '[{"key": "pp", "reason": "{x:999999999}", "values": {"x": 1}}]',
        '[{"key": "pp", "reason": "{x}", "values": {"x": 1e308}}]',
    ],
    ids=["long", "no text", "a number", "nested", "a wide reason", "beyond all"],
)
def test_a_note_that_nobody_wrote_counts_for_nothing(
    note: object, history: BenchmarkHistory, told: list[str]
) -> None:
    journal = opened(history)
    with history.transaction() as db:
        db.execute("INSERT INTO run_notes VALUES (?, 'left_out', ?)", (journal.run_id, note))
    assert journal.noted("left_out", list[NotMeasured]) is None
    assert len(told) == 1
    journal.note("left_out", [])
    assert journal.noted("left_out", list[NotMeasured]) == []


@pytest.mark.parametrize(
    ("column", "value"),
    [("began_s", "soon"), ("interruptions", "many"), ("id", "x" * 1_000_000), ("began_s", b"x")],
)
def test_a_head_that_nobody_wrote_is_no_run(column: str, value: object, history: BenchmarkHistory) -> None:
    opened(history)
    with history.transaction() as db:
        db.execute(f"UPDATE unfinished SET {column} = ?", (value,))
    assert unfinished_run(history, "speed", SHA, "a") is None
    opened(history).add("tg128", 1, RECORD)
