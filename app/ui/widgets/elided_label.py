"""A label that shortens its text instead of asking for room."""

import re

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.base.plain_text import PlainLabel, set_tip

_OWNER = re.compile(r"^[^/\s]+/(?=\S)")


def fitted_name(text: str, metrics: QFontMetrics, room_px: int, model: str = "") -> str:
    """Shorten a text that begins with a model's name, or has the name of this `model` in it: its owner goes
    first, then the middle of the text. What tells models apart stands at a name's beginning and its end."""
    if metrics.horizontalAdvance(text) <= room_px:
        return text
    own = text.replace(model, _OWNER.sub("", model), 1) if model else _OWNER.sub("", text)
    return metrics.elidedText(own, Qt.TextElideMode.ElideMiddle, room_px)


class ElidedLabel(PlainLabel):
    """One line of plain text, shortened at the end or, of a `model`, as `fitted_name` does; the whole text is
    its tool tip then, where `tip` does not leave that to the parent. GUI thread."""

    def __init__(
        self, look: str = "body", parent: QWidget | None = None, *, tip: bool = True, model: bool = False
    ) -> None:
        super().__init__("", parent)
        self._names_model = model
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
        metrics = self.fontMetrics()
        if QFontMetricsF(self.font()).horizontalAdvance(self.text()) < room.width() + 1:
            # A label asks for whole pixels: it may get a fraction of one less than its text takes.
            shown = self.text()
        elif self._names_model:
            shown = fitted_name(self.text(), metrics, room.width())
        else:
            shown = metrics.elidedText(self.text(), Qt.TextElideMode.ElideRight, room.width())
        set_tip(self, self.text() if self._has_tip and shown != self.text() else "")
        with QPainter(self) as painter:
            painter.setPen(self.palette().color(self.foregroundRole()))
            painter.drawText(room, self.alignment(), shown)
