"""Where the user wants a benchmark report to be saved, and from where runs are to be imported."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from app.bench.report import Report


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
    return _open(dialog, then)


def ask_for_runs(parent: QWidget, then: Callable[[Path], None]) -> QFileDialog:
    """Open a dialog for a file with runs; `then` gets the chosen path."""
    dialog = QFileDialog(parent, QCoreApplication.translate("benchmark", "Import benchmark runs"))
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.setNameFilter("*.json *.jsonl")
    return _open(dialog, then)


def _open(dialog: QFileDialog, then: Callable[[Path], None]) -> QFileDialog:
    dialog.fileSelected.connect(lambda chosen: then(Path(chosen)))
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
    return dialog
