"""One block of a Markdown view at its place, with widgets while it is near to what is seen."""

import math
import re
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFrame, QLabel, QWidget

from app.chat.markdown.markdown_blocks import Block, CodeBlock, FormulaBlock, RuleBlock, TableBlock, TextBlock
from app.ui.base.theme import TEXT_PX, Theme
from app.ui.reply.code_card import CodeCard
from app.ui.reply.formula_card import FormulaCard
from app.ui.reply.growing_text import GrowingText
from app.ui.reply.rich_label import HEADING_PX, LINE_PX, RichLabel, baseline_px
from app.ui.reply.table_label import TableLabel
from app.ui.widgets.card import label

INDENT_PX = 24
QUOTE_PX = 14
MARKER_GAP_PX = 7
# What a block without widgets is taken to need, in pixels at 100%.
CODE_LINE_PX, CODE_HEAD_PX, ROW_PX, FORMULA_PX = 17, 48, 35, 56
GAP_PX, TIGHT_GAP_PX, HEADING_GAP_PX = 10, 4, 16
AIR_PX = 3
"""By so much a line of text has more air above its letters than below."""
_TAG = re.compile(r"<[^>]*>")

MakeContent = Callable[[Block, bool], QWidget]
"""The widget for a block; True while the block is still coming in."""


