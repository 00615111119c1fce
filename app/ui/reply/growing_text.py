"""A paragraph that is still coming in: laid out and painted from its last line on."""

import math
import re
from html import unescape

from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import (
    QAbstractTextDocumentLayout,
    QPainter,
    QPaintEvent,
    QTextCursor,
    QTextDocument,
    QTextOption,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.base.theme import Theme
from app.ui.reply.rich_label import overhang_px, rich_text, text_pixel_size, with_formulas

_PLAIN_WORDS = re.compile(r"(?:[^<\s]| (?! ))*")


class GrowingText(QWidget):
    """Shows what `RichLabel` would, for the time that every frame brings a few words more. GUI thread.

    A label reads its HTML, lays out and paints the whole paragraph for each change, which took half of the
    window's time; here plain words are added to the document. It offers no selection: that would be lost with
    the next words anyway.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None, *, muted: bool = False) -> None:
        super().__init__(parent)
        self._theme = theme
        self._muted = muted
        self._html = ""
        self._level = 0
        self._overhang_px = 0
        self._document = QTextDocument(self)
        self._document.setDocumentMargin(0)
        option = QTextOption(self._document.defaultTextOption())
        option.setWrapMode(QTextOption.WrapMode.WordWrap)
        self._document.setDefaultTextOption(option)
        self._document.setUndoRedoEnabled(False)
        self._end = QTextCursor(self._document)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.waits_for_formulas = False
        """Some are still to be drawn; `show_again` then."""
        theme.changed.connect(self.show_again)

    @property
    def html(self) -> str:
        """The paragraph's content as it was given."""
        return self._html

    def set_html(self, html: str, level: int = 0) -> None:
        """Show a text block's content; `level` 1 to 6 is a heading. Cheap where plain words were added."""
        before, plain = self._html, _PLAIN_WORDS.fullmatch(html, len(self._html))
        same = level == self._level and html.startswith(before)
        self._html, self._level = html, level
        # Words after a closing tag are outside of it, and HTML makes one space of two.
        if same and plain and before and before[-1] not in "> ":
            self._add(unescape(plain[0]))
        else:
            self.show_again()

    def hasHeightForWidth(self) -> bool:  # noqa: N802
        """Lines wrap."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        """The height of the wrapped text."""
        if self._document.textWidth() != width:
            self._document.setTextWidth(width)
        return math.ceil(self._document.size().height()) + self._overhang_px

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the lines in the region that changed."""
        context = QAbstractTextDocumentLayout.PaintContext()
        context.clip = QRectF(event.rect())
        context.palette = self.palette()
        painter = QPainter(self)
        painter.setClipRect(event.rect())
        self._document.documentLayout().draw(painter, context)
        painter.end()

    def _add(self, words: str) -> None:
        top = self._last_line_top()
        self._end.insertText(words)
        self.update(QRect(0, top, self.width(), max(self.height(), self.heightForWidth(self.width())) - top))

    def _last_line_top(self) -> int:
        block = self._document.lastBlock()
        layout = block.layout()
        if not layout.lineCount():
            return 0
        offset = self._document.documentLayout().blockBoundingRect(block).top()
        return max(0, math.floor(offset + layout.lineAt(layout.lineCount() - 1).y()) - 2)

    def show_again(self) -> None:
        """Make the text anew: the theme changed, or formulas came."""
        self._document.setDefaultFont(self.font())
        drawn = with_formulas(
            self._html, self._theme, text_pixel_size(self._theme, self._level), muted=self._muted
        )
        self.waits_for_formulas = drawn.waits
        self._overhang_px = overhang_px(self._theme, drawn, self._level)
        self._document.setHtml(rich_text(self._theme, drawn, self._level, self._muted))
        self._end.movePosition(QTextCursor.MoveOperation.End)
        self.update()
