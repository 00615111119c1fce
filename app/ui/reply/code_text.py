"""The text of a code block, as tall as its lines, of which only those near to what is seen are laid out."""

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate, repeat

from PySide6.QtCore import QEvent, QPoint, QRect, QSignalBlocker, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFont,
    QKeyEvent,
    QMouseEvent,
    QPaintEvent,
    QPalette,
    QResizeEvent,
    QShowEvent,
    QTextBlock,
    QTextCursor,
    QTextLayout,
    QTextLine,
    QTextOption,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QTextEdit, QWidget

from app.ui.base.slices import Slices
from app.ui.base.theme import Theme
from app.ui.base.utf16 import characters, utf16_length
from app.ui.reply.visible_zone import Sight, Zone, wider

LEFT_PX, TOP_PX, RIGHT_PX, BOTTOM_PX = 14, 4, 14, 10
"""Around the code."""
WHOLE_PX = 3000
"""Code up to this height is laid out whole. Qt goes through all lines of a field whenever its layout changes:
200 KB in a field of their height took 130 ms."""
COVERED_SCREENS, LEAST_COVERED_SCREENS = 1.0, 0.4
"""So many heights of the scroll area above and below it a longer one is laid out, when it was less than the
second."""
FIRST_ZONE: Zone = (0, 600)
"""Laid out of it before anything of it is seen."""
INSERTED_LINES = 2000
"""So many are put into the field at once, which takes 7 ms, and the others in the next turns."""
WIDEST_LINES = 3
TAB_CHARACTERS = 10

_LINE_END = re.compile("\r\n|[\n\r\u2029]")
_LINE_BREAK = "\u2028"
"""Begins another line of one block."""
_HAN = re.compile("[\u4e00-\u9fff]+")
_WIDE = re.compile("[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]")