class BlockFrame:
    """A block after its list marker, behind the bars of its quotations. GUI thread only.

    It is no widget itself, and has some only from `build` to `let_go`: a long reply has a thousand blocks, of
    which the smallest widget takes 14 KB and a code block's 300. Without them its height is the one that was
    measured last at this width, or an estimate.
    """

    def __init__(self, view: QWidget, theme: Theme, block: Block, make_content: MakeContent) -> None:
        self.block = block
        self.growing = False
        """The block is still coming in."""
        self.gap = 0
        """Pixels above the block."""
        self.top = self.bottom = 0
        """Pixels from the view's upper edge, gap included."""
        self.content: QWidget | None = None
        self._view = view
        self._theme = theme
        self._make_content = make_content
        self._heights: dict[int, int] = {}
        self._ems: float | None = None
        self._bars: list[_QuoteBar] = []
        self._marker: QLabel | None = None

    @property
    def is_built(self) -> bool:
        """Tell whether it has widgets."""
        return self.content is not None

    @property
    def in_use(self) -> bool:
        """Tell whether the user has selected something in it, or is in it with the keyboard."""
        content = self.content
        if content is None:
            return False
        focused = QApplication.focusWidget()
        if focused is not None and (focused is content or content.isAncestorOf(focused)):
            return True
        match content:
            case RichLabel() | TableLabel():
                return content.hasSelectedText()
            case CodeCard():
                return content.has_selection
            case _:
                return False

    def show_block(self, block: Block) -> None:
        """Be the frame of another block, with the same widgets where they can show it."""
        same = type(block) is type(self.block) and _columns(block) == _columns(self.block)
        self.block, self._ems = block, None
        self._heights.clear()
        if self.is_built and not same:
            self.rebuild()
        else:
            self._fill()

    def build(self) -> None:
        """Make the widgets, if there are none; they show at the next `place`."""
        if self.content is not None:
            return
        # What was measured before may be of a formula that was not drawn yet.
        self._heights.clear()
        place = self.block.place
        self._bars = [_QuoteBar(self._theme, self._view) for _ in range(place.quote)]
        if place.indent:
            self._marker = label("", "muted")
            self._marker.setParent(self._view)
            self._marker.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        self.content = self._make_content(self.block, self.growing)
        self.content.setParent(self._view)
        self._fill()

    def let_go(self) -> None:
        """Delete the widgets."""
        for widget in self._widgets():
            widget.hide()
            widget.deleteLater()
        self.content, self._marker, self._bars = None, None, []

    def rebuild(self) -> None:
        """Replace the widgets by others."""
        self.let_go()
        self.build()

    def forget_height(self) -> None:
        """Forget the heights, as the content has another one now."""
        self._heights.clear()

    def height_for(self, width: int) -> int:
        """The height at this width with the gap, measured once where there are widgets."""
        height = self._heights.get(width)
        if height is None:
            inner = max(0, width - _left_px(self.block))
            content = self.content
            if content is None:
                return self.gap + self._estimate(inner)
            tall = content.hasHeightForWidth()
            height = max(1, content.heightForWidth(inner) if tall else content.sizeHint().height())
            if len(self._heights) > 1:
                self._heights.clear()
            self._heights[width] = height
        return self.gap + height

    def place(self, top: int, width: int) -> None:
        """Put the parts below `top`, with the gap above."""
        self.top, self.bottom = top, top + self.height_for(width)
        if self.content is None:
            return
        self._put(self.content, width)
        if width not in self._heights:
            # A code block got or lost its scroll bar as it got its width.
            self.bottom = top + self.height_for(width)
            self._put(self.content, width)

    def _put(self, content: QWidget, width: int) -> None:
        top = self.top + self.gap
        height = self.bottom - top
        left = _left_px(self.block)
        for number, bar in enumerate(self._bars):
            bar.setGeometry(QUOTE_PX * number, top, QUOTE_PX, height)
        if self._marker is not None:
            start = QUOTE_PX * len(self._bars)
            drop = 0
            if isinstance(content, RichLabel | GrowingText):
                # The marker's baseline is that of the first line.
                drop = baseline_px(self._theme) - self._marker.fontMetrics().ascent()
            self._marker.setGeometry(start, top + drop, left - start - MARKER_GAP_PX, height)
        content.setGeometry(left, top, max(0, width - left), height)
        if content.isHidden():
            for widget in self._widgets():
                widget.show()

    def _fill(self) -> None:
        if self._marker is not None:
            self._marker.setText(self.block.place.marker)
        match self.content, self.block:
            case (RichLabel() | GrowingText()) as text, TextBlock() as block:
                text.set_html(block.html, block.level)
            case CodeCard() as card, CodeBlock() as block:
                card.set_code(block.code, block.language)
            case FormulaCard() as formula, FormulaBlock() as block:
                formula.set_formula(block.latex, closed=block.closed)
            case TableLabel() as table, TableBlock() as block:
                table.set_table(block)

    def _estimate(self, width: int) -> int:
        match self.block:
            case TextBlock(level=level):
                if self._ems is None:
                    self._ems = _ems(self.block.html)
                size = HEADING_PX.get(level, TEXT_PX)
                lines = max(1, math.ceil(self._ems * self._theme.pixels(size) / max(1, width)))
                return lines * self._theme.pixels(LINE_PX * size // TEXT_PX)
            case CodeBlock(code=code):
                return self._theme.pixels(CODE_HEAD_PX + CODE_LINE_PX * (code.count("\n") + 1))
            case TableBlock(rows=rows):
                return self._theme.pixels(ROW_PX) * len(rows)
            case FormulaBlock():
                return self._theme.pixels(FORMULA_PX)
            case RuleBlock():
                return 1

    def _widgets(self) -> list[QWidget]:
        return [
            *self._bars,
            *([self._marker] if self._marker is not None else []),
            *([self.content] if self.content is not None else []),
        ]


class _QuoteBar(QFrame):
    """The bar at the left of a quotation."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        theme.changed.connect(self._colour)
        self._colour()

    def _colour(self) -> None:
        line = self._theme.colours.line
        self.setStyleSheet(f"QFrame {{ border: none; border-left: 3px solid {line}; margin-left: 2px; }}")


def _columns(block: Block) -> tuple[int, int]:
    return block.place.indent, block.place.quote


def _left_px(block: Block) -> int:
    return QUOTE_PX * block.place.quote + INDENT_PX * block.place.indent


def _ems(html: str) -> float:
    """Estimate the width of all the text in heights of its letters: Latin ones are half as wide as high."""
    text = _TAG.sub("", html)
    wide = (len(text.encode()) - len(text)) / 2
    return (len(text) - wide) * 0.5 + wide


def gap_px(before: Block | None, block: Block) -> int:
    """Return the pixels between two blocks; none above the first."""
    if before is None:
        return 0
    air = AIR_PX * (_is_paragraph(before) - _is_paragraph(block))
    if isinstance(block, TextBlock) and block.level:
        return HEADING_GAP_PX + air
    place = block.place
    leads_in = isinstance(before, TextBlock) and place.indent > before.place.indent
    if place.tight and (before.place.tight or leads_in):
        return TIGHT_GAP_PX + air
    if isinstance(before, TextBlock) and before.level:
        return TIGHT_GAP_PX + 2 + air
    return GAP_PX + air


def _is_paragraph(block: Block) -> bool:
    return isinstance(block, TextBlock) and not block.level
