"""The Code tab's questions. None of them runs an event loop of its own."""

import asyncio
from pathlib import Path
from typing import Literal, TypeVar

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QInputDialog,
    QMessageBox,
    QPushButton,
    QSpinBox,
    QWidget,
)

from app.ui.base.file_dialogs import FileDialog
from app.ui.base.layouts import widen_for_title
from app.ui.widgets.early_keys import EarlyKeys

Unsaved = Literal["save", "discard", "cancel"]
Choice = TypeVar("Choice")
Conflict = Literal["overwrite", "reload", "save_as", "cancel"]


class CodeDialogs(QObject):
    """Asks over one window part; GUI thread only."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._parent = parent

    async def ask_about_unsaved(self, name: str) -> Unsaved:
        """Ask what to do with unsaved text before another takes its place."""
        box = _box(self._parent, self.tr("Unsaved changes"))
        if name:
            box.setText(self.tr("Save the changes in {name} first?").format(name=name))
        else:
            box.setText(self.tr("Save the text in a file first?"))
        box.setInformativeText(self.tr("If you discard them, they are gone."))
        save = box.addButton(self.tr("Save"), QMessageBox.ButtonRole.AcceptRole)
        discard = box.addButton(self.tr("Discard"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(self.tr("Cancel"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(save)
        choices: dict[QPushButton, Unsaved] = {save: "save", discard: "discard"}
        return await _choice(box, choices, "cancel")

    async def ask_about_conflict(self, name: str, *, can_reload: bool) -> Conflict:
        """Ask what to do when the file on disk is not the one that was opened."""
        box = _box(self._parent, self.tr("The file on disk has changed"))
        box.setText(self.tr("{name} on disk is not the file that was opened here.").format(name=name))
        box.setInformativeText(
            self.tr("Overwriting loses what the other program wrote; reloading loses what was changed here.")
        )
        save_as = box.addButton(self.tr("Save under another name"), QMessageBox.ButtonRole.AcceptRole)
        overwrite = box.addButton(self.tr("Overwrite"), QMessageBox.ButtonRole.DestructiveRole)
        choices: dict[QPushButton, Conflict] = {save_as: "save_as", overwrite: "overwrite"}
        if can_reload:
            choices[box.addButton(self.tr("Reload"), QMessageBox.ButtonRole.DestructiveRole)] = "reload"
        box.addButton(self.tr("Cancel"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(save_as)
        return await _choice(box, choices, "cancel")

    async def ask_about_reload(self, name: str) -> bool:
        """Ask whether to lose the unsaved changes for what is on disk."""
        box = _box(self._parent, self.tr("Reload from disk"))
        box.setText(self.tr("Reload {name} and lose the changes made here?").format(name=name))
        reload = box.addButton(self.tr("Reload"), QMessageBox.ButtonRole.DestructiveRole)
        cancel = box.addButton(self.tr("Cancel"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(cancel)
        choices: dict[QPushButton, bool] = {reload: True}
        return await _choice(box, choices, False)

    async def pick_files_to_open(self, folder: Path | None) -> list[Path]:
        """Files to open; none when the user cancels."""
        dialog = FileDialog(self._parent, self.tr("Open files"), str(folder or ""))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        return await _picked(dialog)

    async def pick_folder(self, folder: Path | None) -> Path | None:
        """Ask for a folder to open; None when the user cancels."""
        dialog = FileDialog(self._parent, self.tr("Open a folder"), str(folder or ""))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        return next(iter(await _picked(dialog)), None)

    async def pick_file_to_save(self, folder: Path | None, name: str) -> Path | None:
        """Ask where to save, and before a file is replaced. None when the user cancels."""
        dialog = FileDialog(self._parent, self.tr("Save the text as"), str(folder or ""))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setFileMode(QFileDialog.FileMode.AnyFile)
        dialog.selectFile(name)
        return next(iter(await _picked(dialog)), None)

    async def ask_for_line(self, present: int, last: int) -> int | None:
        """The line to go to, from 1; None when the user cancels."""
        dialog = QInputDialog(self._parent)
        dialog.setInputMode(QInputDialog.InputMode.IntInput)
        dialog.setWindowTitle(self.tr("Go to line"))
        dialog.setLabelText(self.tr("Line, 1 to {last}:").format(last=last))
        dialog.setIntRange(1, last)
        dialog.setIntValue(present)
        field = dialog.findChild(QSpinBox)
        assert field is not None
        field.selectAll()
        widen_for_title(dialog, field)
        EarlyKeys(dialog, field)
        return dialog.intValue() if await _closed(dialog, modal=False) else None


def _box(parent: QWidget, title: str) -> QMessageBox:
    box = QMessageBox(parent)
    box.setWindowTitle(title)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setIcon(QMessageBox.Icon.NoIcon)
    return box


async def _closed(dialog: QDialog, *, modal: bool = True) -> bool:
    """Open a dialog and wait until it is closed: whether it was accepted. Behind a `modal` one nothing can be
    used meanwhile."""
    done: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def on_finished(result: int) -> None:
        if not done.done():
            done.set_result(result)

    dialog.finished.connect(on_finished)
    if modal:
        dialog.open()
    else:
        dialog.show()
    try:
        return await done == QDialog.DialogCode.Accepted.value
    finally:
        dialog.deleteLater()


async def _choice(box: QMessageBox, choices: dict[QPushButton, Choice], otherwise: Choice) -> Choice:
    await _closed(box)
    clicked = box.clickedButton()
    return next((choice for made, choice in choices.items() if made is clicked), otherwise)


async def _picked(dialog: FileDialog) -> list[Path]:
    return [Path(path) for path in dialog.selectedFiles()] if await _closed(dialog) else []
