"""The content of an area that scrolls downwards, the ring around an area that has the keyboard, and how what
has come, or the keyboard comes to, is brought into sight."""

from collections.abc import Callable
from dataclasses import dataclass

import shiboken6
from PySide6.QtCore import QEvent, QModelIndex, QObject, QPoint, QRect, QSize, Qt, QTimer
from PySide6.QtGui import QFocusEvent, QPainter, QPaintEvent, QPalette, QRegion, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractScrollArea,
    QApplication,
    QDialog,
    QScrollArea,
    QWidget,
)

RING_PX = 2
BESIDE_BAR_PX = 12
"""Between cards and the bar that scrolls them, which stands in the edge of a dialog."""
MARGIN_PX = 16
"""Left free beside a part that was scrolled to."""
LAYOUT_TURNS = 8
"""So many turns of the event loop a part may take to come to its place."""
_KEPT = (Qt.FocusReason.ActiveWindowFocusReason, Qt.FocusReason.PopupFocusReason)
"""Reasons for which the keyboard comes back to where it was."""


class ScrolledPage(QWidget):
    """As high as its words take in the width that it has.

    A scroll area makes its content at least as high as its smallest size, for which Qt breaks each text into
    short lines: in a wide window the page would end in empty room.

    What is seen of it stays where it is while parts above that grow, shrink, come or go; at the top, what
    comes there is seen.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._is_too_wide = False
        """The screen is too narrow for it, so that its area scrolls sideways."""
        self._anchor: _Anchor | None = None

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Leave the height to the width, where it depends on it."""
        hint = super().minimumSizeHint()
        layout = self.layout()
        is_left = layout is not None and layout.hasHeightForWidth()
        return QSize(hint.width(), 0) if is_left else hint

    def event(self, event: QEvent) -> bool:
        """Follow what it holds, also in a larger size of text."""
        done = super().event(event)
        if event.type() in (QEvent.Type.Show, QEvent.Type.LayoutRequest) and isinstance(
            self.window(), QDialog
        ):
            self._widen_dialog()
        if event.type() == QEvent.Type.Show and self._anchor is None:
            area = self._area()
            self._anchor = _Anchor(area) if area is not None else None
        elif event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest) and self._anchor is not None:
            # The layout has done its work before the event comes here.
            self._anchor.hold()
        return done

    def _area(self) -> QScrollArea | None:
        viewport = self.parentWidget()
        area = viewport.parentWidget() if viewport is not None else None
        return area if isinstance(area, QScrollArea) else None

    def _widen_dialog(self) -> None:
        """Keep a dialog that does not scroll sideways as wide as its words need; where the screen is narrower
        than that, let it scroll."""
        area = self._area()
        if area is None or not area.isVisible():
            return
        off, needed = Qt.ScrollBarPolicy.ScrollBarAlwaysOff, Qt.ScrollBarPolicy.ScrollBarAsNeeded
        if area.horizontalScrollBarPolicy() != off and not self._is_too_wide:
            return
        beside_px = self.window().width() - area.width() + 2 * MARGIN_PX
        most_px = self.screen().availableSize().width() - beside_px
        bar_px = area.verticalScrollBar().sizeHint().width()
        wanted_px = self.minimumSizeHint().width() + bar_px + 2 * area.frameWidth()
        self._is_too_wide = wanted_px > most_px
        area.setHorizontalScrollBarPolicy(needed if self._is_too_wide else off)
        area.setMinimumWidth(min(wanted_px, most_px))


def bring_into_sight(widget: QWidget) -> None:
    """Scroll to a control. Qt does so only where the keyboard was in the same scrolled area before."""
    # From the inside to the outside.
    for area in reversed(widget.window().findChildren(QScrollArea)):
        if area.isVisible() and area.isAncestorOf(widget):
            area.ensureWidgetVisible(widget)


def scroll_to(area: QScrollArea, part: QWidget) -> None:
    """Scroll to a part of a page that has just come, once it has its place: as far as shows all of it, or its
    beginning where it is higher than the area."""

    def scroll(known: QRect, turns: int) -> None:
        page = area.widget()
        if page is None or not page.isAncestorOf(part) or not part.isVisible():
            return
        place = QRect(part.mapTo(page, QPoint(0, 0)), part.size())
        if place != known and turns:
            # What is above it may still grow: the height of words follows their width.
            QTimer.singleShot(0, part, lambda: scroll(place, turns - 1))
            return
        bar, room_px = area.verticalScrollBar(), area.viewport().height()
        before, top, foot = bar.value(), place.top(), place.top() + place.height()
        if top < before or foot - top > room_px:
            bar.setValue(top - MARGIN_PX)
        elif foot > before + room_px:
            bar.setValue(min(foot + MARGIN_PX - room_px, top))
        if bar.value() != before:
            _Shield(area.viewport())

    QTimer.singleShot(0, part, lambda: scroll(QRect(), LAYOUT_TURNS))


