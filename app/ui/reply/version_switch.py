"""Arrows between the versions of a message."""

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from app.ui.base.theme import Theme
from app.ui.reply.child_order import keep_order
from app.ui.widgets.card import button, label


class VersionSwitch(QWidget):
    """`‹ 2 of 3 ›`; hidden where there is one version only. GUI thread."""

    chosen = Signal(int)
    """The number of the message to show."""
    changed = Signal()
    """It takes another width."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._versions: Sequence[int] = ()
        self._index = 0
        # Made when there are versions: each message of a chat has a switch, and most have one version.
        self._parts: _Parts | None = None
        self.hide()

    @property
    def text(self) -> str:
        """The text between the arrows; empty when hidden."""
        return "" if self.isHidden() or self._parts is None else self._parts.place.text()

    def show_versions(self, versions: Sequence[int], shown: int) -> None:
        """Show the number of the shown version among all of a message."""
        self._versions = versions
        self._index = versions.index(shown) if shown in versions else 0
        if len(versions) > 1:
            if self._parts is None:
                self._parts = self._made()
                self._draw_icons()
            parts = self._parts
            parts.place.setText(
                self.tr("{number} of {count}").format(number=self._index + 1, count=len(versions))
            )
            parts.before.setEnabled(self._index > 0)
            parts.next.setEnabled(self._index + 1 < len(versions))
        self.setVisible(len(versions) > 1)
        self.changed.emit()

    def _made(self) -> "_Parts":
        parts = _Parts(
            button("", "quiet", name=self.tr("Earlier version")),
            label("", "small"),
            button("", "quiet", name=self.tr("Later version")),
        )
        parts.before.clicked.connect(lambda: self.chosen.emit(self._versions[self._index - 1]))
        parts.next.clicked.connect(lambda: self.chosen.emit(self._versions[self._index + 1]))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for widget in parts:
            row.addWidget(widget)
        keep_order(self)
        self._theme.changed.connect(self._draw_icons)
        return parts

    def _draw_icons(self) -> None:
        if self._parts is not None:
            self._parts.before.setIcon(self._theme.icon("caret-left"))
            self._parts.next.setIcon(self._theme.icon("caret-right"))


class _Parts(NamedTuple):
    """The widgets from the left to the right."""

    before: QPushButton
    place: QLabel
    next: QPushButton
