"""A quality run as Markdown and as a page."""

import json
from pathlib import Path

import jsonschema_rs
import msgspec

from app.bench.export.report_schema import kept_schema
from app.bench.export.save import quality_forms, save
from app.bench.quality.figures import quality_report
from app.bench.quality.quality_report import quality_to_html, quality_to_markdown
from tests.unit.app.bench.quality.test_comparison import RUN, maths, part, solved, talks

RESULTS = [*part(3.0), *solved(100, 120), *maths("rrwn")[2:], *talks(0.25)]
REPORT = quality_report(RUN, RESULTS, finished=False)


def test_markdown_tells_figures_protocol_and_verdicts() -> None:
    text = quality_to_markdown(REPORT)
    assert "# Quality of R1-Qwen-7B (Q4_K_M)" in text
    assert "not finished" in text
    assert (
        "| Mathematics, right at the first try (pass@1) | 66.7% | 20.8% to 93.9% | 3 | not conclusive |"
        in text
    )
    assert "seed 1, at most 4,096 tokens" in text
    assert "Left out, because they do not fit into the context: 1" in text
    assert "| maths/0 | right | 100 | 2.0 |" in text
    assert "| dialogue/0 | ROUGE-L 0.25 | 0 | 0.0 |" in text
    assert "perplexity/0" not in text


def test_the_page_lets_each_item_be_read() -> None:
    turn = msgspec.structs.replace(solved(9)[0].turns[0], thinking="<b>So</b>", answer="\\boxed{2}")
    item = msgspec.structs.replace(solved(9)[0], turns=[turn], found="2")
    page = quality_to_html(quality_report(RUN, [item], finished=True))
    assert page.count("<details>") == 1
    for text in ("1 + 1?", "&lt;b&gt;So&lt;/b&gt;", "\\boxed{2}", "ended by stop"):
        assert text in page, text
    assert "<b>" not in page
    assert "default-src 'none'" in page


def test_the_json_is_the_whole_report(tmp_path: Path) -> None:
    save(quality_forms(REPORT), tmp_path / "quality.json")
    document = json.loads((tmp_path / "quality.json").read_text("utf-8"))
    jsonschema_rs.validator_for(json.loads(kept_schema("quality-report.schema.json"))).validate(document)
    assert len(document["items"]) == len(RESULTS)
