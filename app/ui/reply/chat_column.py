"""The messages of a chat in one column, which stays at its end while a reply streams."""

from bisect import bisect

from PySide6.QtCore import QCoreApplication, QEvent, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.ui.base import shortcuts
from app.ui.base.add_action import with_keys
from app.ui.base.theme import Theme
from app.ui.reply.child_order import keep_order, put_before
from app.ui.reply.selection_area import SelectionArea
from app.ui.widgets.card import button

COLUMN_PX = 820
MARGIN_PX = 28
NEAR_END_PX = 24


class ChatColumn(SelectionArea):
    """Holds message widgets; new content is followed unless the user has scrolled up or is selecting with
    the mouse. GUI thread."""

    earlier_requested = Signal()
    filled = Signal()
    """Many messages have come and have their places."""

    def __init__(
        self, theme: Theme, parent: QWidget | None = None, *, side_px: int = MARGIN_PX, above_px: int = 20
    ) -> None:
        """`side_px` and `above_px` are left free beside the messages, and above and below them."""
        super().__init__(parent)
        self._theme = theme
        self._follows = True
        self._notes: list[QWidget] = []
        self._listed: list[QWidget] = []
        """The widgets of the messages, of `_listed_count` items of the layout: each of a long chat that comes
        asks for them again and again."""
        self._listed_count = -1
        self.setWidgetResizable(True)
        # A bar that comes and goes would have every paragraph laid out for two widths with each word.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(self.tr("Conversation"))
        # From the outside to the inside: for what moves, Qt works out the style of all that is in it anew.
        self._page = page = QWidget(self.viewport())
        page.setProperty("look", "page")
        row = QHBoxLayout(page)
        row.setContentsMargins(side_px, above_px, side_px, above_px)
        self._column = column = QWidget(page)
        column.setMaximumWidth(COLUMN_PX)
        # Whatever is in it: what is too wide is cut by itself, not the whole column.
        column.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row.addStretch(1)
        row.addWidget(column, 1000)
        row.addStretch(1)
        self._messages = QVBoxLayout(column)
        self._messages.setContentsMargins(0, 0, 0, 0)
        self._messages.setSpacing(16)
        self._earlier = button(self.tr("Show earlier messages"), "quiet")
        self._earlier.clicked.connect(self.earlier_requested)
        self._earlier.hide()
        self._messages.addWidget(self._earlier, 0, Qt.AlignmentFlag.AlignHCenter)
        self._messages.addStretch(1)
        self.setWidget(page)
        self._latest = button(
            self.tr("Latest"), tip=with_keys(self.tr("Go to the end of the chat"), shortcuts.END_OF_CHAT)
        )
        self._latest.setParent(self)
        self._latest.hide()
        self._latest.clicked.connect(self.go_to_end)
        bar = self.verticalScrollBar()
        bar.rangeChanged.connect(self._on_range_changed)
        bar.valueChanged.connect(self._on_value_changed)
        theme.changed.connect(self._draw_icons)
        self._draw_icons()

    @property
    def follows(self) -> bool:
        """Tell whether the column scrolls along with new content."""
        return self._follows

    def clear(self) -> list[QWidget]:
        """Take all messages out and hide them; they are returned, to be deleted or to be given away.

        They keep their parent: without one, the style sheet would be worked out anew for each of their parts.
        """
        self.forget_selection()
        self._listed_count = -1
        taken = []
        while self._messages.count() > 2:
            item = self._messages.takeAt(1)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                taken.append(widget)
        self._earlier.hide()
        self._notes.clear()
        self._follows = True
        self._show_latest()
        return taken

    def add(self, widget: QWidget) -> None:
        """Put a message at the end."""
        # Laid out for its place at once, not for Qt's first guesses before.
        widget.resize(self._column.width(), widget.height())
        self._listed_count = -1
        self._messages.insertWidget(self._messages.count() - 1, widget)
        # The composer was made before it.
        keep_order(widget)
        widget.show()

    def add_note(self, widget: QWidget, before: QWidget | None) -> None:
        """Put something that is no message before a message, or at the end."""
        self._listed_count = -1
        self._messages.removeWidget(widget)
        place = self._messages.count() - 1 if before is None else self._messages.indexOf(before)
        self._messages.insertWidget(place, widget)
        if before is None:
            keep_order(widget)
        else:
            put_before(widget, before)
        if widget not in self._notes:
            self._notes.append(widget)
        widget.show()

    def begin_filling(self) -> None:
        """Messages come that are laid out once, at the end; what is seen stays painted until then."""
        self.viewport().setUpdatesEnabled(False)
        self._messages.setEnabled(False)

    @property
    def is_filling(self) -> bool:
        """Tell whether messages are coming that are not laid out yet."""
        return not self._messages.isEnabled()

    def end_filling(self) -> None:
        """Lay out what has come, and show it."""
        if self.is_filling:
            self._messages.setEnabled(True)
            self._lay_out()
            # Of what came while the layout was off, the area has not heard.
            QCoreApplication.sendEvent(self, QEvent(QEvent.Type.LayoutRequest))
            self.viewport().setUpdatesEnabled(True)
            self.filled.emit()

    def add_first(self, widget: QWidget) -> None:
        """Put an earlier message above the others; what is in sight stays where it is."""
        if self.is_filling:
            self._insert_first(widget)
            return
        follows = self._follows and not self.is_dragging
        # They stand one below the other.
        shown = self.messages()
        place = bisect(shown, 0, key=lambda each: self._top_of(each) + each.height())
        seen = shown[place] if place < len(shown) else None
        before = 0 if seen is None else self._top_of(seen)
        # Nothing of it is made for being seen before it has its place.
        widget.setUpdatesEnabled(False)
        self._insert_first(widget)
        self._lay_out()
        if seen is not None and not follows:
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() + self._top_of(seen) - before)
        widget.setUpdatesEnabled(True)
        self.filled.emit()

    def _lay_out(self) -> None:
        """Give all messages their places now, and the page its height; only then it can be scrolled far."""
        self._messages.activate()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest.value)

    def _insert_first(self, widget: QWidget) -> None:
        below = self._messages.itemAt(1)
        other = below.widget() if below is not None else None
        widget.resize(self._column.width(), widget.height())
        self._listed_count = -1
        self._messages.insertWidget(1, widget)
        if other is not None:
            put_before(widget, other)
        else:
            keep_order(widget)
        widget.show()

    @property
    def is_full(self) -> bool:
        """Tell whether the messages are as high together as what is seen."""
        return self._messages.totalHeightForWidth(self._column.width()) >= self.viewport().height()

    def _top_of(self, widget: QWidget) -> int:
        """Pixels from the upper edge of what is seen."""
        return widget.mapTo(self.viewport(), widget.rect().topLeft()).y()

    def remove(self, widget: QWidget) -> None:
        """Take one message out."""
        self._listed_count = -1
        if widget in self._notes:
            self._notes.remove(widget)
        else:
            self.forget_selection()
        self._messages.removeWidget(widget)
        widget.setParent(None)

    def messages(self) -> list[QWidget]:
        """The message widgets from the first to the last."""
        # One that is deleted leaves the layout by itself.
        if self._listed_count != self._messages.count():
            self._listed_count = self._messages.count()
            items = (self._messages.itemAt(number) for number in range(1, self._listed_count - 1))
            widgets = [item.widget() for item in items if item is not None]
            self._listed = [each for each in widgets if each is not None and each not in self._notes]
        return list(self._listed)

    def offer_earlier(self, offered: bool) -> None:
        """Show or hide the button for the messages before the shown ones."""
        self._earlier.setVisible(offered)

    def go_to(self, widget: QWidget) -> None:
        """Show the beginning of a message, with a little of what stands above it."""
        self.end_filling()
        self._follows = False
        self._messages.activate()
        self._page.adjustSize()
        top = widget.mapTo(self._page, widget.rect().topLeft()).y()
        self.verticalScrollBar().setValue(max(0, top - MARGIN_PX))

    def go_to_end(self) -> None:
        """Show the end, and follow it."""
        self._follows = True
        self._latest.hide()
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Keep the button to the end in its place."""
        super().resizeEvent(event)
        self._place_latest()

    def _on_range_changed(self, least: int, most: int) -> None:
        self.verticalScrollBar().setEnabled(most > least)
        if self._follows and not self.is_dragging:
            self.verticalScrollBar().setValue(most)
        else:
            self._on_value_changed(self.verticalScrollBar().value())

    def _on_value_changed(self, value: int) -> None:
        self._follows = value >= self.verticalScrollBar().maximum() - NEAR_END_PX
        self._show_latest()

    def _show_latest(self) -> None:
        self._latest.setVisible(not self._follows)
        self._place_latest()

    def _place_latest(self) -> None:
        self._latest.adjustSize()
        area = self.viewport().geometry()
        self._latest.move(
            area.center().x() - self._latest.width() // 2, area.bottom() - self._latest.height() - 8
        )
        self._latest.raise_()

    def _draw_icons(self) -> None:
        self._latest.setIcon(self._theme.icon("arrow-down", "text"))
        self._earlier.setIcon(self._theme.icon("arrow-up"))
