"""Runs side by side in words: speed runs and quality runs, in all forms."""

import json
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest

from app.bench.export.report_schema import kept_schema
from app.bench.export.save import Forms, comparison_forms, save
from app.bench.quality.comparison import compare_quality
from app.bench.quality.words import quality_side_by_side
from app.bench.report.side_by_side import side_by_side_html, side_by_side_lines, side_by_side_markdown
from app.bench.report.speed_comparison import SpeedComparison, speed_comparison, speed_side_by_side
from app.bench.results.run_difference import compare_all
from tests.support.bench_reports import make_report
from tests.unit.app.bench.quality.test_comparison import RUN, maths, other

PAIRS = compare_all(
    [
        make_report("a", quantisation="<F16>"),
        make_report("b", generation=[50.0, 50.4, 50.8], quantisation="Q8_0"),
        make_report("c", generation=[80.0, 80.4, 80.8, 80.4]),
    ]
)
QUALITY = compare_quality([(RUN, maths("w" * 9)), (other("two"), maths("r" * 9)), (other("three"), [])])


def test_speed_runs_are_one_table_against_the_first() -> None:
    text = side_by_side_markdown(speed_side_by_side(PAIRS))
    assert (
        "| Generation, 128 tokens | 3 / 3 / 4 | 58.4 ± 0.4 tok/s | 50.4 ± 0.4 tok/s | -13.7% worse "
        "| 80.4 ± 0.3 tok/s | +37.7% better |"
    ) in text
    assert "- R1-Qwen-7B (Q8_0), 2026-11-23T21:40:00Z: slower in generation and prompt." in text
    assert r"also differs in: quantisation \<F16> → Q8_0." in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith("|")}
    assert len(widths) == 1


def test_the_page_is_safe_and_coloured_by_the_verdict() -> None:
    page = side_by_side_html(speed_side_by_side(PAIRS))
    assert "&lt;F16&gt;" in page
    assert "<F16>" not in page
    assert '<td class="text danger">-13.7% worse</td>' in page
    assert "default-src 'none'" in page
    assert "<script" not in page


def test_quality_runs_say_how_many_became_right() -> None:
    table = quality_side_by_side(QUALITY)
    text = side_by_side_markdown(table)
    assert (
        "| Mathematics, right at the first try (pass@1) | 9 | 0.0% | 100.0% "
        "| +100.0 points better (9 more right, 0 no longer) | – | |"
    ) in text
    assert "McNemar" in text
    lines = list(side_by_side_lines(table))
    assert any("0.0% → 100.0%, +100.0 points better" in line and "n = 9" in line for line in lines)


@pytest.mark.parametrize(
    ("forms", "schema"),
    [
        (comparison_forms(speed_side_by_side(PAIRS), speed_comparison(PAIRS)), "benchmark-comparison"),
        (comparison_forms(quality_side_by_side(QUALITY), QUALITY), "quality-comparison"),
    ],
)
def test_all_forms_are_written(forms: Forms, schema: str, tmp_path: Path) -> None:
    for ending, begin in ((".html", "<!doctype html>"), (".md", "# "), (".json", "{")):
        path = tmp_path / f"comparison{ending}"
        save(forms, path)
        assert path.read_text("utf-8").startswith(begin)
    document = json.loads((tmp_path / "comparison.json").read_text("utf-8"))
    assert len(document["runs"]) == 3
    jsonschema_rs.validator_for(json.loads(kept_schema(f"{schema}.schema.json"))).validate(document)


def test_the_document_holds_every_change() -> None:
    document = msgspec.json.decode(msgspec.json.encode(speed_comparison(PAIRS)), type=SpeedComparison)
    assert [run.id for run in document.runs] == ["a", "b", "c"]
    assert [(item.run, item.outcome) for item in document.against_first] == [("b", "slower"), ("c", "faster")]
    change = next(item for item in document.against_first[0].changes if item.key == "tg128")
    assert (round(change.change_percent, 1), change.verdict) == (-13.7, "worse")
