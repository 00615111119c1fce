"""The text of a code block, as tall as its rows, of which only those near to what is seen are laid out."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from itertools import accumulate

from PySide6.QtCore import QEvent, QMimeData, QPoint, QRect, QSignalBlocker, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QKeyEvent,
    QMouseEvent,
    QPaintEvent,
    QPalette,
    QResizeEvent,
    QShowEvent,
    QTextBlock,
    QTextCursor,
    QTextOption,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QTextEdit, QWidget

from app.ui.base.slices import Slices
from app.ui.base.theme import Theme
from app.ui.base.utf16 import characters, utf16_length
from app.ui.reply.code.code_rows import ROW_CHARACTERS, Rows, RowSizes, Sizes, is_dear, rows_of
from app.ui.reply.visible_zone import Sight, Zone, wider

LEFT_PX, TOP_PX, RIGHT_PX, BOTTOM_PX = 14, 4, 14, 10
"""Around the code."""
WHOLE_PX = 3000
"""Code up to this height is laid out whole. Qt goes through all rows of a field whenever its layout changes:
200 KB in a field of their height took 130 ms."""
COVERED_SCREENS, LEAST_COVERED_SCREENS = 1.0, 0.4
"""So many heights of the scroll area above and below it a longer one is laid out, when it was less than the
second."""
COVERED_CHARACTERS = 40_000
"""Where the first are more than so many, it is the second."""
FIRST_ZONE: Zone = (0, 600)
"""Laid out of it before anything of it is seen."""
INSERTED_ROWS = 1000
"""So many are put into the field at once, which takes 3 ms, and the others in the next turns."""
WIDEST_ROWS = 3


class CodeText(QWidget):
    """Code that is read: scrolls sideways only, and leaves wheel and mouse to the page. GUI thread only.

    In a scroll area a long one has a field that is as high as some screens, and goes along with what is seen:
    its upper edge is where the row that is first in it belongs. Its rows come into the field some in each
    turn, those that are seen first; until all are there they are taken to be as high as usual ones, and it is
    empty where others belong.
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
        """The number of the first row that the field shows."""
        self._begin = 0
        """The number of the first row that is in the field; the next ones follow it."""
        self._next = range(0)
        """The numbers of the rows that are put into it as the first ones."""
        self._placing = False
        self._is_dear = False
        """The text takes long to be measured, and to be laid out at first."""
        self._is_measured = True
        """The heights of rows are not taken to be usual ones."""
        self._widest: list[tuple[int, int]] = []
        """Widths and numbers of the rows that may be the widest."""
        self._coming = Slices(self)
        """Measures rows, and puts them into the field, where they are many."""
        self.field = _Field(self, self._text_between)
        self._sizes = RowSizes(self.field.document().defaultFont(), theme.letters)
        self._starts = [0]
        """At which character of the text each row begins."""
        self._tops = [0.0, self._sizes.usual]
        """Where each row begins, and where the last one ends."""
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
        sheet = f"font-family: {families}; font-size: {font.pointSizeF()}pt;"
        if self._is_dear and sheet != self.field.styleSheet():
            self._empty()
        self.field.setStyleSheet(sheet)
        self._on_font_changed()

    def follow_theme(self) -> None:
        """Take the theme's font and colours."""
        self.set_font()
        self.show_selected(*self._selected)

    @property
    def is_coming(self) -> bool:
        """Tell whether rows are still to be measured, or to be put into the field."""
        return self._coming.under_way

    def change(self, old: str, new: str) -> None:
        """Make the text `new`, which mostly is `old` and more."""
        if old and new.startswith(old):
            self._coming.finish()
            self._text = new
            self._grow(len(old))
        else:
            self._text = new
            rows = rows_of(new)
            self._starts = rows.starts
            self._is_dear = is_dear(new)
            if self._is_dear:
                self._empty()
            self._forget_sizes()
            self._show(rows, 0)
        self._fit()

    def _grow(self, end: int) -> None:
        """Take in what the text has behind this offset, where it ended before."""
        last, start = len(self._starts) - 1, self._starts[-1]
        rows = rows_of(self._text[start:])
        added = [rows.texts[0][end - start :], *rows.texts[1:]]
        self._starts[last:] = [start + each for each in rows.starts]
        self._insert(QTextCursor.MoveOperation.End, "\n".join(added))
        self._take_sizes(last, self._sizes.measured(rows.texts))

    def _show(self, rows: Rows, near: int) -> None:
        """Put the rows into the field: at once where that is quick, else beginning around one of them."""
        count = len(rows.texts)
        first = max(0, min(near - INSERTED_ROWS // 2, count - INSERTED_ROWS))
        self._next = range(first, min(first + INSERTED_ROWS, count))
        if self._is_dear:
            self._coming.begin(self._dear_steps(rows))
            return
        self._begin_field(rows)
        steps = self._steps(rows)
        if count <= INSERTED_ROWS:
            self._coming.stop()
            for _ in steps:
                pass
        else:
            self._coming.begin(steps)

    def _empty(self) -> None:
        """Take all rows from the field, which are to come anew: Qt would lay out those that are seen."""
        self.field.clear()
        self._begin = 0

    def _dear_steps(self, rows: Rows) -> Iterator[object]:
        """Put rows into the field that take long to be laid out at first: after they were measured."""
        yield from self._sizes.steps(rows.texts[self._next.start : self._next.stop])
        self._begin_field(rows)
        yield from self._steps(rows)

    def _steps(self, rows: Rows) -> Iterator[object]:
        """Learn the sizes of the rows, and put those into the field that are not in it."""
        if not self._is_measured:
            yield from self._measuring(rows)
        end, count = self._next.stop, len(rows.texts)
        while self._begin > 0 or end < count:
            yield None
            if end < count:
                some = rows.texts[end : end + INSERTED_ROWS]
                self._insert(QTextCursor.MoveOperation.End, "".join(f"\n{row}" for row in some))
                end += len(some)
            else:
                some = rows.texts[max(0, self._begin - INSERTED_ROWS) : self._begin]
                self._begin -= len(some)
                self._insert(QTextCursor.MoveOperation.Start, "".join(f"{row}\n" for row in some))
            if self._selected[0] < self._selected[1]:
                self.show_selected(*self._selected)
            self._cover(anew=True)
        self._fit()

    def _measuring(self, rows: Rows) -> Iterator[object]:
        sizes = yield from self._sizes.steps(rows.texts)
        self._take_sizes(0, sizes)

    def _begin_field(self, rows: Rows) -> None:
        """Let the field have the first rows that it is to have, and no others."""
        self._begin = self._next.start
        self.field.setPlainText("\n".join(rows.texts[self._next.start : self._next.stop]))
        if self._selected[0] < self._selected[1]:
            self.show_selected(*self._selected)
        self._cover(anew=True)

    def _insert(self, place: QTextCursor.MoveOperation, text: str) -> None:
        cursor = QTextCursor(self.field.document())
        cursor.movePosition(place)
        cursor.insertText(text)

    def show_selected(self, start: int, end: int) -> None:
        """Show these characters as selected. The cursor stays: it would be scrolled to."""
        self._selected = (start, end)
        field = self.field
        mark = QTextEdit.ExtraSelection()
        mark.cursor = QTextCursor(field.document())
        mark.cursor.setPosition(self._position_of(start))
        mark.cursor.setPosition(self._position_of(end), QTextCursor.MoveMode.KeepAnchor)
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
        row = self._row_at(y)
        block = self._laid_out(row)
        line = block.layout().lineAt(0)
        return self._offset_of(block.position() + line.xToCursor(point.x() - self._left()))

    def caret_rect(self, offset: int) -> QRect:
        """Where a caret would stand before the character at an offset."""
        row = bisect_right(self._starts, offset) - 1
        block = self._laid_out(row)
        line = block.layout().lineAt(0)
        within = self._position_of(offset) - block.position()
        x: float = line.cursorToX(within)[0]  # type: ignore[index] # a pair, whatever PySide says
        y = TOP_PX + self._tops[row] + line.y()
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

    def _forget_sizes(self) -> None:
        """Take all rows to be as high as usual ones."""
        self._is_measured = False
        self._tops = list(accumulate([self._sizes.usual] * len(self._starts), initial=0.0))
        self._widest = []

    def _take_sizes(self, first: int, sizes: Sizes) -> None:
        """Know the sizes of all rows from this one on."""
        self._is_measured = True
        self._tops[first:] = accumulate(sizes.heights, initial=self._tops[first])
        kept = [each for each in self._widest if each[1] < first]
        least = min(sorted(sizes.widths)[-WIDEST_ROWS:])
        wide = [(width, row) for row, width in enumerate(sizes.widths, first) if width >= least]
        self._widest = sorted(kept + wide[-WIDEST_ROWS:])[-WIDEST_ROWS:]
        self._fit()

    def _on_font_changed(self) -> None:
        font = self.field.document().defaultFont()
        if font != self._sizes.font:
            self._sizes = RowSizes(font, self._theme.letters)
            self._forget_sizes()
            rows = rows_of(self._text)
            if self._coming.under_way or self._is_dear:
                self._show(rows, self._row_at(sum(self._sight.zone()) // 2 - TOP_PX))
            else:
                self._coming.begin(self._measuring(rows))
                if len(rows.texts) <= INSERTED_ROWS and not self._is_dear:
                    self._coming.finish()
        self._fit()

    def _fit(self) -> None:
        """Take the height of all rows."""
        if self._is_long:
            # The bar's range is that of the rows that are laid out.
            for _, row in self._widest:
                if self._has(row):
                    self._laid_out(row)
        height = math.ceil(self._tops[-1]) + TOP_PX + BOTTOM_PX + self._bar_px
        if height != self.height() or self.minimumHeight() != height:
            self.setFixedHeight(height)
            self.height_changed.emit()
        self._cover(anew=True)

    @property
    def _is_long(self) -> bool:
        return self._tops[-1] > WHOLE_PX

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
        middle = self._row_at(sum(needed) // 2 - TOP_PX)
        if self._coming.under_way and not self._has(middle) and middle not in self._next:
            self._show(rows_of(self._text), middle)
        rows = self._rows_within(wider(zone, COVERED_SCREENS))
        if self._starts[min(rows[1], len(self._starts) - 1)] - self._starts[rows[0]] > COVERED_CHARACTERS:
            rows = self._rows_within(wider(zone, LEAST_COVERED_SCREENS))
        self._put(*rows)

    def _rows_within(self, zone: Zone) -> tuple[int, int]:
        """The first row within a zone, and the one behind the last one."""
        top, bottom = self._within(zone)
        first = self._row_at(top - TOP_PX)
        return first, max(first + 1, bisect_left(self._tops, bottom - TOP_PX))

    def _row_at(self, y: float) -> int:
        """The row at this height, or the nearest one."""
        return min(max(bisect_right(self._tops, y) - 1, 0), len(self._tops) - 2)

    def _within(self, zone: Zone) -> Zone:
        """The part of a zone that is inside."""
        top, bottom = (min(max(each, 0), self.height()) for each in zone)
        return top, bottom

    def _put(self, first: int, end: int) -> None:
        """Let the field show these rows, each in its place, as far as it has them."""
        least, most = self._begin, self._begin + self.field.blockCount()
        end = min(max(end, least + 1), most)
        first = min(max(first, least), end - 1)
        top = round(self._tops[first])
        bottom = math.ceil(self._tops[end]) + TOP_PX + BOTTOM_PX + self._bar_px
        self._placing = True
        try:
            moved = first != self._first
            self._first = first
            self.field.setGeometry(0, top, self.width(), bottom - top)
            self.field.verticalScrollBar().setValue(first - self._begin)
            if moved:
                self.field.viewport().update()
        finally:
            self._placing = False

    def _hold(self) -> None:
        """A cursor out of the field's sight would scroll it."""
        if not self._placing:
            self._placing = True
            self.field.verticalScrollBar().setValue(self._first - self._begin)
            self._placing = False

    def _has(self, row: int) -> bool:
        """Tell whether a row is in the field."""
        return self._begin <= row < self._begin + self.field.blockCount()

    def _laid_out(self, row: int) -> QTextBlock:
        """The field's block for a row, which comes into it now if it is not there."""
        if not self._has(row):
            self._show(rows_of(self._text), row)
            if not self._has(row):
                self._coming.finish()
        block = self.field.document().findBlockByNumber(row - self._begin)
        self.field.blockBoundingRect(block)
        return block

    def _left(self) -> float:
        """Where lines begin."""
        return LEFT_PX + self.field.contentOffset().x()

    def _position_of(self, offset: int) -> int:
        """The place in the field that is nearest to an offset."""
        document = self.field.document()
        row = bisect_right(self._starts, offset) - 1
        if row < self._begin:
            return 0
        block = document.findBlockByNumber(row - self._begin)
        if not block.isValid():
            return document.characterCount() - 1
        within = utf16_length(self._text[self._starts[row] : offset])
        return block.position() + min(within, block.length() - 1)

    def _offset_of(self, position: int) -> int:
        """The offset of a place in the field."""
        block = self.field.document().findBlock(position)
        start = self._starts[self._begin + block.blockNumber()]
        return start + characters(self._text[start : start + ROW_CHARACTERS], position - block.position())

    def _text_between(self, start: int, end: int) -> str:
        """The code between two places in the field, whose rows may be parts of one line."""
        return self._text[self._offset_of(start) : self._offset_of(end)]

    def _on_selection_changed(self) -> None:
        if self.field.hasFocus():
            cursor = self.field.textCursor()
            ends = self._offset_of(cursor.anchor()), self._offset_of(cursor.position())
            self.selected_by_keys.emit(*ends)


class _Field(QPlainTextEdit):
    """Gets the keys, and leaves the mouse and all wheeling but sideways to what is around."""

    font_changed = Signal()
    key_pressed = Signal()
    """It is about to do what a key says."""

    def __init__(self, parent: QWidget, text_between: Callable[[int, int], str]) -> None:
        """`text_between` gives the text of the code between two positions."""
        super().__init__(parent)
        self._text_between = text_between
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

    def createMimeDataFromSelection(self) -> QMimeData:  # noqa: N802
        """Copy the code as it is."""
        data, cursor = QMimeData(), self.textCursor()
        data.setText(self._text_between(cursor.selectionStart(), cursor.selectionEnd()))
        return data

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
