"""A report as a file, in the form that its name asks for."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from app.base.errors import StillroomError
from app.bench.export.picture import card_png
from app.bench.quality.comparison import QualityComparison
from app.bench.quality.figures import QualityReport
from app.bench.quality.quality_report import quality_to_html, quality_to_markdown
from app.bench.report.html_report import report_to_html
from app.bench.report.markdown import report_to_markdown
from app.bench.report.side_by_side import SideBySide, side_by_side_html, side_by_side_markdown
from app.bench.report.speed_comparison import SpeedComparison
from app.bench.results.report import Report
from models.system.disk_space import told_when_full
from models.system.durable import write_durably

ENDINGS = (".html", ".md", ".json")
PICTURE = ".png"
"""Of one run; runs side by side have no picture."""


@dataclass(frozen=True, slots=True)
class Forms:
    """One report, to be read, to be pasted, for programs, and to be shown around."""

    html: Callable[[], str]
    markdown: Callable[[], str]
    document: msgspec.Struct
    png: Callable[[], bytes] | None = None


def speed_forms(report: Report) -> Forms:
    """Of a run of the benchmark."""
    return Forms(
        partial(report_to_html, report),
        partial(report_to_markdown, report),
        report,
        partial(card_png, report),
    )


def quality_forms(report: QualityReport) -> Forms:
    """Of a run of the quality suites."""
    return Forms(
        partial(quality_to_html, report),
        partial(quality_to_markdown, report),
        report,
        partial(card_png, report),
    )


def comparison_forms(table: SideBySide, document: SpeedComparison | QualityComparison) -> Forms:
    """Of runs side by side."""
    return Forms(partial(side_by_side_html, table), partial(side_by_side_markdown, table), document)


def save(forms: Forms, path: Path) -> None:
    """Write the report as HTML, Markdown, JSON or a picture, by the ending of the name.

    Raises `StillroomError` for another ending, and when the file cannot be written.
    """
    match path.suffix.lower():
        case ".html":
            data = forms.html().encode()
        case ".md":
            data = forms.markdown().encode()
        case ".json":
            data = msgspec.json.format(msgspec.json.encode(forms.document), indent=2) + b"\n"
        case ".png" if forms.png is not None:
            data = forms.png()
        case _:
            raise StillroomError(
                "A report cannot be saved as {name}.",
                "Give a name that ends in one of {endings}.",
                name=path.name,
                endings=", ".join(ENDINGS),
            )
    write_report(path, data)


def write_report(path: Path, data: bytes) -> None:
    """Write a report's file, whole or not at all. Raises `StillroomError`."""
    try:
        with told_when_full(path.parent, lambda: len(data)):
            write_durably(path, data)
    except OSError as error:
        raise StillroomError(
            "The report could not be saved as {name}: {reason}.",
            "Choose a folder that you may write to.",
            name=path.name,
            reason=error.strerror or "unknown",
        ) from error
