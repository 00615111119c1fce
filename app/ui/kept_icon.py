"""Icons that are drawn once: qtawesome draws the letter of its font anew in each painting."""

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPixmap


class KeptIcon(QIconEngine):
    """Keeps the pixmaps of `drawn`, in each size and state that was asked for. GUI thread."""

    def __init__(self, drawn: QIcon) -> None:
        super().__init__()
        self._drawn = drawn
        self._pixmaps: dict[tuple[int, int, QIcon.Mode, QIcon.State], QPixmap] = {}

    def clone(self) -> QIconEngine:
        """For a copy of the icon that is changed."""
        return KeptIcon(self._drawn)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        """The icon in `size` pixels of the device."""
        key = (size.width(), size.height(), mode, state)
        kept = self._pixmaps.get(key)
        if kept is None:
            kept = self._pixmaps[key] = self._drawn.pixmap(size, 1.0, mode, state)
        return kept

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        """Draw it as large as `rect`, for whoever paints the icon itself."""
        self._drawn.paint(painter, rect, mode=mode, state=state)
