"""Saving a benchmark report where the user wants it."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from app.bench.markdown import report_to_markdown
from app.bench.report import Report, report_to_json
from app.errors import StillroomError
from models.durable import write_durably


def save_report(report: Report, path: Path) -> None:
    """Write the report as Markdown where the name ends in .md, else as JSON.

    Raises `StillroomError` when the file cannot be written.
    """
    is_markdown = path.suffix.lower() in (".md", ".markdown")
    data = report_to_markdown(report).encode() if is_markdown else report_to_json(report, indent=2)
    try:
        write_durably(path, data)
    except OSError as error:
        raise StillroomError(
            "The report could not be saved as {name}: {reason}.",
            "Choose a folder that you may write to.",
            name=path.name,
            reason=error.strerror or "unknown",
        ) from error


def ask_where(report: Report, suffix: str, parent: QWidget, then: Callable[[Path], None]) -> QFileDialog:
    """Open a save dialog for a file with that suffix; `then` gets the chosen path."""
    title = QCoreApplication.translate("benchmark", "Save the report")
    day = report.started_at[:10]
    name = f"benchmark-{report.model.name}-{report.model.quantisation}-{day}{suffix}".replace(" ", "-")
    dialog = QFileDialog(parent, title)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(suffix.lstrip("."))
    dialog.setNameFilter(f"*{suffix}")
    dialog.selectFile("".join(character for character in name if character not in '/\\:*?"<>|'))
    dialog.fileSelected.connect(lambda chosen: then(Path(chosen)))
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
    return dialog
