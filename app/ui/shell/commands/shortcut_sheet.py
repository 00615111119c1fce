"""The list of shortcuts: F1."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QScrollArea, QVBoxLayout, QWidget

from app.ui.base.add_action import Command
from app.ui.widgets.card import label
from app.ui.widgets.scrolled_page import KeyboardRing, ScrolledPage


class ShortcutSheet(QDialog):
    """The shortcuts of the window and of the tab in front. GUI thread."""

    def __init__(self, groups: Sequence[tuple[str, Sequence[Command]]], parent: QWidget) -> None:
        """`groups` are captions with their commands; those without keys are left out."""
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        self.resize(520, 600)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        # From the outside to the inside: for what moves, Qt works out the style of all that is in it anew.
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setAccessibleName(self.windowTitle())
        KeyboardRing(scroll)
        layout.addWidget(scroll, 1)
        page = ScrolledPage(scroll.viewport())
        scroll.setWidget(page)
        grid = QGridLayout(page)
        grid.setContentsMargins(8, 8, 8, 8)
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(8)
        row = 0
        for caption, listed in groups:
            commands = [command for command in listed if command.keys]
            if not commands:
                continue
            grid.addWidget(label(caption, "title"), row, 0, 1, 2)
            row += 1
            for command in commands:
                grid.addWidget(label(command.title), row, 0)
                grid.addWidget(label(command.keys, "muted"), row, 1, Qt.AlignmentFlag.AlignRight)
                row += 1
        grid.setRowStretch(row, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
