"""A text document as a widget whose text can be selected from outside, and whose links can be reached."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QAbstractTextDocumentLayout,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QRegion,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextLine,
    QTextOption,
)
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from app.chat.markdown.block_text import Mark, Run
from app.ui.base.utf16 import characters, utf16_length

PICTURE = "\ufffc"
"""Stands in the document for a formula that is drawn."""
CLICK_PX = 4
"""A press that is let go within so many pixels is a click."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the selectable text, and the place in the document from which it stands there."""

    offset: int
    runs: Sequence[Run]
    position: int


def empty_document(parent: QObject | None = None) -> QTextDocument:
    """A document without margins, whose lines break between words."""
    document = QTextDocument(parent)
    document.setDocumentMargin(0)
    document.setUndoRedoEnabled(False)
    option = QTextOption(document.defaultTextOption())
    option.setWrapMode(QTextOption.WrapMode.WordWrap)
    document.setDefaultTextOption(option)
    return document


class RichText(QLabel):
    """Shows a document as wide as it is. Links are told by `linkActivated`, by mouse and by keyboard.

    It is a label so that screen readers find a text in it, which is its accessible name; what it shows is a
    document of its own, as a label's cannot be asked where a point lies in it. Presses are left to what is
    around, which selects over several of them. GUI thread only.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = empty_document(self)
        self._html_shown = ""
        self._selected = (0, 0)
        self._pressed = QPoint()
        self._link = -1
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setCursor(Qt.CursorShape.IBeamCursor)

    @property
    def document(self) -> QTextDocument:
        """What it shows."""
        return self._document

    @property
    def shown_html(self) -> str:
        """The rich text as it was last made as a whole."""
        return self._html_shown

    @property
    def selected(self) -> tuple[int, int]:
        """From and to which offset it is selected; twice the same where it is not."""
        return self._selected

    def show_html(self, html: str) -> None:
        """Show other rich text."""
        self._html_shown = html
        self._document.setDefaultFont(self.font())
        self._document.setHtml(html)
        has_links = "<a " in html
        self.setMouseTracking(has_links)
        # Only text with links is a stop for the Tab key; a click leaves the keyboard to what is around.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus if has_links else Qt.FocusPolicy.NoFocus)
        self.update()

    def show_selected(self, start: int, end: int) -> None:
        """Show these characters as selected."""
        if (start, end) != self._selected:
            self._selected = (start, end)
            self.update()

    def offset_at(self, point: QPoint) -> int:
        """The offset that is nearest to a point."""
        area = self.contentsRect()
        inside = QPointF(point.x() - area.left(), min(max(point.y(), area.top()), area.bottom()) - area.top())
        self._lay_out()
        layout = self._document.documentLayout()
        hit = layout.hitTest(inside, Qt.HitTestAccuracy.FuzzyHit)
        block = self._document.findBlock(max(0, hit))
        corner = layout.blockBoundingRect(block).topLeft()
        # Between its lines the layout would give the end of one, wherever the point is.
        lines = [block.layout().lineAt(number) for number in range(block.layout().lineCount())]
        if not lines:
            return self.offset_of(block.position())
        y = inside.y() - corner.y()
        line = min(lines, key=lambda line: max(line.y() - y, y - line.y() - line.height(), 0))
        return self.offset_of(block.position() + line.xToCursor(inside.x() - corner.x()))

    def caret_rect(self, offset: int) -> QRect:
        """Where a caret would stand before the character at an offset."""
        self._lay_out()
        position = self.position_of(offset)
        block = self._document.findBlock(position)
        line = block.layout().lineForTextPosition(position - block.position())
        top_left = self._document.documentLayout().blockBoundingRect(block).topLeft()
        origin = self.contentsRect().topLeft()
        if not line.isValid():
            return QRect(origin + top_left.toPoint(), QSize(1, self.fontMetrics().height()))
        across = _x_of(line, position - block.position())
        return QRectF(
            origin.x() + top_left.x() + across, origin.y() + top_left.y() + line.y(), 1, line.height()
        ).toRect()

    def link_at(self, point: QPoint) -> str:
        """The address of the link at a point, if there is one."""
        self._lay_out()
        return self._document.documentLayout().anchorAt(QPointF(point - self.contentsRect().topLeft()))

    def hasHeightForWidth(self) -> bool:  # noqa: N802
        """Lines wrap."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        """The height of the wrapped text."""
        margins = self.contentsMargins()
        inner = max(0, width - margins.left() - margins.right())
        self._take_width(inner)
        return math.ceil(self._document.size().height()) + margins.top() + margins.bottom()

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """A line in any width."""
        return QSize(0, self.fontMetrics().height())

    def sizeHint(self) -> QSize:  # noqa: N802
        """As wide as it is."""
        return QSize(self.width(), self.heightForWidth(self.width()))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the lines in the region that changed."""
        self._lay_out()
        area = self.contentsRect()
        context = QAbstractTextDocumentLayout.PaintContext()
        context.clip = QRectF(event.rect().translated(-area.topLeft()))
        context.palette = self.palette()
        with QPainter(self) as painter:
            painter.setClipRect(event.rect())
            painter.translate(area.topLeft())
            layout = self._document.documentLayout()
            context.selections = self._marked_link()
            if self._selected[0] < self._selected[1]:
                words, pictures = self._selected_places()
                if pictures:
                    # With something selected, Qt cuts off what reaches out of a line, and paints over
                    # pictures: they are drawn before, and then the selected words alone.
                    ground = self.palette().brush(QPalette.ColorRole.Highlight)
                    for rect in self._rects_of(pictures):
                        painter.fillRect(rect, ground)
                    layout.draw(painter, context)
                    region = QRegion()
                    for rect in self._rects_of(words):
                        region += rect
                    painter.setClipRegion(region, Qt.ClipOperation.IntersectClip)
                look = QTextCharFormat()
                look.setBackground(self.palette().brush(QPalette.ColorRole.Highlight))
                look.setForeground(self.palette().brush(QPalette.ColorRole.HighlightedText))
                context.selections = [*context.selections, *(self._marked(*ends, look) for ends in words)]
            layout.draw(painter, context)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Take the font that a style sheet gives it, such as one that is struck out."""
        if event.type() == QEvent.Type.FontChange and self._document.defaultFont() != self.font():
            self._document.setDefaultFont(self.font())
            self.updateGeometry()
        super().changeEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Leave it to what is around."""
        self._pressed = event.position().toPoint()
        event.ignore()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Show that a link can be clicked."""
        on_link = not event.buttons() and bool(self.link_at(event.position().toPoint()))
        self.setCursor(Qt.CursorShape.PointingHandCursor if on_link else Qt.CursorShape.IBeamCursor)
        event.ignore()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Tell of a clicked link."""
        point = event.position().toPoint()
        event.ignore()
        if (
            event.button() == Qt.MouseButton.LeftButton
            and (point - self._pressed).manhattanLength() <= CLICK_PX
            and (address := self.link_at(self._pressed))
        ):
            self.linkActivated.emit(address)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Go to the first link, or to the last one on the way back."""
        links = len(self._links())
        self._link = links - 1 if event.reason() == Qt.FocusReason.BacktabFocusReason else min(0, links - 1)
        self.update()
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Leave the link."""
        self._link = -1
        self.update()
        super().focusOutEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:  # noqa: N802
        """Go to the next link, or on to what comes after the text."""
        there = self._link + (1 if forward else -1)
        if self._link >= 0 and 0 <= there < len(self._links()):
            self._link = there
            self.update()
            return True
        return super().focusNextPrevChild(forward)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Open the link that the keyboard is at."""
        links = self._links() if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) else []
        if 0 <= self._link < len(links):
            self.linkActivated.emit(links[self._link][2])
        else:
            super().keyPressEvent(event)

    def _pieces(self) -> Sequence[Piece]:
        """The selectable text, where it stands in the document."""
        raise NotImplementedError

    def _lay_out(self) -> None:
        self._take_width(self.contentsRect().width())

    def _take_width(self, width: int) -> None:
        """Lay the document out in this width, if it is not."""
        if self._document.textWidth() != width:
            self._document.setTextWidth(width)

    def _selected_places(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """From and to which positions words are selected, and drawn formulas."""
        words: list[tuple[int, int]] = []
        pictures: list[tuple[int, int]] = []
        start, end = self._selected
        for piece in self._pieces():
            at, position = piece.offset, piece.position
            for run in piece.runs:
                first, last = max(start - at, 0), min(end - at, len(run))
                length = self._length(run, position)
                begins, at, position = position, at + len(run), position + length
                if first >= last:
                    continue
                if run.is_formula:
                    ends = begins, position
                else:
                    ends = begins + utf16_length(run.text[:first]), begins + utf16_length(run.text[:last])
                if run.is_formula and self._document.characterAt(ends[0]) == PICTURE:
                    pictures.append(ends)
                elif words and words[-1][1] == ends[0]:
                    words[-1] = words[-1][0], ends[1]
                else:
                    words.append(ends)
        return words, pictures

    def _rects_of(self, places: Sequence[tuple[int, int]]) -> list[QRect]:
        """Where in the document places are that each lie within a block of it, line by line."""
        rects = []
        for start, end in places:
            block = self._document.findBlock(start)
            corner = self._document.documentLayout().blockBoundingRect(block).topLeft()
            start, end = start - block.position(), end - block.position()
            layout = block.layout()
            seen = [layout.lineForTextPosition(place) for place in (start, end)]
            if not all(line.isValid() for line in seen):
                continue
            for number in range(seen[0].lineNumber(), seen[1].lineNumber() + 1):
                line = layout.lineAt(number)
                first = max(start, line.textStart())
                last = min(end, line.textStart() + line.textLength())
                if first < last:
                    left, right = _x_of(line, first), _x_of(line, last)
                    rect = QRectF(corner.x() + left, corner.y() + line.y(), right - left, line.height())
                    rects.append(rect.toAlignedRect())
        return rects

    def _marked_link(self) -> list[QAbstractTextDocumentLayout.Selection]:
        """A line around the link that the keyboard is at."""
        if self._link < 0:
            return []
        look = QTextCharFormat()
        accent = self.palette().color(QPalette.ColorRole.Accent)
        look.setProperty(QTextFormat.Property.OutlinePen, QPen(accent, 1))
        return [
            self._marked(self.position_of(first), self.position_of(last), look)
            for first, last, _ in self._links()[self._link : self._link + 1]
        ]

    def _marked(self, start: int, end: int, look: QTextCharFormat) -> QAbstractTextDocumentLayout.Selection:
        cursor = QTextCursor(self._document)
        cursor.setPosition(start)
        cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        mark = QAbstractTextDocumentLayout.Selection()
        mark.cursor, mark.format = cursor, look
        return mark

    def _links(self) -> list[tuple[int, int, str]]:
        """From and to which offset each link goes, and its address."""
        links: list[tuple[int, int, str]] = []
        last: Mark | None = None
        for piece in self._pieces():
            at = piece.offset
            for run in piece.runs:
                link = next((mark for mark in reversed(run.marks) if mark.tag == "a"), None)
                if link is not None and link == last and links[-1][1] == at:
                    links[-1] = (links[-1][0], at + len(run), link.href)
                elif link is not None:
                    links.append((at, at + len(run), link.href))
                last = link
                at += len(run)
        return links

    def position_of(self, offset: int) -> int:
        """The document's position for an offset."""
        piece = self._piece(lambda piece: piece.offset <= offset)
        at, position = piece.offset, piece.position
        for run in piece.runs:
            if offset <= at:
                break
            taken = run if run.is_formula else Run(run.text[: offset - at])
            position += self._length(taken, position)
            at += len(taken)
        return position

    def offset_of(self, position: int) -> int:
        """The offset for a position of the document; the nearer side of a formula whose source is shown."""
        piece = self._piece(lambda piece: piece.position <= position)
        at, start = piece.offset, piece.position
        for run in piece.runs:
            length = self._length(run, start)
            inside = max(0, position - start)
            if inside < length:
                return at + (round(inside / length) if run.is_formula else characters(run.text, inside))
            at += len(run)
            start += length
        return at

    def _piece(self, begins: Callable[[Piece], bool]) -> Piece:
        """The last piece that begins before a place, or the first one."""
        pieces = self._pieces()
        return next((piece for piece in reversed(pieces) if begins(piece)), pieces[0])

    def _length(self, run: Run, position: int) -> int:
        """How many positions of the document a run takes that begins there."""
        if run.is_formula and self._document.characterAt(position) == PICTURE:
            return 1
        return utf16_length(run.text)


def _x_of(line: QTextLine, position: int) -> float:
    """Where a position of a block is in its line."""
    return cast("tuple[float, int]", line.cursorToX(position))[0]
