"""Reports as files: what is in them, and what is not."""

import getpass
import json
import socket
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import jsonschema_rs
import msgspec
import pytest

from app.base.errors import StillroomError
from app.bench.export.report_schema import DOCUMENTS, kept_schema, schema_text
from app.bench.export.save import save, speed_forms
from app.bench.report.curves import Line, Point
from app.bench.report.html_report import report_to_html
from app.bench.report.markdown import report_to_markdown
from app.bench.report.svg_plot import svg_plot
from app.bench.results.report import (
    NotMeasured,
    Report,
    Sample,
    Section,
    SectionFigure,
    measure_of,
    report_to_json,
)
from tests.support.bench_reports import make_report, run_on_processor, with_limits

SECTION = Section(
    key="quality",
    title="Quality <1>",
    protocol="Greedy & short.",
    figures=[SectionFigure(name="MATH", value=91.3, unit="%", low=89.0, high=93.0, n=100, protocol="pass@1")],
    not_measured=["Perplexity: no text."],
)


def full_report() -> Report:
    return msgspec.structs.replace(
        with_limits(run_on_processor()),
        sections=[SECTION],
        not_measured=[NotMeasured(key="tok_per_j", reason="No counter for {what}.", values={"what": "<it>"})],
        interruptions=2,
    )


class Tags(HTMLParser):
    """Every tag and attribute of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_needs_nothing_from_anywhere() -> None:
    page = report_to_html(full_report())
    tags = Tags()
    tags.feed(page)
    names = {tag for tag, _ in tags.found}
    assert not names & {"script", "link", "img", "iframe", "object", "base"}
    loads = {name for _, attributes in tags.found for name in attributes} & {"src", "href", "data"}
    assert not loads
    assert "default-src 'none'" in page
    assert "url(" not in page
    assert "@import" not in page


def test_the_page_tells_everything() -> None:
    page = report_to_html(full_report())
    assert page.count("<svg") == 3  # depth, replies at once, roofline
    for text in (
        "80% of what this memory allows",
        "Quality &lt;1&gt;",
        "Greedy &amp; short.",
        "Not measured: Perplexity: no text.",
        "No counter for &lt;it&gt;.",
        "interrupted 2 times",
        "llama-batched-bench",
    ):
        assert text in page, text


def test_markdown_tells_sections_and_what_is_missing() -> None:
    text = report_to_markdown(full_report())
    assert "## Quality <1>" in text
    assert "| MATH | 91.3 % | 89 to 93 | 100 | pass@1 |" in text
    assert r"- Tokens per joule: No counter for \<it>." in text
    assert "Made-up CPU" in text


def test_no_form_names_the_owner(tmp_path: Path) -> None:
    names = {socket.gethostname(), str(Path.home()), str(tmp_path)}
    if getpass.getuser() != "root":
        names.add(getpass.getuser())
    for suffix in (".html", ".md", ".json"):
        path = tmp_path / f"report{suffix}"
        save(speed_forms(full_report()), path)
        text = path.read_text(encoding="utf-8")
        assert not [name for name in names if name and name in text]


def test_an_unknown_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StillroomError, match=r"saved as report\.exe"):
        save(speed_forms(make_report()), tmp_path / "report.exe")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StillroomError, match="could not be saved"):
        save(speed_forms(make_report()), tmp_path / "none" / "report.md")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_schema_that_is_shipped_is_that_of_the_code(name: str) -> None:
    assert kept_schema(name) == schema_text(name)


def test_reports_are_as_the_schema_says() -> None:
    validator = jsonschema_rs.validator_for(json.loads(kept_schema("benchmark-report.schema.json")))
    for report in (make_report(), full_report()):
        document = json.loads(report_to_json(report))
        validator.validate(document)
        assert validator.is_valid({**document, "field_of_a_later_version": 1})
        assert not validator.is_valid({**document, "measures": None})


def test_a_plot_is_well_formed_and_has_its_points() -> None:
    points = [Point(0, 10.0, 1.0, "a"), Point(100, 5.0, 0.5, "b")]
    picture = svg_plot("T & t", "x < y", "y", [Line(points, labels=["<a>", ""]), Line(points, "limit")])
    root = ElementTree.fromstring(picture)
    space = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{space}circle")) == 2
    assert [path.get("class") for path in root.findall(f"{space}path")].count("line limit") == 1


@pytest.mark.parametrize("points", [[Point(1, 0.0)], [Point(5, 3.0)], [Point(1, 1e-9), Point(2, 1e12)]])
def test_a_plot_of_odd_figures_is_drawn(points: list[Point]) -> None:
    for log in (False, True):
        if log and any(point.y == 0 for point in points):
            continue
        ElementTree.fromstring(svg_plot("t", "x", "y", [Line(points)], log_x=log, log_y=log))


def test_nothing_to_draw_is_no_picture() -> None:
    assert svg_plot("t", "x", "y", [Line([])]) == ""


def test_a_measure_of_bytes_has_no_interval_in_the_page() -> None:
    report = msgspec.structs.replace(
        make_report(), measures=[measure_of("peak_ram", "bytes", [Sample(value=1e9)])]
    )
    assert "1.00 GB" in report_to_html(report)
