"""A person with a mouse and keys in a conversation, and what they see and get."""

from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from app.chat.markdown.block_text import text_of
from app.chat.markdown.text_selection import BlockPlace
from app.ui.reply.selectable_text import ShownText
from app.ui.reply.selection_area import SelectionArea
from tests.support.waiting import wait_until

LEFT, NONE, SHIFT = (
    Qt.MouseButton.LeftButton,
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
)

UNHURRIED_MS = 60_000


class Hand:
    """Presses and drags on the window itself, as a mouse does; points are found by the words there."""

    def __init__(self, area: SelectionArea) -> None:
        self.area = area

    def text(self, number: int, part: int | None = None) -> ShownText:
        """The text of the message with this number."""
        found = [
            shown
            for shown in self.area.shown_texts()
            if shown.key.message == number and part in (None, shown.key.part)
        ]
        return found[-1]

    def point(
        self, number: int, words: str, *, after: bool = False, part: int | None = None, block: int = 0
    ) -> QPoint:
        """Where the first of these words, from a block on, begin or end in the window."""
        shown = self.text(number, part)
        for index, given in enumerate(shown.text.blocks):
            at = text_of(given).find(words)
            if at >= 0 and index >= block:
                rect = shown.text.caret_at(BlockPlace(index, at + (len(words) if after else 0)))
                inside = rect.center() + QPoint(-1 if after else 1, 0)
                return shown.widget.mapTo(self.area.window(), inside)
        raise AssertionError(f"{words} is not there")

    def press(self, point: QPoint, held: Qt.KeyboardModifier = NONE) -> None:
        self._send(QEvent.Type.MouseButtonPress, point, LEFT, LEFT, held)

    def move(self, point: QPoint) -> None:
        """With the button held."""
        self._send(QEvent.Type.MouseMove, point, Qt.MouseButton.NoButton, LEFT)
        QApplication.processEvents()

    def release(self, point: QPoint) -> None:
        self._send(QEvent.Type.MouseButtonRelease, point, LEFT, Qt.MouseButton.NoButton)

    def drag(self, start: QPoint, end: QPoint) -> None:
        self.press(start)
        self.go(start, end)
        self.release(end)

    def go(self, start: QPoint, end: QPoint) -> None:
        """Move from one point to another as a mouse does, through what lies between."""
        for step in range(1, 6):
            self.move(start + (end - start) * (step / 5))

    def click(self, point: QPoint, held: Qt.KeyboardModifier = NONE) -> None:
        self.press(point, held)
        self.release(point)

    def double_press(self, point: QPoint) -> None:
        """As a double click, with the button still held."""
        self.click(point)
        self.press(point)
        self._send(QEvent.Type.MouseButtonDblClick, point, LEFT, LEFT)

    def double_click(self, point: QPoint) -> None:
        self.double_press(point)
        self.release(point)

    def triple_click(self, point: QPoint) -> None:
        """However long the machine is busy between the clicks."""
        usual_ms = QApplication.doubleClickInterval()
        QApplication.setDoubleClickInterval(UNHURRIED_MS)
        self.double_click(point)
        self.click(point)
        QApplication.setDoubleClickInterval(usual_ms)

    def key(self, key: Qt.Key, held: Qt.KeyboardModifier = NONE) -> None:
        """Press a key in whatever has the keyboard."""
        QTest.keyClick(self.area.window().windowHandle(), key, held)

    def copied(self) -> str:
        """Press Ctrl+C and read the clipboard, where much comes a moment later."""
        clipboard = QGuiApplication.clipboard()
        clipboard.clear()
        self.key(Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
        if not self.area.selection.is_empty:
            wait_until(lambda: clipboard.text())
        return clipboard.text()

    def copied_html(self) -> str:
        return QGuiApplication.clipboard().mimeData().html()

    def _send(
        self,
        kind: QEvent.Type,
        point: QPoint,
        button: Qt.MouseButton,
        held: Qt.MouseButton,
        keys: Qt.KeyboardModifier = NONE,
    ) -> None:
        window = self.area.window().windowHandle()
        place = QPointF(point)
        event = QMouseEvent(kind, place, place, QPointF(window.mapToGlobal(point)), button, held, keys)
        QCoreApplication.sendEvent(window, event)


def selected_pixels(widget: QWidget, colour: QColor) -> int:
    """Count the pixels of a widget that have the colour of what is selected."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return sum(image.pixel(x, y) == colour.rgb() for y in range(image.height()) for x in range(image.width()))