class CodeText(QWidget):
    """Code that is read: scrolls sideways only, and leaves wheel and mouse to the page. GUI thread only.

    In a scroll area a long one has a field that is as high as some screens, and goes along with what is seen:
    its upper edge is where the line that is first in it belongs. Its lines come into the field some in each
    turn; until they are there it is empty where they belong.
    """

    height_changed = Signal()
    selected_by_keys = Signal(int, int)
    """From which offset it was selected with the keyboard, and where that ends now."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._text = ""
        self._selected = (0, 0)
        self._first = 0
        """The number of the first line in the field."""
        self._placing = False
        self._widest: list[tuple[int, int]] = []
        """Characters and numbers of the lines that may be the widest."""
        self._coming = Slices(self)
        """Puts the lines into the field that are not in it yet."""
        self.field = _Field(self)
        self._heights = _LineHeights(self.field.document().defaultFont())
        self._tops = [0.0, self._heights.usual]
        """Where each line begins, and where the last one ends."""
        self._sight = Sight(self)
        self._sight.moved.connect(self._cover)
        self.field.selectionChanged.connect(self._on_selection_changed)
        self.field.font_changed.connect(self._on_font_changed)
        self.field.key_pressed.connect(self._coming.finish)
        self.field.horizontalScrollBar().rangeChanged.connect(self._fit)
        self.field.verticalScrollBar().valueChanged.connect(self._hold)
        self.set_font()

    def set_font(self) -> None:
        """Take the theme's code font in its present size."""
        font = self._theme.code_font()
        # The window's sheet sets every widget's font size; only a sheet of its own overrides it.
        families = ", ".join(f'"{family}"' for family in font.families())
        self.field.setStyleSheet(f"font-family: {families}; font-size: {font.pointSizeF()}pt;")
        self._on_font_changed()

    def follow_theme(self) -> None:
        """Take the theme's font and colours."""
        self.set_font()
        self.show_selected(*self._selected)

    def change(self, old: str, new: str) -> None:
        """Make the text `new`, which mostly is `old` and more."""
        if old and new.startswith(old):
            self._coming.finish()
            self._text = new
            self._append(new[len(old) :])
            self._measure(len(self._tops) - 2)
        else:
            self._coming.stop()
            self._text = new
            lines = _lines_of(new)
            self.field.setPlainText("\n".join(lines[:INSERTED_LINES]))
            if len(lines) > INSERTED_LINES:
                self._coming.begin(self._steps(lines))
            self._measure(0)
        self._fit()

    def _steps(self, lines: list[str]) -> Iterator[None]:
        """Put the other lines into the field."""
        for first in range(INSERTED_LINES, len(lines), INSERTED_LINES):
            self._append("\n" + "\n".join(lines[first : first + INSERTED_LINES]))
            if self._selected[0] < self._selected[1]:
                self.show_selected(*self._selected)
            self._cover(anew=True)
            yield
        self._check_lines()
        self._fit()

    def _append(self, text: str) -> None:
        cursor = QTextCursor(self.field.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(text)

    def show_selected(self, start: int, end: int) -> None:
        """Show these characters as selected. The cursor stays: it would be scrolled to."""
        self._selected = (start, end)
        field = self.field
        mark = QTextEdit.ExtraSelection()
        mark.cursor = QTextCursor(field.document())
        last = field.document().characterCount() - 1
        mark.cursor.setPosition(min(self._position_of(start), last))
        mark.cursor.setPosition(min(self._position_of(end), last), QTextCursor.MoveMode.KeepAnchor)
        mark.cursor.setKeepPositionOnInsert(True)
        mark.format.setBackground(self.palette().brush(QPalette.ColorRole.Highlight))
        mark.format.setForeground(self.palette().brush(QPalette.ColorRole.HighlightedText))
        field.setExtraSelections([mark] if start < end else [])
        own = field.textCursor()
        if own.hasSelection() and (own.selectionStart(), own.selectionEnd()) != (
            mark.cursor.selectionStart(),
            mark.cursor.selectionEnd(),
        ):
            own.clearSelection()
            with QSignalBlocker(field):
                field.setTextCursor(own)

    def offset_at(self, point: QPoint) -> int:
        """The offset that is nearest to a point; the start above the code."""
        y = point.y() - TOP_PX
        if y < 0:
            return 0
        number = min(max(bisect_right(self._tops, y) - 1, 0), len(self._tops) - 2)
        if number >= self.field.blockCount():
            self._coming.finish()
        block = self._laid_out(number)
        line = _line_at(block, y - self._tops[number])
        position = block.position() + line.xToCursor(point.x() - self._left())
        return characters(self._text, position)

    def caret_rect(self, offset: int) -> QRect:
        """Where a caret would stand before the character at an offset."""
        position = self._position_of(offset)
        if position >= self.field.document().characterCount():
            self._coming.finish()
        block = self.field.document().findBlock(position)
        block = self._laid_out(block.blockNumber())
        within = position - block.position()
        line = block.layout().lineForTextPosition(within)
        x: float = line.cursorToX(within)[0]  # type: ignore[index] # a pair, whatever PySide says
        y = TOP_PX + self._tops[block.blockNumber()] + line.y()
        return QRect(round(self._left() + x), round(y), 1, round(line.height()))

    def reveal(self, offset: int) -> None:
        """Scroll sideways to where a caret would stand."""
        x, bar = self.caret_rect(offset).x() - LEFT_PX, self.field.horizontalScrollBar()
        outside = min(x, 0) + max(x - self.field.viewport().width(), 0)
        bar.setValue(bar.value() + outside)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """The horizontal bar may have come or gone."""
        super().resizeEvent(event)
        self._cover(anew=True)
        self._fit()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Now something of it can be seen."""
        super().showEvent(event)
        self._cover()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint nothing itself; follow a move that no scroll bar reported."""
        self._cover()

    def _measure(self, first: int) -> None:
        """Learn the heights of the lines from this one on, and which are the widest."""
        del self._tops[first + 1 :]
        begin = 0
        if first:
            block = self.field.document().findBlockByNumber(first)
            begin = characters(self._text, block.position())
        lines = _lines_of(self._text[begin:] if begin else self._text)
        self._take_lines(first, lines)
        if not self._coming.under_way:
            self._check_lines()

    def _check_lines(self) -> None:
        """See that the field has as many lines, now that all are in it: it may have cut them otherwise."""
        if len(self._tops) - 1 != self.field.blockCount():
            self._take_lines(0, self.field.document().toRawText().split("\u2029"))

    def _take_lines(self, first: int, lines: list[str]) -> None:
        """Learn this of these lines, which are those from the first one on."""
        self._tops[first:] = accumulate(self._heights.of_all(lines), initial=self._tops[first])
        kept = [each for each in self._widest if each[1] < first]
        widths = list(_widths(lines))
        least = min(sorted(widths)[-WIDEST_LINES:])
        wide = [(width, number) for number, width in enumerate(widths, first) if width >= least]
        self._widest = sorted(kept + wide[-WIDEST_LINES:])[-WIDEST_LINES:]

    def _on_font_changed(self) -> None:
        font = self.field.document().defaultFont()
        if font != self._heights.font:
            self._heights = _LineHeights(font)
            self._measure(0)
        self._fit()

    def _fit(self) -> None:
        """Take the height of all lines."""
        if self._is_long:
            # The bar's range is that of the lines that are laid out.
            for _, number in self._widest:
                if number < self.field.blockCount():
                    self._laid_out(number)
        height = math.ceil(self._tops[-1]) + TOP_PX + BOTTOM_PX + self._bar_px
        if height != self.height() or self.minimumHeight() != height:
            self.setFixedHeight(height)
            self.height_changed.emit()
        self._cover(anew=True)

    @property
    def _is_long(self) -> bool:
        # Qt counts lines in its bar, and here they are blocks.
        return self._tops[-1] > WHOLE_PX and _LINE_BREAK not in self._text

    @property
    def _bar_px(self) -> int:
        bar = self.field.horizontalScrollBar()
        return bar.sizeHint().height() if bar.maximum() > bar.minimum() else 0

    def _cover(self, *, anew: bool = False) -> None:
        """Put the field where something may be seen, if it is not there."""
        if self._placing:
            return
        if not self._is_long:
            self._put(0, len(self._tops) - 1)
            return
        zone = self._sight.zone()
        if zone[0] >= zone[1]:
            if not anew and self.field.height():
                return
            zone = FIRST_ZONE
        area, needed = self.field.geometry(), self._within(wider(zone, LEAST_COVERED_SCREENS))
        if not anew and area.top() <= needed[0] and needed[1] <= area.bottom() + 1:
            return
        top, bottom = self._within(wider(zone, COVERED_SCREENS))
        first = min(max(bisect_right(self._tops, top - TOP_PX) - 1, 0), len(self._tops) - 2)
        self._put(first, max(first + 1, bisect_left(self._tops, bottom - TOP_PX)))

    def _within(self, zone: Zone) -> Zone:
        """The part of a zone that is inside."""
        top, bottom = (min(max(each, 0), self.height()) for each in zone)
        return top, bottom

    def _put(self, first: int, end: int) -> None:
        """Let the field show these lines, each in its place."""
        end = min(end, len(self._tops) - 1, self.field.blockCount())
        first = min(first, end - 1)
        top = round(self._tops[first])
        bottom = math.ceil(self._tops[end]) + TOP_PX + BOTTOM_PX + self._bar_px
        self._placing = True
        try:
            moved = first != self._first
            self._first = first
            self.field.setGeometry(0, top, self.width(), bottom - top)
            self.field.verticalScrollBar().setValue(first)
            if moved:
                self.field.viewport().update()
        finally:
            self._placing = False

    def _hold(self) -> None:
        """A cursor out of the field's sight would scroll it."""
        if not self._placing:
            self._placing = True
            self.field.verticalScrollBar().setValue(self._first)
            self._placing = False

    def _laid_out(self, number: int) -> QTextBlock:
        block = self.field.document().findBlockByNumber(number)
        self.field.blockBoundingRect(block)
        return block

    def _left(self) -> float:
        """Where lines begin."""
        return LEFT_PX + self.field.contentOffset().x()

    def _position_of(self, offset: int) -> int:
        return utf16_length(self._text[:offset])

    def _on_selection_changed(self) -> None:
        if self.field.hasFocus():
            cursor = self.field.textCursor()
            ends = characters(self._text, cursor.anchor()), characters(self._text, cursor.position())
            self.selected_by_keys.emit(*ends)


class _Field(QPlainTextEdit):
    """Gets the keys, and leaves the mouse and all wheeling but sideways to what is around."""

    font_changed = Signal()
    key_pressed = Signal()
    """It is about to do what a key says."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("look", "bare")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setReadOnly(True)
        # The mouse selects over several blocks, so it is left to what is around.
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByKeyboard)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setWordWrapMode(QTextOption.WrapMode.NoWrap)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabChangesFocus(True)
        self.setUndoRedoEnabled(False)
        self.document().setDocumentMargin(0)
        self.setViewportMargins(LEFT_PX, TOP_PX, RIGHT_PX, BOTTOM_PX)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Tell of another font."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self.font_changed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Tell of it first."""
        self.key_pressed.emit()
        super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Leave it to what is around."""
        event.ignore()

    mouseMoveEvent = mouseReleaseEvent = mouseDoubleClickEvent = mousePressEvent  # noqa: N815 - Qt's names

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        """Leave it to what is around."""
        event.ignore()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Sideways here, everything else to the page."""
        if abs(event.angleDelta().x()) > abs(event.angleDelta().y()):
            super().wheelEvent(event)
        else:
            event.ignore()


class _LineHeights:
    """The heights of lines in a font, found without laying each of them out.

    A line is as high as the fonts together that have its characters. Letters of Chinese are one kind, the
    others are measured each; of those that stand as high above and below the line one stands for all.
    """

    def __init__(self, font: QFont) -> None:
        self.font = font
        self._extents: dict[str, tuple[float, float]] = {}
        self._together: dict[frozenset[tuple[float, float]], float] = {}
        self.usual = sum(self._extent("x"))
        """Of a line of Latin letters."""

    def of_all(self, lines: list[str]) -> Iterable[float]:
        """The heights of lines."""
        text = "\n".join(lines)
        if text.isascii():
            return repeat(self.usual, len(lines))
        # Most lines are like others, once one letter stands for all of its kind.
        alike: dict[tuple[float, float], set[str]] = {}
        text = _HAN.sub("国", text)
        for letter in set(text):
            if letter > "\x7f" and letter != _LINE_BREAK:
                alike.setdefault(self._extent(letter), set()).add(letter)
        like_latin = alike.pop(self._extent("x"), set())
        if not alike and _LINE_BREAK not in text:
            return repeat(self.usual, len(lines))
        text = re.sub(f"[\0-\x09\x0b-\x7f{re.escape(''.join(like_latin))}]+", "x", text)
        for letters in alike.values():
            text = re.sub(f"[{re.escape(''.join(letters))}]+", min(letters), text)
        found: dict[str, float] = {}
        shapes = text.split("\n")
        for shape in set(shapes):
            found[shape] = self._of(shape)
        return map(found.__getitem__, shapes)

    def _of(self, line: str) -> float:
        """The height of a line."""
        if line.isascii():
            return self.usual
        one_each = {self._extent(each): each for each in set(line) if each != _LINE_BREAK}
        key = frozenset(one_each)
        if key not in self._together:
            self._together[key] = sum(_measured("".join(one_each.values()), self.font))
        return self._together[key] * (line.count(_LINE_BREAK) + 1)

    def _extent(self, kind: str) -> tuple[float, float]:
        found = self._extents.get(kind)
        if found is None:
            found = self._extents[kind] = _measured(kind, self.font)
        return found


def _measured(text: str, font: QFont) -> tuple[float, float]:
    """The pixels above and below the line that letters stand on."""
    layout = QTextLayout(text, font)
    layout.beginLayout()
    line = layout.createLine()
    line.setLeadingIncluded(True)
    layout.endLayout()
    return line.ascent(), line.height() - line.ascent()


def _line_at(block: QTextBlock, y: float) -> QTextLine:
    """The line of a block at this height in it, or the nearest."""
    layout = block.layout()
    number = 0
    while number + 1 < layout.lineCount() and layout.lineAt(number + 1).y() <= y:
        number += 1
    return layout.lineAt(number)


def _lines_of(text: str) -> list[str]:
    # An expression that is sought takes ten times as long.
    return _LINE_END.split(text) if "\r" in text or "\u2029" in text else text.split("\n")


def _widths(lines: list[str]) -> Iterable[int]:
    """Estimate how wide lines are, in Latin letters."""
    text = "\n".join(lines)
    if text.isascii() and "\t" not in text:
        return map(len, lines)
    wide = _WIDE.sub("xx", text).replace("\t", "x" * (TAB_CHARACTERS + 1))
    return map(len, wide.split("\n"))
