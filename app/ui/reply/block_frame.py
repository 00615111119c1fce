"""One block of a Markdown view at its place, with widgets while it is near to what is seen."""

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QApplication, QFrame, QWidget

from app.chat.markdown.block_text import PlainText, Selectable, text_of
from app.chat.markdown.markdown_blocks import CodeBlock, FormulaBlock, TableBlock, TextBlock
from app.ui.base.plain_text import PlainLabel
from app.ui.base.theme import Theme
from app.ui.reply.code_card import CodeCard
from app.ui.reply.formula_card import FormulaCard
from app.ui.reply.rich.block_places import QUOTE_PX, BlockPlaces, left_px
from app.ui.reply.rich.rich_label import RichLabel, baseline_px
from app.ui.reply.rich.table_label import TableLabel
from app.ui.reply.rich.wrapped_text import WrappedText

MARKER_GAP_PX = 7


class Selected(NamedTuple):
    """From and to which offset a block's text is selected, and whether its list marker is."""

    start: int = 0
    end: int = 0
    with_marker: bool = False


class RuleLine(QFrame):
    """A line across."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "rule")
        self._is_selected = False

    def show_selected(self, start: int, end: int) -> None:
        """Show it as selected."""
        if self._is_selected != (start < end):
            self._is_selected = start < end
            self.update()

    def offset_at(self, point: QPoint) -> int:
        """Return 0 above it, 1 below it."""
        return int(point.y() > 0)

    def caret_rect(self, offset: int) -> QRect:
        """Return its left or its right end."""
        return QRect(self.width() if offset else 0, 0, 1, self.height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw it; selected in a colour that can be told from the usual one in a line of one pixel."""
        super().paintEvent(event)
        if self._is_selected:
            with QPainter(self) as painter:
                painter.fillRect(self.rect(), self.palette().brush(QPalette.ColorRole.Accent))


Content = RichLabel | TableLabel | CodeCard | FormulaCard | RuleLine | WrappedText
MakeContent = Callable[[Selectable], Content]
"""Makes the widget for a block."""


