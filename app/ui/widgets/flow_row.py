"""Widgets in a row that goes on in the next line where there is no more room."""

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget, QWidgetItem

SPACING_PX = 8


class FlowRow(QLayout):
    """Gives each widget its own width, in as many lines as that takes; one with a stretch shares what is left
    of its line. GUI thread only.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self._stretches: list[bool] = []
        self._stretches_next = False
        self.setContentsMargins(0, 0, 0, 0)
        self.setSpacing(SPACING_PX)

    def add(self, widget: QWidget, *, stretch: bool = False) -> None:
        """Put a widget at the end."""
        self.addChildWidget(widget)
        self._stretches_next = stretch
        self.addItem(QWidgetItem(widget))
        self._stretches_next = False

    def addItem(self, item: QLayoutItem) -> None:  # noqa: N802 - Qt's name
        """Take an item over; `add` is the way in."""
        self._items.append(item)
        self._stretches.append(self._stretches_next)
        self.invalidate()

    def count(self) -> int:
        """Count the items."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:  # noqa: N802 - Qt's name
        """Return an item; None beyond the last."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:  # noqa: N802 - Qt's name
        """Give an item away."""
        if not 0 <= index < len(self._items):
            return None
        del self._stretches[index]
        return self._items.pop(index)

    def expandingDirections(self) -> Qt.Orientation:  # noqa: N802 - Qt's name
        """Use no more height than the lines need."""
        return Qt.Orientation.Horizontal

    def hasHeightForWidth(self) -> bool:  # noqa: N802 - Qt's name
        """Depend on the width for the height."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802 - Qt's name
        """Compute the height of all lines."""
        return self._place(QRect(0, 0, width, 0), apply=False)

    def minimumSize(self) -> QSize:  # noqa: N802 - Qt's name
        """Need the widest item's width."""
        size = QSize()
        for item in self._items:
            if not item.isEmpty():
                size = size.expandedTo(item.minimumSize())
        return size.grownBy(self.contentsMargins())

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Wish for all in one line."""
        shown = [item.sizeHint() for item in self._items if not item.isEmpty()]
        width = sum(hint.width() for hint in shown) + self.spacing() * max(0, len(shown) - 1)
        height = max((hint.height() for hint in shown), default=0)
        return QSize(width, height).grownBy(self.contentsMargins())

    def setGeometry(self, rect: QRect) -> None:  # noqa: N802 - Qt's name
        """Place the items."""
        super().setGeometry(rect)
        self._place(rect, apply=True)

    def _place(self, rect: QRect, *, apply: bool) -> int:
        """Place the items in `rect`; gives the height that they take, margins included."""
        margins = self.contentsMargins()
        room = rect.marginsRemoved(margins)
        top = room.top()
        for line in self._lines(room.width()):
            height = max(self._items[index].sizeHint().height() for index in line)
            if apply:
                self._place_line(line, QRect(room.left(), top, room.width(), height))
            top += height + self.spacing()
        taken = max(0, top - self.spacing() - room.top())
        return taken + margins.top() + margins.bottom()

    def _lines(self, width: int) -> list[list[int]]:
        lines: list[list[int]] = []
        used = 0
        for index, item in enumerate(self._items):
            if item.isEmpty():
                continue
            wanted = item.sizeHint().width()
            if not lines or used + self.spacing() + wanted > width:
                lines.append([index])
                used = wanted
            else:
                lines[-1].append(index)
                used += self.spacing() + wanted
        return lines

    def _place_line(self, line: list[int], room: QRect) -> None:
        widths = {index: self._items[index].sizeHint().width() for index in line}
        left_over = room.width() - sum(widths.values()) - self.spacing() * (len(line) - 1)
        growing = [index for index in line if self._stretches[index]]
        for index in growing or line[:1]:
            # A lone item that is wider than the room becomes as narrow as it can.
            if growing or left_over < 0:
                least = self._items[index].minimumSize().width()
                widths[index] = max(least, widths[index] + left_over // max(1, len(growing)))
        x = room.left()
        for index in line:
            item = self._items[index]
            hint = item.sizeHint()
            fills = bool(item.expandingDirections() & Qt.Orientation.Vertical)
            height = room.height() if fills else min(room.height(), hint.height())
            y = room.top() + (room.height() - height) // 2
            item.setGeometry(QRect(x, y, widths[index], height))
            x += widths[index] + self.spacing()
