"""A report as a file, in the form that its name asks for."""

from collections.abc import Callable
from pathlib import Path

from app.bench.html_report import report_to_html
from app.bench.markdown import report_to_markdown
from app.bench.report import Report, report_to_json
from app.errors import StillroomError
from models.durable import write_durably

FORMS: dict[str, Callable[[Report], bytes]] = {
    ".html": lambda report: report_to_html(report).encode(),
    ".md": lambda report: report_to_markdown(report).encode(),
    ".json": lambda report: report_to_json(report, indent=2),
}


def save_report(report: Report, path: Path) -> None:
    """Write the report as HTML, Markdown or JSON, by the ending of the name.

    Raises `StillroomError` for another ending, and when the file cannot be written.
    """
    form = FORMS.get(path.suffix.lower())
    if form is None:
        raise StillroomError(
            "A report cannot be saved as {name}.",
            "Give a name that ends in one of {endings}.",
            name=path.name,
            endings=", ".join(FORMS),
        )
    write_report(path, form(report))


def write_report(path: Path, data: bytes) -> None:
    """Write a report's file, whole or not at all. Raises `StillroomError`."""
    try:
        write_durably(path, data)
    except OSError as error:
        raise StillroomError(
            "The report could not be saved as {name}: {reason}.",
            "Choose a folder that you may write to.",
            name=path.name,
            reason=error.strerror or "unknown",
        ) from error
