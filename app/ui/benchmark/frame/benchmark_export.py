"""Saving and copying what was measured, and asking where from or to."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from app.bench.export.save import Forms, save, write_report
from app.ui.base.bridge import Bridge
from app.ui.base.file_dialogs import FileDialog
from app.ui.widgets.notices import Notices


class FormsMenu(QMenu):
    """Saves or copies what `forms` gives now, which may be nothing, under a name that `stem` gives; GUI
    thread."""

    def __init__(
        self,
        forms: Callable[[], Forms | None],
        stem: Callable[[], str],
        bridge: Bridge,
        notices: Notices,
        parent: QWidget,
        picture: Callable[[], bytes | None] | None = None,
    ) -> None:
        """`picture` draws it as PNG, where it can be drawn."""
        super().__init__(parent)
        self._owner = parent
        self._forms = forms
        self._stem = stem
        self._bridge = bridge
        self._notices = notices
        self.addAction(self.tr("Save as a web page…"), lambda: self._save(".html"))
        self.addAction(self.tr("Save as JSON…"), lambda: self._save(".json"))
        self.addAction(self.tr("Save as Markdown…"), lambda: self._save(".md"))
        self.addAction(self.tr("Copy as Markdown"), self._copy)
        if picture is not None:
            self._picture = picture
            self.addAction(self.tr("Save as a picture…"), self._save_picture)
            self.addAction(self.tr("Copy as a picture"), self._copy_picture)

    def _save(self, suffix: str) -> None:
        forms = self._forms()
        if forms is None:
            return

        def write(path: Path) -> None:
            self._bridge.start(self._write(forms, path))

        _ask_where(f"{self._stem()}{suffix}", self._owner, write)

    async def _write(self, forms: Forms, path: Path) -> None:
        await asyncio.to_thread(save, forms, path)
        self._say_saved(path)

    def _say_saved(self, path: Path) -> None:
        self._notices.tell_of_file(self.tr("Saved as {name}.").format(name=path.name), path)

    def _copy(self) -> None:
        forms = self._forms()
        if forms is not None:
            QGuiApplication.clipboard().setText(forms.markdown())
            self._say_copied()

    def _say_copied(self) -> None:
        self._notices.inform(self.tr("Copied."))

    def _save_picture(self) -> None:
        picture = self._picture()
        if picture is None:
            return

        def write(path: Path) -> None:
            self._bridge.start(self._write_picture(picture, path))

        _ask_where(f"{self._stem()}.png", self._owner, write)

    async def _write_picture(self, picture: bytes, path: Path) -> None:
        await asyncio.to_thread(write_report, path, picture)
        self._say_saved(path)

    def _copy_picture(self) -> None:
        picture = self._picture()
        if picture is not None:
            QGuiApplication.clipboard().setImage(QImage.fromData(picture))
            self._say_copied()


def _ask_where(name: str, parent: QWidget, then: Callable[[Path], None]) -> None:
    """Open a save dialog for a file of that name; `then` gets the chosen path."""
    suffix = Path(name).suffix
    dialog = FileDialog(parent, QCoreApplication.translate("benchmark", "Save the report"))
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(suffix.lstrip("."))
    dialog.setNameFilter(f"*{suffix}")
    allowed = (character for character in name.replace(" ", "-") if character not in '/\\:*?"<>|')
    dialog.selectFile("".join(allowed))
    _open(dialog, then)


def ask_for_runs(parent: QWidget, then: Callable[[Path], None]) -> None:
    """Open a dialog for a file with runs; `then` gets the chosen path."""
    dialog = FileDialog(parent, QCoreApplication.translate("benchmark", "Import benchmark runs"))
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.setNameFilter("*.json *.jsonl")
    _open(dialog, then)


def _open(dialog: FileDialog, then: Callable[[Path], None]) -> None:
    dialog.fileSelected.connect(lambda chosen: then(Path(chosen)))
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
