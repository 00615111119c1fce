"""The content of an area that scrolls downwards, the ring around an area that has the keyboard, and how what
the keyboard comes to is brought into sight."""

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QFocusEvent, QPainter, QPaintEvent, QPalette, QRegion, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QDialog, QScrollArea, QWidget

RING_PX = 2
_KEPT = (Qt.FocusReason.ActiveWindowFocusReason, Qt.FocusReason.PopupFocusReason)
"""Reasons for which the keyboard comes back to where it was."""


class ScrolledPage(QWidget):
    """As high as its words take in the width that it has.

    A scroll area makes its content at least as high as its smallest size, for which Qt breaks each text into
    short lines: in a wide window the page would end in empty room.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Leave the height to the width, where it depends on it."""
        hint = super().minimumSizeHint()
        layout = self.layout()
        is_left = layout is not None and layout.hasHeightForWidth()
        return QSize(hint.width(), 0) if is_left else hint


def bring_into_sight(widget: QWidget) -> None:
    """Scroll to a control. Qt does so only where the keyboard was in the same scrolled area before."""
    # From the inside to the outside.
    for area in reversed(widget.window().findChildren(QScrollArea)):
        if area.isVisible() and area.isAncestorOf(widget):
            area.ensureWidgetVisible(widget)


class ScrolledDialog(QDialog):
    """Brings what the Tab key comes to into sight."""

    def focusNextPrevChild(self, forward: bool) -> bool:  # noqa: N802 - Qt's name
        """Scroll to it."""
        went = super().focusNextPrevChild(forward)
        focused = QApplication.focusWidget()
        if went and focused is not None:
            bring_into_sight(focused)
        return went


class KeyboardRing(QObject):
    """Rings an area without a caret of its own while it has the keyboard, unless a click has brought that.
    Belongs to the area; GUI thread."""

    def __init__(self, area: QAbstractScrollArea) -> None:
        super().__init__(area)
        self._area = area
        self._is_shown = False
        self._ring: _Ring | None = None
        area.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Follow the keyboard, and the size of the area."""
        if isinstance(event, QFocusEvent):
            if event.gotFocus() and event.reason() not in _KEPT:
                self._is_shown = event.reason() != Qt.FocusReason.MouseFocusReason
            self._show(event.gotFocus() and self._is_shown)
        elif event.type() == QEvent.Type.Resize and self._ring is not None:
            self._ring.resize(self._area.size())
        return super().eventFilter(watched, event)

    def _show(self, shown: bool) -> None:
        if shown and self._ring is None:
            self._ring = _Ring(self._area)
        if self._ring is not None:
            self._ring.setVisible(shown)
            self._ring.raise_()


class _Ring(QWidget):
    """Lies over an area, of which it leaves free all but the edge."""

    def __init__(self, area: QWidget) -> None:
        super().__init__(area)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.resize(area.size())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Cut the middle out anew."""
        super().resizeEvent(event)
        inside = self.rect().adjusted(RING_PX, RING_PX, -RING_PX, -RING_PX)
        self.setMask(QRegion(self.rect()).subtracted(QRegion(inside)))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Fill the edge."""
        QPainter(self).fillRect(event.rect(), self.palette().color(QPalette.ColorRole.Accent))
