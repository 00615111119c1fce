"""Rows that agree with their checksum and that nothing here wrote: left out and told, and the others stay."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from app.bench.drift.checker import DriftChecker
from app.bench.drift.store import DriftStore
from app.bench.drift.words import drift_lines
from app.bench.export.report_sections import FurtherSections
from app.bench.quality import store as quality_store
from app.bench.quality.figures import quality_report
from app.bench.quality.store import QualityStore
from app.bench.results.history import BenchmarkHistory
from app.bench.results.run_database import BenchDatabase
from models.system.notices import NoticeInbox
from tests.support.full_databases import KINDS, Item, Kind

BIG = 50_000_000
"""Characters."""


def _cases(names: Iterable[str]) -> list[ParameterSet]:
    """Name the cases; those of tens of megabytes belong to `make faults`."""
    return [pytest.param(name, marks=pytest.mark.faults if "50 MB" in name else ()) for name in names]


Edit = Callable[[dict[str, Any]], object]


def _answer(**values: object) -> Edit:
    def edit(document: dict[str, Any]) -> None:
        document["answers"][0] |= values

    return edit


def _whole(**values: object) -> Edit:
    return lambda document: document.update(values)


UNUSABLE: dict[str, str | bytes | int | float | Edit] = {
    "a number": 7,
    "a real": 1e308,
    "no text": b"\xff\x00",
    "nothing": "",
    "a list": "[]",
    "a list of lists": "[" * 1_000_000,
    "no number": '{"noise": NaN}',
    "far beyond a float": '{"noise": 1e999}',
    "no JSON, 50 MB": "x" * BIG,
    "nested": '{"x":' + "[" * 200_000 + "]" * 200_000 + "}",
    "an answer of 50 MB": _answer(text="word " * (BIG // 5)),
    "a word of 50 MB": _answer(text="x" * BIG),
    "a name of 50 MB": _whole(name="n" * BIG),
    "millions of tokens": _answer(tokens=[1] * 1_000_000, logprobs=[]),
    "huge figures": _answer(decode_tok_per_s=1e308),
    "negative figures": _answer(decode_tok_per_s=-1.0),
    "a huge noise": _whole(noise=1e300),
    "a token beyond all": _answer(tokens=[10**30]),
    "the year 10^9": _whole(started_at="1000000000-01-01T00:00:00Z"),
    "a year that is none": _whole(started_at="\x1b[31m"),
    "half a character": _whole(name="\ud800"),
    "another id": _whole(id="another"),
    "another baseline": _whole(baseline_id="nowhere"),
    "an answer twice": lambda document: document["answers"].append(document["answers"][0]),
}


@pytest.fixture
def told() -> Iterator[list[str]]:
    said: list[str] = []
    with NoticeInbox() as inbox:
        inbox.observe(lambda notice: said.append(f"{notice} {notice.hint_text()}"))
        yield said


def _forged(document: dict[str, Any], forging: object) -> str | bytes | int | float:
    if not callable(forging):
        assert isinstance(forging, str | bytes | int | float)
        return forging
    document = json.loads(json.dumps(document))
    forging(document)
    return json.dumps(document)


def _add(store: BenchDatabase, table: str, source: str, column: str, forging: object, key: str) -> None:
    """Add a copy of a row of `table` with another key, and `column` forged."""
    with store.transaction() as db:
        found = db.execute(f"SELECT * FROM {table} ORDER BY rowid LIMIT 1")
        names = [name for name, *_ in found.description]
        row = dict(zip(names, found.fetchone(), strict=True))
        document = json.loads(row[column])
        if source in document:
            document[source] = key
        row |= {column: _forged(document, forging)}
        row["id" if "id" in row else "item_id"] = key
        if table == "runs" and "ended_at" not in row and "report" not in row:
            row["path"], row["sha256"] = "/models/r1.gguf", "ab" * 32
        db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", tuple(row.values()))


@pytest.mark.parametrize("name", _cases(UNUSABLE))
def test_a_forged_golden_run_is_left_out_and_told(name: str, tmp_path: Path, told: list[str]) -> None:
    kind = next(kind for kind in KINDS if kind.name == "drift")
    path = tmp_path / "drift.sqlite3"
    kind.begin(path).close()
    with closing(DriftStore(path)) as store:
        before = kind.read(store)
        _add(store, "runs", "id", "run", UNUSABLE[name], "golden-99")
    with closing(DriftStore(path)) as store, closing(QualityStore(tmp_path / "quality.sqlite3")) as quality:
        assert store.recovery is None
        assert kind.read(store) == before
        checker = DriftChecker(None, store, None, None, None, None)  # type: ignore[arg-type]  # it only reads
        report = checker.newest("/models/r1.gguf")
        assert report is not None
        assert report.run_id == "golden-11"
        assert all(line.isprintable() for line in drift_lines(report))
        FurtherSections(quality, store)("ab" * 32)
        store.accept("golden-99")
        assert kind.read(store) == before
        assert store.check() is None
    assert len(told) == 1
    assert "drift.sqlite3 holds entries that this Stillroom cannot read." in told[0]
    assert told[0].isprintable()


FURTHER: dict[str, object] = {
    "a number": 7,
    "no text": b"\xff\x00",
    "a list of lists": "[" * 1_000_000,
    "50 MB": "x" * BIG,
    "nested": UNUSABLE["nested"],
    "half a character": _whole(id="\ud800"),
    "a huge number": lambda document: document.update(schema_version=10**25, words=10**25, source=1),
}


@pytest.mark.parametrize("name", _cases(FURTHER))
@pytest.mark.parametrize(
    ("which", "table", "column"),
    [("benchmarks", "runs", "report"), ("quality", "runs", "head"), ("quality", "results", "result")],
)
def test_a_forged_row_of_measurements_is_left_out_and_told(
    which: str, table: str, column: str, name: str, tmp_path: Path, told: list[str]
) -> None:
    kind = next(kind for kind in KINDS if kind.name == which)
    path = tmp_path / "runs.sqlite3"
    made = kind.begin(path)
    before = _read(kind, made)
    assert isinstance(made, BenchDatabase)
    _add(made, table, "id", column, FURTHER[name], "zz")
    made.close()
    with closing(kind.open(path)) as store:
        assert _read(kind, store) == before
        assert store.check() is None
    assert [text.partition(" ")[0] for text in told] == ["runs.sqlite3"]


def _read(kind: Kind, store: Any) -> list[Item]:
    return [item for item in kind.read(store) if item[0] != "unfinished"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mean", 1e308),
        ("mean", -1.0),
        ("samples", []),
        ("samples", [{"value": 1.0}] * 100_000),
        ("key", "tg" + "9" * 5_000_000),
        ("prompt_tokens", -(10**17)),
        ("streams", 0),
    ],
)
def test_a_run_that_cannot_be_drawn_is_left_out(
    field: str, value: object, tmp_path: Path, told: list[str]
) -> None:
    kind = next(kind for kind in KINDS if kind.name == "benchmarks")
    with closing(kind.begin(tmp_path / "runs.sqlite3")) as store:
        assert isinstance(store, BenchmarkHistory)
        before = store.reports()
        _add(store, "runs", "id", "report", lambda report: report["measures"][0].update({field: value}), "zz")
        assert store.reports() == before
    assert len(told) == 1


def test_a_check_of_other_questions_has_no_share_of_equal_answers(tmp_path: Path) -> None:
    kind = next(kind for kind in KINDS if kind.name == "drift")
    path = tmp_path / "drift.sqlite3"
    with closing(kind.begin(path)) as store, closing(QualityStore(tmp_path / "quality.sqlite3")) as quality:
        assert isinstance(store, DriftStore)
        assert store.newest_of_content("ab" * 32) is not None
        [section] = FurtherSections(quality, store)("ab" * 32)
    assert section.figures == []
    assert "Not comparable" in section.protocol


def _turn(**values: object) -> Edit:
    def edit(document: dict[str, Any]) -> None:
        document["turns"][0] |= values

    return edit


def _read_text(**scores: float) -> Edit:
    return lambda result: result.update(kind="perplexity", verdict="scored", scores=scores)


RESULTS: dict[str, Edit] = {
    "negative tokens": _turn(completion_tokens=-1),
    "tokens beyond all": _turn(completion_tokens=10**18),
    "negative seconds": _turn(seconds=-0.5),
    "seconds beyond all": _turn(seconds=1e18),
    "seconds of a float's end": _turn(seconds=1e308),
    "a score above its scale": _whole(scores={"rouge_l": 1.5}),
    "a negative score": _whole(scores={"length_ratio": -1.0}),
    "a BLEU above its scale": _whole(scores={"bleu": 1e6}),
    "negative words": _whole(words=-5),
    "a place outside the text": _whole(depth=7.0),
    "another verdict": _whole(verdict="excellent"),
    "another kind": _whole(kind="beauty"),
    "a thousand turns": lambda result: result.update(turns=result["turns"] * 1000),
    "a name of 2,000,000 characters": _whole(id="n" * 2_000_000),
    "the name of another": _whole(id="maths/other"),
    "a text without sums": _read_text(),
    "a text of half a token": _read_text(scored_tokens=0.5, nll=1.0, nll_squares=1.0),
    "a text without bounds": _read_text(scored_tokens=2, nll=1e18, nll_squares=1.0),
    "a text scattered without bounds": _read_text(scored_tokens=2, nll=2.0, nll_squares=1e18),
    "a text below nothing": _read_text(scored_tokens=100, nll=-1e6, nll_squares=1.0),
}


COLLECTION = {"kind": "maths", "name": "x", "licence": "MIT", "source": "x", "sha256": "", "items": 1}


def _collections(count: int) -> Edit:
    def edit(document: dict[str, Any]) -> None:
        document["collections"] = [COLLECTION] * count

    return edit


HEADS: dict[str, Edit] = {
    "a long name": _whole(id="n" * 2000),
    "another name": _whole(id="another"),
    "no time": _whole(started_at="soon"),
    "1000 collections": _collections(1000),
    "negative tokens": lambda head: head["protocol"].update(max_tokens=-1),
    "a temperature below zero": lambda head: head["protocol"]["sampling"].update(temperature=-1e18),
    "a temperature beyond all": lambda head: head["protocol"]["sampling"].update(temperature=1e308),
    "a negative size": lambda head: head["model"].update(size_bytes=-1),
    "a negative number of items": _whole(collections=[COLLECTION | {"items": -1}]),
    "a name of 2,000,000 characters": lambda head: head["model"].update(name="n" * 2_000_000),
    "a thousand cards": lambda head: head["machine"].update(
        gpus=[{"name": "x", "vram_total_bytes": 1}] * 1000
    ),
}


@pytest.mark.parametrize(
    ("table", "column", "name"),
    [("results", "result", name) for name in RESULTS] + [("runs", "head", name) for name in HEADS],
)
def test_a_quality_run_that_cannot_be_drawn_is_left_out_and_told(
    table: str, column: str, name: str, tmp_path: Path, told: list[str]
) -> None:
    kind = next(kind for kind in KINDS if kind.name == "quality")
    with closing(kind.begin(tmp_path / "runs.sqlite3")) as store:
        assert isinstance(store, QualityStore)
        before = _read(kind, store)
        _add(store, table, "id", column, (RESULTS if table == "results" else HEADS)[name], "zz")
        assert _read(kind, store) == before
        for run, finished in store.runs():
            assert quality_report(run, store.results(run.id), finished)
    assert [text.partition(" ")[0] for text in told] == ["runs.sqlite3"]


def test_names_of_a_quality_run_are_lines_that_can_be_shown(tmp_path: Path) -> None:
    kind = next(kind for kind in KINDS if kind.name == "quality")
    with closing(kind.begin(tmp_path / "runs.sqlite3")) as store:
        assert isinstance(store, QualityStore)

        def forge(head: dict[str, Any]) -> None:
            head["model"]["name"] = "R1\x1b[2J\u202e" + "n" * 20_000
            head["collections"] = [COLLECTION | {"licence": "MIT\n\u200f"}]

        _add(store, "runs", "id", "head", forge, "zz")
        [run] = [run for run, _ in store.runs() if run.id == "zz"]
        others = [run for run, _ in store.runs() if run.id != "zz"]
    assert run.model.name.isprintable()
    assert len(run.model.name) <= 2000
    assert run.collections[0].licence == "MIT ·"
    assert run.protocol == others[0].protocol


def test_of_very_many_results_no_more_are_read_than_a_run_has(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = next(kind for kind in KINDS if kind.name == "quality")
    with closing(kind.begin(tmp_path / "runs.sqlite3")) as store:
        assert isinstance(store, QualityStore)
        [run, *_] = [run for run, _ in store.runs() if store.results(run.id)]
        before = store.results(run.id)
        for limit in ("MOST_RESULTS", "MOST_RESULTS_BYTES"):
            with monkeypatch.context() as changed:
                changed.setattr(quality_store, limit, 1)
                assert len(store.results(run.id)) <= 1 < len(before)
        assert store.results(run.id) == before
    assert len(told) == 1
