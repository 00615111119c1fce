"""Saving and copying a benchmark report, and asking where from or to."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from app.bench.markdown import report_to_markdown
from app.bench.report import Report
from app.bench.save import save_report, write_report
from app.ui.bridge import Bridge
from app.ui.tabs.benchmark_picture import report_to_png
from app.ui.theme import Theme
from app.ui.widgets.notices import Notices


class ExportMenu(QMenu):
    """What can be done with the run that `shown` gives; GUI thread."""

    def __init__(
        self,
        shown: Callable[[], Report | None],
        theme: Theme,
        bridge: Bridge,
        notices: Notices,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._owner = parent
        self._shown = shown
        self._theme = theme
        self._bridge = bridge
        self._notices = notices
        self.addAction(self.tr("Save as a web page…"), lambda: self._save(".html"))
        self.addAction(self.tr("Save as a picture…"), lambda: self._save(".png"))
        self.addAction(self.tr("Save as JSON…"), lambda: self._save(".json"))
        self.addAction(self.tr("Save as Markdown…"), lambda: self._save(".md"))
        self.addAction(self.tr("Copy as Markdown"), self._copy_report)
        self.addAction(self.tr("Copy as a picture"), self._copy_picture)

    def copy(self, text: str) -> None:
        """Put text on the clipboard, and say so."""
        QGuiApplication.clipboard().setText(text)
        self._notices.inform(self.tr("Copied."))

    def _save(self, suffix: str) -> None:
        report = self._shown()
        if report is None:
            return

        def write(path: Path) -> None:
            self._bridge.start(self._write(report, path))

        _ask_where(report, suffix, self._owner, write)

    async def _write(self, report: Report, path: Path) -> None:
        if path.suffix.lower() == ".png":
            await asyncio.to_thread(write_report, path, report_to_png(report, self._theme))
        else:
            await asyncio.to_thread(save_report, report, path)
        self._notices.inform(self.tr("Saved as {name}.").format(name=path.name))

    def _copy_report(self) -> None:
        report = self._shown()
        if report is not None:
            self.copy(report_to_markdown(report))

    def _copy_picture(self) -> None:
        report = self._shown()
        if report is not None:
            QGuiApplication.clipboard().setImage(QImage.fromData(report_to_png(report, self._theme)))
            self._notices.inform(self.tr("Copied."))


def _ask_where(report: Report, suffix: str, parent: QWidget, then: Callable[[Path], None]) -> None:
    """Open a save dialog for a file with that suffix; `then` gets the chosen path."""
    title = QCoreApplication.translate("benchmark", "Save the report")
    day = report.started_at[:10]
    name = f"benchmark-{report.model.name}-{report.model.quantisation}-{day}{suffix}".replace(" ", "-")
    dialog = QFileDialog(parent, title)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(suffix.lstrip("."))
    dialog.setNameFilter(f"*{suffix}")
    dialog.selectFile("".join(character for character in name if character not in '/\\:*?"<>|'))
    _open(dialog, then)


def ask_for_runs(parent: QWidget, then: Callable[[Path], None]) -> None:
    """Open a dialog for a file with runs; `then` gets the chosen path."""
    dialog = QFileDialog(parent, QCoreApplication.translate("benchmark", "Import benchmark runs"))
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.setNameFilter("*.json *.jsonl")
    _open(dialog, then)


def _open(dialog: QFileDialog, then: Callable[[Path], None]) -> None:
    dialog.fileSelected.connect(lambda chosen: then(Path(chosen)))
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
