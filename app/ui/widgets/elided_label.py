"""A label that shortens its text instead of asking for room."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.base.plain_text import PlainLabel, set_tip


class ElidedLabel(PlainLabel):
    """One line of plain text, shortened at the end or in the `middle`; the whole text is its tool tip then,
    where `tip` does not leave that to the parent. GUI thread."""

    def __init__(
        self, look: str = "body", parent: QWidget | None = None, *, tip: bool = True, middle: bool = False
    ) -> None:
        super().__init__("", parent)
        self._elide = Qt.TextElideMode.ElideMiddle if middle else Qt.TextElideMode.ElideRight
        self._has_tip = tip
        self.setProperty("look", look)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Next to no width; the height of a line."""
        return QSize(40, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw as much as fits."""
        if self.wordWrap():
            super().paintEvent(event)
            return
        room = self.contentsRect()
        shown = self.fontMetrics().elidedText(self.text(), self._elide, room.width())
        set_tip(self, self.text() if self._has_tip and shown != self.text() else "")
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(room, self.alignment(), shown)
