"""The JSON document and its Markdown."""

import json

import pytest

from app.base.errors import StillroomError
from app.bench.report.markdown import report_to_markdown
from app.bench.results.report import SCHEMA, report_from_json, report_to_json
from tests.support.bench_reports import make_report


def test_comes_back_from_json_as_it_was() -> None:
    report = make_report(marks=["busy"])
    assert report_from_json(report_to_json(report)) == report


def test_the_document_names_its_schema_and_carries_the_statistics() -> None:
    document = json.loads(report_to_json(make_report()))
    assert (document["schema"], document["schema_version"]) == (SCHEMA, 1)
    generation = next(measure for measure in document["measures"] if measure["key"] == "tg128")
    assert generation["mean"] == pytest.approx(58.4)
    assert generation["sd"] == pytest.approx(0.4)
    assert generation["low"] < 58.4 < generation["high"]
    assert [sample["value"] for sample in generation["samples"]] == [58.0, 58.4, 58.8]


def test_a_later_field_does_not_disturb() -> None:
    document = json.loads(report_to_json(make_report()))
    document["energy"] = {"joules": 5}
    assert report_from_json(json.dumps(document).encode()) == make_report()


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"\xff\xfe", b'{"id": 5}'])
def test_anything_else_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(StillroomError, match="not a benchmark report"):
        report_from_json(data)


def test_a_later_format_is_refused_with_its_version() -> None:
    document = json.loads(report_to_json(make_report())) | {"schema_version": 2}
    with pytest.raises(StillroomError, match=r"format stillroom\.benchmark 2"):
        report_from_json(json.dumps(document).encode())


def test_marks_are_told_once() -> None:
    assert make_report(marks=["busy", "battery"]).marks == ["busy", "battery"]


def test_markdown_tells_figures_protocol_and_machine() -> None:
    text = report_to_markdown(make_report(marks=["busy"]))
    assert "| Generation, 128 tokens | 58.4 ± 0.4 tok/s | 57.4 to 59.4 | 3 | |" in text
    assert "| Peak memory of the engine process | 1.10 GB |  | 1 |" in text
    assert "Other programs used the processor" in text
    assert "llama-bench's tg: random tokens, one at a time" in text
    assert "Made-up CPU, 8 cores, 16 threads" in text
    assert "ab" * 32 in text
