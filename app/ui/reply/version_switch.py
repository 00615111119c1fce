"""Arrows between the versions of a message."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.ui.base.theme import Theme
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
        self._before = button("", "quiet", name=self.tr("Earlier version"))
        self._before.clicked.connect(lambda: self.chosen.emit(self._versions[self._index - 1]))
        self._place = label("", "small")
        self._next = button("", "quiet", name=self.tr("Later version"))
        self._next.clicked.connect(lambda: self.chosen.emit(self._versions[self._index + 1]))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for widget in (self._before, self._place, self._next):
            row.addWidget(widget)
        self.hide()
        theme.changed.connect(self._draw_icons)
        self._draw_icons()

    @property
    def text(self) -> str:
        """The text between the arrows; empty when hidden."""
        return "" if self.isHidden() else self._place.text()

    def show_versions(self, versions: Sequence[int], shown: int) -> None:
        """Show the number of the shown version among all of a message."""
        self._versions = versions
        self._index = versions.index(shown) if shown in versions else 0
        self._place.setText(
            self.tr("{number} of {count}").format(number=self._index + 1, count=len(versions))
        )
        self._before.setEnabled(self._index > 0)
        self._next.setEnabled(self._index + 1 < len(versions))
        self.setVisible(len(versions) > 1)
        self.changed.emit()

    def _draw_icons(self) -> None:
        self._before.setIcon(self._theme.icon("caret-left"))
        self._next.setIcon(self._theme.icon("caret-right"))