class BlockFrame:
    """A block after its list marker, behind the bars of its quotations. GUI thread only.

    It is no widget itself, and has some only from `build` to `let_go`: a long reply has a thousand blocks, of
    which the smallest widget takes 14 KB and a code block's 300. Without them its height is the one that was
    measured last at this width, or an estimate. Its place is among the view's `BlockPlaces`.
    """

    def __init__(
        self,
        view: QWidget,
        theme: Theme,
        block: Selectable,
        make_content: MakeContent,
        index: int,
        places: BlockPlaces,
    ) -> None:
        self.block = block
        self.index = index
        """Its number among the view's blocks."""
        self.content: Content | None = None
        self.selected = Selected()
        self._view = view
        self._theme = theme
        self._make_content = make_content
        self._places = places
        self._heights: dict[int, int] = {}
        self._bars: list[_QuoteBar] = []
        self.marker: _Marker | None = None

    @property
    def gap(self) -> int:
        """Pixels above the block."""
        return self._places.gap_of(self.index)

    @property
    def top(self) -> int:
        """Pixels from the view's upper edge, where its gap begins."""
        return self._places.top_of(self.index)

    @property
    def bottom(self) -> int:
        """Pixels from the view's upper edge."""
        return self._places.bottom_of(self.index)

    @property
    def is_built(self) -> bool:
        """Tell whether it has widgets."""
        return self.content is not None

    @property
    def widgets(self) -> list[QWidget]:
        """Its widgets from the left to the right; none where it has none now."""
        return [
            *self._bars,
            *([self.marker] if self.marker is not None else []),
            *([self.content] if self.content is not None else []),
        ]

    @property
    def in_use(self) -> bool:
        """Tell whether the user is in it with the keyboard."""
        content, focused = self.content, QApplication.focusWidget()
        return (
            content is not None
            and focused is not None
            and (focused is content or content.isAncestorOf(focused))
        )

    def show_block(self, block: Selectable) -> None:
        """Be the frame of another block, with the same widgets where they can show it."""
        same = type(block) is type(self.block) and _columns(block) == _columns(self.block)
        self.block = block
        self.forget_height()
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
            self.marker = _Marker(self._view)
        self.content = self._make_content(self.block)
        self.content.setParent(self._view)
        self._fill()
        self._mark()

    def let_go(self) -> None:
        """Delete the widgets."""
        for widget in self.widgets:
            widget.hide()
            widget.deleteLater()
        self.content, self.marker, self._bars = None, None, []

    def rebuild(self) -> None:
        """Replace the widgets by others."""
        self.let_go()
        self.build()

    def show_selected(self, selected: "Selected") -> None:
        """Show some of it as selected, now and when it has widgets again."""
        if selected != self.selected:
            self.selected = selected
            self._mark()

    def settle(self) -> None:
        """The block will not change any more."""
        if isinstance(self.content, RichLabel):
            self.content.settle()

    def offset_at(self, point: QPoint) -> int:
        """The offset in its text that is nearest to a point of the view."""
        if self.content is not None:
            return self.content.offset_at(point - self.content.pos())
        # Nobody sees it.
        return len(text_of(self.block)) if point.y() > (self.top + self.bottom) // 2 else 0

    def caret_rect(self, offset: int) -> QRect:
        """Where a caret would stand in the view before the character at an offset."""
        if self.content is not None:
            return self.content.caret_rect(offset).translated(self.content.pos())
        return QRect(self._left_px, self.top + self.gap, 1, self.bottom - self.top - self.gap)

    def forget_height(self) -> None:
        """Forget the heights, as the content has another one now."""
        self._heights.clear()

    def measured_at(self, width: int) -> int | None:
        """The height at this width with the gap, if it was measured."""
        height = self._heights.get(width)
        return None if height is None else self.gap + height

    def height_for(self, width: int) -> int:
        """The height at this width with the gap, measured once where there are widgets."""
        height = self._heights.get(width)
        if height is None:
            inner = max(0, width - self._left_px)
            content = self.content
            if content is None:
                return self.gap + self._places.estimate(self.index, width)
            tall = content.hasHeightForWidth()
            height = max(1, content.heightForWidth(inner) if tall else content.sizeHint().height())
            if len(self._heights) > 1:
                self._heights.clear()
            self._heights[width] = height
        return self.gap + height

    def put(self, width: int) -> bool:
        """Put its widgets where its place is now; tell whether it is to be measured again, as a code block
        got or lost its scroll bar as it got its width."""
        if self.content is None:
            return False
        self._put(self.content, width)
        return width not in self._heights

    @property
    def _left_px(self) -> int:
        return left_px(self.block.place, self._theme)

    def _put(self, content: QWidget, width: int) -> None:
        top = self.top + self.gap
        height = self.bottom - top
        left = self._left_px
        for number, bar in enumerate(self._bars):
            bar.setGeometry(QUOTE_PX * number, top, QUOTE_PX, height)
        if self.marker is not None:
            start = QUOTE_PX * len(self._bars)
            drop = 0
            if isinstance(content, RichLabel):
                # The marker's baseline is that of the first line.
                drop = baseline_px(self._theme) - self.marker.fontMetrics().ascent()
            self.marker.setGeometry(start, top + drop, left - start - MARKER_GAP_PX, height)
        content.setGeometry(left, top, max(0, width - left), height)
        if content.isHidden():
            for widget in self.widgets:
                widget.show()

    def _fill(self) -> None:
        if self.marker is not None:
            self.marker.setText(self.block.place.marker)
        match self.content, self.block:
            case RichLabel() as text, TextBlock() as block:
                text.set_html(block.html, block.level)
            case CodeCard() as card, CodeBlock() as block:
                card.set_code(block.code, block.language)
            case FormulaCard() as formula, FormulaBlock() as block:
                formula.set_formula(block.latex, closed=block.closed)
            case TableLabel() as table, TableBlock() as block:
                table.set_table(block)
            case WrappedText() as words, PlainText() as block:
                words.set_text(block.text)

    def _mark(self) -> None:
        """Let the widgets show what is selected."""
        start, end, with_marker = self.selected
        if self.content is not None:
            self.content.show_selected(start, end)
        if self.marker is not None:
            self.marker.show_selected(with_marker)


class _Marker(PlainLabel):
    """The marker of a list's item, at the right of its column."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("", parent)
        self.setProperty("look", "muted")
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        self._is_selected = False

    def show_selected(self, is_selected: bool) -> None:
        if is_selected != self._is_selected:
            self._is_selected = is_selected
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        if self._is_selected:
            metrics = self.fontMetrics()
            width = metrics.horizontalAdvance(self.text())
            with QPainter(self) as painter:
                painter.fillRect(
                    QRect(self.width() - width, 0, width, metrics.height()),
                    self.palette().brush(QPalette.ColorRole.Highlight),
                )
        super().paintEvent(event)


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


def _columns(block: Selectable) -> tuple[int, int]:
    return block.place.indent, block.place.quote