@dataclass(frozen=True, slots=True)
class ScrollPlace:
    """The place to which a page is scrolled: the part at the top of what is seen, by its number in the page's
    layout, and the pixels of it above that."""

    part: int = 0
    above_px: int = 0


def scroll_place(area: QScrollArea) -> ScrollPlace:
    """Return the place to which the page of `area` is scrolled; the page's top, which may have other words
    in another language, where that is seen."""
    number, part = _top_part(area)
    return ScrollPlace() if part is None else ScrollPlace(number, area.verticalScrollBar().value() - part.y())


def scroll_to_place(area: QScrollArea, place: ScrollPlace, ended: Callable[[bool], None]) -> None:
    """Scroll a page there that has just come, once all of it has its place. Only of a page that is seen have
    the parts got theirs. `ended` is told whether it is there, else that part of the page is not seen."""
    bar = area.verticalScrollBar()

    def scroll(known: int, turns: int) -> None:
        part = dict(_parts(area)).get(place.part)
        if part is None or not part.isVisibleTo(area):
            ended(False)
            return
        top = part.y()
        if (top != known or top + place.above_px > bar.maximum()) and turns:
            QTimer.singleShot(0, area, lambda: scroll(top, turns - 1))
            return
        bar.setValue(top + place.above_px)
        ended(True)

    QTimer.singleShot(0, area, lambda: scroll(-1, LAYOUT_TURNS))


def _parts(area: QScrollArea) -> list[tuple[int, QWidget]]:
    page = area.widget()
    layout = page.layout() if page is not None else None
    if layout is None:
        return []
    items = [layout.itemAt(number) for number in range(layout.count())]
    parts = [item.widget() if item is not None else None for item in items]
    return [(number, part) for number, part in enumerate(parts) if part is not None]


def _top_part(area: QScrollArea) -> tuple[int, QWidget | None]:
    """The part at the top of what is seen, and its number; None where the page is scrolled to its top."""
    value = area.verticalScrollBar().value()
    if value:
        for number, part in reversed(_parts(area)):
            if part.isVisibleTo(area) and part.y() <= value:
                return number, part
    return 0, None


class _Anchor(QObject):
    """Holds the place to which an area was scrolled last, by the user or the program. Belongs to the area;
    GUI thread."""

    def __init__(self, area: QScrollArea) -> None:
        super().__init__(area)
        self._area = area
        self._part: QWidget | None = None
        self._above_px = 0
        self._is_holding = False
        self._note()
        bar = area.verticalScrollBar()
        bar.valueChanged.connect(self._note)
        # The room to scroll in is known only after the parts have their places.
        bar.rangeChanged.connect(self.hold)

    def hold(self) -> None:
        """Scroll there again, where its part has moved."""
        part = self._part
        if part is None or self._is_holding:
            return
        if not (shiboken6.isValid(part) and part.isVisibleTo(self._area)):
            self._note()
            return
        self._is_holding = True
        try:
            self._area.verticalScrollBar().setValue(part.y() + self._above_px)
        finally:
            self._is_holding = False

    def _note(self) -> None:
        if not self._is_holding:
            _, self._part = _top_part(self._area)
            if self._part is not None:
                self._above_px = self._area.verticalScrollBar().value() - self._part.y()


class _Shield(QWidget):
    """Lies over a page that has moved at a click, until the second half of a double click has come: it would
    press what is below the mouse by now."""

    def __init__(self, viewport: QWidget) -> None:
        super().__init__(viewport)
        self.resize(viewport.size())
        self.show()
        QTimer.singleShot(QApplication.doubleClickInterval(), self, self.deleteLater)


def bring_row_into_sight(view: QAbstractItemView, index: QModelIndex) -> None:
    """Scroll the pages around a table to one of its rows."""
    row = view.visualRect(index)
    for area in reversed(view.window().findChildren(QScrollArea)):
        page = area.widget()
        if index.isValid() and page is not None and page.isAncestorOf(view):
            area.ensureVisible(0, view.viewport().mapTo(page, row.center()).y(), 0, row.height())


def follow_rows(view: QAbstractItemView) -> None:
    """Let the page around a table, which is as high as its rows, follow the row that the keyboard comes to.
    What is clicked stays under the mouse, and where rows are only shown anew, with the view's signals
    blocked, the page stays where it is."""

    def follow(now: QModelIndex) -> None:
        if view.hasFocus() and not view.signalsBlocked() and not QApplication.mouseButtons():
            bring_row_into_sight(view, now)

    view.selectionModel().currentChanged.connect(follow)


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
        with QPainter(self) as painter:
            painter.fillRect(event.rect(), self.palette().color(QPalette.ColorRole.Accent))
