"""Find which part of a widget is near to what the scroll area around it shows."""

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QPoint, Signal
from PySide6.QtWidgets import QScrollArea, QWidget

from app.ui.reply.chat_column import NEAR_END_PX, ChatColumn

Zone = tuple[int, int]
"""From and to, in pixels from the widget's upper edge."""
NOWHERE: Zone = (0, 0)
EVERYWHERE: Zone = (-(1 << 30), 1 << 30)


def wider(zone: Zone, screens: float) -> Zone:
    """The zone and so many times its height above and below it."""
    top, bottom = zone
    margin = round(screens * (bottom - top))
    return top - margin, bottom + margin


class Sight(QObject):
    """Watches where a widget stands in the scroll area that it is in. GUI thread only."""

    moved = Signal()
    """Another part of the widget may be seen."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        self._watched: QScrollArea | None = None

    def zone(self) -> Zone:
        """Return the part of the widget that the area shows, in the widget's pixels. `EVERYWHERE` if it never
        was in a scroll area, `NOWHERE` while it is hidden, waits for its place or was taken out."""
        area = self._area()
        if self._watched is None:
            return EVERYWHERE
        if area is None or not (self._widget.isVisible() and self._widget.updatesEnabled()):
            return NOWHERE
        top = self._widget.mapFrom(area.viewport(), QPoint(0, 0)).y()
        return top, top + area.viewport().height()

    def follow(self, moved_px: int) -> None:
        """Scroll after the visible part, which changes above it have moved down in the widget by `moved_px`.
        An area that is at its end stays there."""
        area = self._area()
        if area is None or not moved_px:
            return
        bar = area.verticalScrollBar()
        if bar.value() >= bar.maximum() - NEAR_END_PX:
            return
        # Only a page that has its new height can be scrolled so far.
        QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest.value)
        bar.setValue(bar.value() + moved_px)

    def _area(self) -> QScrollArea | None:
        """The area around the widget now, which is listened to from the first time on."""
        around = self._widget.parentWidget()
        while around is not None and not isinstance(around, QScrollArea):
            around = around.parentWidget()
        if around is not None and around is not self._watched:
            self._watched = around
            around.verticalScrollBar().valueChanged.connect(self.moved)
            around.verticalScrollBar().rangeChanged.connect(self.moved)
            if isinstance(around, ChatColumn):
                around.filled.connect(self.moved)
        return around
