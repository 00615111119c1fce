"""The buttons for changes over several files, above the text until they are forgotten."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QWidget

from app.ui.base.announce import announce
from app.ui.base.theme import Theme
from app.ui.widgets.card import button, label
from app.ui.widgets.flow_row import FlowRow


class ChangeSetBar(QWidget):
    """Says how far the decisions are. GUI thread only."""

    accept_all = Signal()
    reject_all = Signal()
    next_file = Signal()
    undo = Signal()
    save_all = Signal()
    closed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.words = label("", "small", wrap=True)
        self.accept_button = button(
            self.tr("Accept all files"), tip=self.tr("Accept what waits in every file")
        )
        self.reject_button = button(
            self.tr("Reject all files"), tip=self.tr("Reject what waits in every file")
        )
        self.next_button = button(
            self.tr("Next file"), "quiet", tip=self.tr("Go to the next file that waits")
        )
        self.undo_button = button(
            self.tr("Undo all"), tip=self.tr("Take back what was accepted, in every file")
        )
        self.save_button = button(self.tr("Save all"), tip=self.tr("Save the files that were changed"))
        self.close_button = button(kind="quiet", name=self.tr("Close"))
        layout = FlowRow(self)
        layout.setContentsMargins(14, 6, 10, 6)
        layout.add(self.words, stretch=True)
        for made, signal in (
            (self.accept_button, self.accept_all),
            (self.reject_button, self.reject_all),
            (self.next_button, self.next_file),
            (self.undo_button, self.undo),
            (self.save_button, self.save_all),
            (self.close_button, self.closed),
        ):
            # A click leaves the focus in the text, whose keys decide.
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            made.clicked.connect(signal)
            layout.add(made)
        theme.changed.connect(self._draw_icons)
        self._draw_icons()
        self.hide()

    def show_waiting(self, waiting: int, files: int, missing: str) -> None:
        """Say that `waiting` of so many files have changes to decide about; `missing` names files that could
        not be shown."""
        text = self.tr("Changes in {files} files, {waiting} to decide.")
        if missing:
            text = self.tr("Changes in {files} files, {waiting} to decide. Not shown: {missing}.")
        text = text.format(files=files, waiting=waiting, missing=missing)
        self._show(
            text, [self.accept_button, self.reject_button, *([self.next_button] if waiting > 1 else [])]
        )

    def show_decided(self, changed: int, files: int, kept: str) -> None:
        """Say that all was decided; `kept` names files that could not be taken back."""
        text = self.tr("{changed} of {files} files were changed.")
        if kept:
            text = self.tr(
                "{changed} of {files} files were changed. Edited since, so not taken back: {kept}."
            )
        text = text.format(changed=changed, files=files, kept=kept)
        self._show(text, [*([self.undo_button, self.save_button] if changed else []), self.close_button])

    def _show(self, text: str, buttons: list[QPushButton]) -> None:
        if text != self.words.text() or self.isHidden():
            announce(self, text)
        self.words.setText(text)
        for made in (
            self.accept_button,
            self.reject_button,
            self.next_button,
            self.undo_button,
            self.save_button,
            self.close_button,
        ):
            made.setVisible(made in buttons)
        self.show()

    def _draw_icons(self) -> None:
        self.accept_button.setIcon(self._theme.icon("check", "text"))
        self.reject_button.setIcon(self._theme.icon("x", "text"))
        self.next_button.setIcon(self._theme.icon("caret-right"))
        self.undo_button.setIcon(self._theme.icon("arrow-counter-clockwise", "text"))
        self.save_button.setIcon(self._theme.icon("floppy-disk", "text"))
        self.close_button.setIcon(self._theme.icon("x"))
