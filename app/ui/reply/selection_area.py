"""A scroll area whose messages are selected as one text, across blocks and messages."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from PySide6.QtCore import QElapsedTimer, QEvent, QMimeData, QPoint, QTimer, Signal
from PySide6.QtGui import (
    QClipboard,
    QContextMenuEvent,
    QFocusEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    Qt,
)
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QScrollArea, QWidget

from app.base.threads import start_thread
from app.chat.markdown.block_text import Selectable, text_of
from app.chat.markdown.text_selection import (
    BlockPlace,
    Copied,
    TextBlocks,
    TextKey,
    TextPlace,
    TextSelection,
    Unit,
)
from app.ui.base.field_escape import keeps_escape
from app.ui.reply.formula_card import FormulaCard
from app.ui.reply.rich.caret_steps import CaretSteps, word_at
from app.ui.reply.rich.rich_text import CLICK_PX, RichText
from app.ui.reply.selectable_text import ShownText, caret_in, place_near
from app.ui.widgets.scrolled_page import KeyboardRing

SCROLL_MS = 30
SCROLL_SHARE = 0.5
"""Of the pixels that the pointer is above or below: by so much it is scrolled each time."""
LEAST_SCROLL_PX, MOST_SCROLL_PX = 4, 160
MOST_BLOCKS, MOST_CHARACTERS = 60, 30_000
"""Of what is copied at once; a long conversation took a quarter of a second, 300 KB of code 65 ms."""
BlockSource = Callable[[], Sequence[Selectable]]
AIR_PX = 12
"""So much of what is around a caret is shown with it."""


class SelectionArea(QScrollArea):
    """Selects in the texts of its messages, by mouse and keyboard, and copies. GUI thread.

    Their widgets leave presses on text to what is around them, and paint what they are told is selected. It
    is kept by message, block and character, so that messages and blocks need no widgets. While nothing is
    selected nothing is done.
    """

    _written = Signal(object, object, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.selection = TextSelection(self._block_at, word_at)
        self._steps = CaretSteps(self.viewport())
        KeyboardRing(self)
        self._is_dragging = self._has_moved = False
        self._pressed = self._pointer = QPoint()
        self._clicked: int | None = None
        """The number of the message."""
        self._since_double_click = QElapsedTimer()
        self._scroller = QTimer(self, interval=SCROLL_MS)
        self._scroller.timeout.connect(self._on_scroller)
        self._writing = object()
        """Stands for the newest copy."""
        self._written.connect(self._on_written, Qt.ConnectionType.QueuedConnection)

    def shown_texts(self) -> list[ShownText]:
        """The texts that have widgets, from the top; each has blocks."""
        raise NotImplementedError

    def text_keys(self) -> Sequence[TextKey]:
        """All texts of the conversation in their order, also of messages that have no widgets now."""
        return [shown.key for shown in self.shown_texts()]

    def blocks_of(self, key: TextKey) -> Sequence[Selectable]:
        """The blocks of a text."""
        return next((shown.text.blocks for shown in self.shown_texts() if shown.key == key), ())

    def source_of(self, key: TextKey) -> BlockSource:
        """Return what gives the blocks of a text without widgets as they are now, on any thread."""
        return _giving(self.blocks_of(key))

    @property
    def is_dragging(self) -> bool:
        """Tell whether the mouse is selecting: what is under it had better stay there."""
        return self._is_dragging and self._has_moved

    def copy_selection(self) -> None:
        """Put what is selected on the clipboard, as Markdown and as rich text; what is much of it, or has no
        widgets, when it is written on another thread."""
        if not self.selection.is_empty:
            self._put_on_clipboard(QClipboard.Mode.Clipboard)

    def select_all(self) -> None:
        """Select the message with the keyboard or the last click; if that is selected, all of them."""
        keys = [shown.key for shown in self.shown_texts()]
        message = self._current_message()
        keys = [key for key in keys if key.message == message]
        if not keys:
            return
        if self.selection.covers(keys[0], keys[-1]):
            self.select_conversation()
        else:
            self._select(keys)

    def select_conversation(self) -> None:
        """Select all messages."""
        self._select(self.text_keys())

    def clear_selection(self) -> None:
        """Select nothing."""
        self._end_drag()
        self.selection.clear()
        self.show_selection()

    def forget_selection(self) -> None:
        """Select nothing, as its messages go."""
        self._clicked = None
        if not self.selection.is_empty or self._is_dragging:
            self.clear_selection()
        self.selection.clear()

    def select_by_keys(self, text: object, start: BlockPlace, end: BlockPlace) -> None:
        """Take over what was selected with the keyboard in a code block of one of its texts."""
        for shown in self.shown_texts():
            if shown.text is text:
                self.selection.set(TextPlace(shown.key, *start), TextPlace(shown.key, *end))
        self.show_selection()

    def show_selection(self) -> None:
        """Let the texts show what is selected of them."""
        for shown in self.shown_texts():
            shown.text.show_selection(self.selection.within(shown.key))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Begin to select, or go on to here with Shift."""
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        clicks = self._since_double_click
        is_third = clicks.isValid() and clicks.elapsed() < QApplication.doubleClickInterval()
        near = (event.position().toPoint() - self._pressed).manhattanLength() <= CLICK_PX
        self._press(event, "paragraph" if is_third and near else "character")

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Select a word, and go on by words."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._press(event, "word")
            self._since_double_click.start()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Select as far as the pointer."""
        if not self._is_dragging or not event.buttons() & Qt.MouseButton.LeftButton:
            event.ignore()
            return
        self._pointer = event.position().toPoint()
        if not self._has_moved and (self._pointer - self._pressed).manhattanLength() < CLICK_PX:
            return
        self._has_moved = True
        self._scroller.start()
        self._follow_pointer()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """End it; on systems that paste with the middle button, that has it now."""
        if event.button() != Qt.MouseButton.LeftButton or not self._is_dragging:
            event.ignore()
            return
        self._end_drag()
        if QGuiApplication.clipboard().supportsSelection() and not self.selection.is_empty:
            self._put_on_clipboard(QClipboard.Mode.Selection)

    def scrollContentsBy(self, dx: int, dy: int) -> None:  # noqa: N802
        """What is under the pointer changes."""
        super().scrollContentsBy(dx, dy)
        if self.is_dragging:
            self._follow_pointer()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        """Offer what can be done with what is selected, and with what is there."""
        place = place_near(self.shown_texts(), self.viewport(), event.pos())
        if place is None:
            event.ignore()
            return
        self._clicked = place.text.message
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        copy = menu.addAction(self.tr("Copy"), self.copy_selection)
        copy.setShortcut(QKeySequence.StandardKey.Copy)
        copy.setEnabled(not self.selection.is_empty)
        child = self.viewport().childAt(event.pos())
        clipboard = QGuiApplication.clipboard()
        if isinstance(child, RichText) and (
            address := child.link_at(child.mapFrom(self.viewport(), event.pos()))
        ):
            menu.addAction(self.tr("Copy link address"), lambda: clipboard.setText(address))
        if isinstance(child, FormulaCard):
            latex = child.latex
            menu.addAction(self.tr("Copy LaTeX"), lambda: clipboard.setText(latex))
        menu.addSeparator()
        menu.addAction(self.tr("Select message"), self._select_message)
        menu.addAction(self.tr("Select all"), self.select_conversation)
        menu.popup(event.globalPos())

    def event(self, event: QEvent) -> bool:
        """Take Escape ahead of the shortcuts while something is selected."""
        return (not self.selection.is_empty and keeps_escape(event)) or super().event(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """A label below a message that was clicked has a selection of its own."""
        super().focusOutEvent(event)
        focused = QApplication.focusWidget()
        if isinstance(focused, QLabel) and event.reason() == Qt.FocusReason.MouseFocusReason:
            self.clear_selection()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Copy, select and clear. What is typed is for whoever is around, as it means nothing here."""
        if event.matches(QKeySequence.StandardKey.Copy) and not self.selection.is_empty:
            self.copy_selection()
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            self.select_all()
        elif event.key() == Qt.Key.Key_Escape and not self.selection.is_empty:
            self.clear_selection()
        elif self.selection.head is not None and self._extend_by_key(event, self.selection.head):
            event.accept()
        else:
            super().keyPressEvent(event)

    def _press(self, event: QMouseEvent, unit: Unit) -> None:
        point = event.position().toPoint()
        event.accept()
        place = place_near(self.shown_texts(), self.viewport(), point)
        if place is None:
            return
        self._clicked = place.text.message
        self._is_dragging, self._has_moved = True, unit != "character"
        self._pressed = self._pointer = point
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier and unit == "character":
            self.selection.extend(place)
        else:
            self.selection.press(place, unit)
        self.show_selection()

    def _follow_pointer(self) -> None:
        point = QPoint(self._pointer.x(), min(max(self._pointer.y(), 0), self.viewport().height() - 1))
        place = place_near(self.shown_texts(), self.viewport(), point)
        if place is not None and place != self.selection.head:
            self.selection.drag(place)
            self.show_selection()

    def _on_scroller(self) -> None:
        """Scroll on while the pointer is outside, in a code block also sideways."""
        outside = min(self._pointer.y(), 0) + max(self._pointer.y() - self.viewport().height(), 0)
        if outside:
            pixels = min(max(round(abs(outside) * SCROLL_SHARE), LEAST_SCROLL_PX), MOST_SCROLL_PX)
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() + (pixels if outside > 0 else -pixels))
        head = self.selection.head
        for shown in self.shown_texts():
            if head is not None and shown.key == head.text:
                shown.text.reveal(BlockPlace(head.block, head.offset))
        self._follow_pointer()

    def _end_drag(self) -> None:
        self._is_dragging = self._has_moved = False
        self._scroller.stop()

    def _extend_by_key(self, event: QKeyEvent, head: TextPlace) -> bool:
        """Move the end of what is selected; False for a key that means something else."""
        self._since_double_click.invalidate()
        texts = self.shown_texts()
        place = self._steps.after(event, texts, head)
        if place is None:
            return False
        self.selection.extend(place)
        self.show_selection()
        rect = caret_in(texts, self.viewport(), place)
        if rect is not None:
            bar = self.verticalScrollBar()
            above, below = rect.top() - AIR_PX, rect.bottom() + AIR_PX - self.viewport().height()
            bar.setValue(bar.value() + min(above, 0) + (max(below, 0) if above >= 0 else 0))
        return True

    def _select_message(self) -> None:
        self._select([key for key in self.text_keys() if key.message == self._clicked])

    def _select(self, keys: Sequence[TextKey]) -> None:
        if keys:
            self.selection.select(keys[0], keys[-1])
            self.show_selection()

    def _current_message(self) -> int | None:
        """The message that has the keyboard, was clicked last, or is in the middle of what is seen."""
        focused = QApplication.focusWidget()
        viewport = self.viewport()
        point = viewport.rect().center()
        if focused is not None and viewport.isAncestorOf(focused):
            point = focused.mapTo(viewport, focused.rect().center())
        elif self._clicked is not None:
            return self._clicked
        place = place_near(self.shown_texts(), viewport, point)
        return place.text.message if place is not None else None

    def _block_at(self, place: TextPlace) -> Selectable | None:
        blocks = self.blocks_of(place.text)
        return blocks[place.block] if place.block < len(blocks) else None

    def _put_on_clipboard(self, mode: QClipboard.Mode) -> None:
        keys = [key for key in self.text_keys() if self.selection.within(key)]
        shown = {text.key: text.text.blocks for text in self.shown_texts()}
        sources = [(key, _giving(shown[key]) if key in shown else self.source_of(key)) for key in keys]
        selection, self._writing = self.selection.frozen(), object()
        writing = self._writing

        def copied() -> Copied:
            return selection.copied(TextBlocks(key, blocks()) for key, blocks in sources)

        def write() -> None:
            with suppress(RuntimeError):
                # The window may be gone.
                self._written.emit(copied(), mode, writing)

        if set(keys) <= set(shown) and _is_little([block for key in keys for block in shown[key]]):
            self._on_written(copied(), mode, writing)
        else:
            start_thread(write, "copy")

    def _on_written(self, copied: Copied, mode: QClipboard.Mode, writing: object) -> None:
        # What was copied since is newer.
        if writing is self._writing:
            data = QMimeData()
            data.setText(copied.markdown)
            data.setHtml(copied.html)
            QGuiApplication.clipboard().setMimeData(data, mode)


def _is_little(blocks: Sequence[Selectable]) -> bool:
    return len(blocks) <= MOST_BLOCKS and sum(len(text_of(block)) for block in blocks) <= MOST_CHARACTERS


def _giving(blocks: Sequence[Selectable]) -> BlockSource:
    """A copy of blocks, which may change."""
    return partial(tuple, tuple(blocks))
