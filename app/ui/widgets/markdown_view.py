"""Markdown as widgets, one for each block, of which only the last changes while a reply streams."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QWidget

from app.chat.markdown_blocks import (
    Block,
    CodeBlock,
    FormulaBlock,
    MarkdownStream,
    Place,
    RuleBlock,
    TableBlock,
    TextBlock,
    parse_blocks,
)
from app.ui.theme import Theme
from app.ui.widgets.card import label, rule
from app.ui.widgets.code_card import CodeCard
from app.ui.widgets.formula_card import FormulaCard
from app.ui.widgets.growing_text import GrowingText
from app.ui.widgets.link_question import ask_before_opening
from app.ui.widgets.rich_label import RichLabel, baseline_px
from app.ui.widgets.table_label import TableLabel

Drawing = RichLabel | GrowingText | FormulaCard | TableLabel
INDENT_PX = 24
QUOTE_PX = 14
MARKER_GAP_PX = 7
GAP_PX, TIGHT_GAP_PX, HEADING_GAP_PX = 10, 4, 16
UNPLACED_PX = 400
AIR_PX = 3
"""By so much a line of text has more air above its letters than below."""


class MarkdownView(QWidget):
    """Shows Markdown, whole or as it comes. Nothing in it is fetched, links are opened after a question.

    It places its blocks itself: Qt's layouts would measure every paragraph anew with each word that comes.
    GUI thread only.
    """

    to_code_requested = Signal(str, str)
    """Code and the language as the fence named it."""

    def __init__(
        self,
        theme: Theme,
        parent: QWidget | None = None,
        *,
        muted: bool = False,
        offers_to_code: bool = True,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._muted = muted
        self._offers_to_code = offers_to_code
        self._stream: MarkdownStream | None = None
        self._shown: list[Block] = []
        self._frames: list[_Frame] = []
        self._settled = 0
        self._height = 0
        self._placed = False
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.formulas.drawn.connect(self._on_formulas_drawn)
        # The blocks follow the theme by themselves, and are to be measured after that.
        theme.changed.connect(self._on_theme_changed, Qt.ConnectionType.QueuedConnection)

    @property
    def blocks(self) -> Sequence[Block]:
        """What is shown."""
        return self._shown

    def set_text(self, text: str) -> None:
        """Show a finished text."""
        self._stream = None
        blocks = parse_blocks(text)
        self._update(0, blocks, len(blocks))

    def append(self, text: str) -> None:
        """Take more of a text that is coming in."""
        if self._stream is None:
            self._stream = MarkdownStream()
            self._update(0, [], 0)
        first = self._stream.append(text)
        self._update(first, self._stream.blocks, self._stream.final)

    def finish(self) -> None:
        """The text that came in pieces is complete."""
        if self._stream is not None:
            self._stream.finish()
            self._update(0, self._stream.blocks, len(self._stream.blocks))
            self._stream = None

    def hasHeightForWidth(self) -> bool:  # noqa: N802
        """Lines wrap."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        """The height of all blocks; each remembers its own."""
        # Layouts ask with each word what it would be at no width, as they want to know the smallest.
        if width in (0, self.width()):
            return self._height
        return sum(frame.height_for(width) for frame in self._frames)

    def sizeHint(self) -> QSize:  # noqa: N802
        """As wide as its column, at which the height is known."""
        return QSize(self.width() if self._placed else UNPLACED_PX, self._height)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Any width will do."""
        return QSize(0, 0)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Lay everything out again only for another width."""
        super().resizeEvent(event)
        self._placed = True
        if event.size().width() != event.oldSize().width():
            self._place_from(0)

    def _update(self, first: int, blocks: list[Block], final: int) -> None:
        """Change the widgets from block `first` on to `blocks`, keeping every one that fits. Those before
        `final` will not change any more.
        """
        first_changed = min(first, len(blocks))
        for index in range(first, len(blocks)):
            block = blocks[index]
            if index < len(self._shown) and self._shown[index] == block:
                if first_changed == index:
                    first_changed += 1
                continue
            if index < len(self._frames) and self._frames[index].takes(block):
                self._frames[index].show_block(block)
            else:
                if index < len(self._frames):
                    self._remove(index, index + 1)
                self._frames.insert(index, self._make_frame(block, growing=index >= final))
            self._frames[index].gap = _gap(blocks[index - 1] if index else None, block)
        self._remove(len(blocks), len(self._frames))
        self._shown[first:] = blocks[first:]
        self._settle(final)
        self._place_from(first_changed)

    def _settle(self, end: int) -> None:
        """Let the words of the blocks before `end` be selected from now on."""
        for index in range(self._settled, end):
            frame = self._frames[index]
            if isinstance(frame.content, GrowingText):
                settled = self._make_frame(self._shown[index], growing=False)
                settled.gap = frame.gap
                settled.place(frame.top, self.width())
                self._remove(index, index + 1)
                self._frames.insert(index, settled)
        self._settled = end

    def _place_from(self, first: int) -> None:
        """Put the blocks from `first` on below the ones before; the others stay as they are."""
        top = self._frames[first - 1].bottom if first else 0
        for frame in self._frames[first:]:
            frame.place(top, self.width())
            top = frame.bottom
        if top != self._height:
            self._height = top
            self.updateGeometry()

    def _make_frame(self, block: Block, *, growing: bool) -> "_Frame":
        content: QWidget
        match block:
            case TextBlock() if growing:
                content = GrowingText(self._theme, muted=self._muted)
            case TextBlock():
                content = RichLabel(self._theme, muted=self._muted)
                content.link_chosen.connect(self._on_link)
            case CodeBlock():
                content = CodeCard(self._theme, offers_to_code=self._offers_to_code)
                content.to_code_requested.connect(self.to_code_requested)
                content.height_changed.connect(self._on_height_changed)
            case FormulaBlock():
                content = FormulaCard(self._theme, muted=self._muted)
            case TableBlock():
                content = TableLabel(self._theme)
                content.link_chosen.connect(self._on_link)
            case RuleBlock():
                content = rule()
        return _Frame(self, block, content, self._theme)

    def _remove(self, first: int, end: int) -> None:
        for frame in self._frames[first:end]:
            frame.remove()
        del self._frames[first:end]

    def _on_height_changed(self) -> None:
        """A code block got or lost its scroll bar."""
        sender = self.sender()
        for index, frame in enumerate(self._frames):
            if frame.content is sender:
                frame.forget_height()
                self._place_from(index)

    def _on_formulas_drawn(self) -> None:
        """Some formulas that were asked for are there."""
        first = len(self._frames)
        for index in range(len(self._frames) - 1, -1, -1):
            content = self._frames[index].content
            if isinstance(content, Drawing) and content.waits_for_formulas:
                content.show_again()
                self._frames[index].forget_height()
                first = index
        self._place_from(first)

    def _on_theme_changed(self) -> None:
        """The text may have another size."""
        for frame in self._frames:
            frame.forget_height()
        self._place_from(0)

    def _on_link(self, address: str) -> None:
        ask_before_opening(address, self)


class _Frame:
    """A block's widget at its place in the view: after its list marker, behind the bars of its quotations.

    It is no widget itself: a long reply has a thousand blocks, and the smallest widget takes 14 KB.
    """

    def __init__(self, view: MarkdownView, block: Block, content: QWidget, theme: Theme) -> None:
        self.content = content
        self.top = self.bottom = 0
        """Pixels from the view's upper edge."""
        self._theme = theme
        self._kind = type(block)
        self._place = block.place
        self._gap = 0
        self._heights: dict[int, int] = {}
        self._bars = [_QuoteBar(theme, view) for _ in range(block.place.quote)]
        self._marker: QLabel | None = None
        if block.place.indent:
            self._marker = label(block.place.marker, "muted")
            self._marker.setParent(view)
            self._marker.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        self._left = QUOTE_PX * block.place.quote + INDENT_PX * block.place.indent
        content.setParent(view)
        self.show_block(block)
        for widget in self._widgets():
            widget.show()

    @property
    def gap(self) -> int:
        """Pixels above the block."""
        return self._gap

    @gap.setter
    def gap(self, pixels: int) -> None:
        if pixels != self._gap:
            self._gap = pixels
            self._heights.clear()

    def takes(self, block: Block) -> bool:
        """Whether this frame can show `block` with the widgets it has."""
        here, there = self._place, block.place
        return type(block) is self._kind and (here.indent, here.quote) == (there.indent, there.quote)

    def show_block(self, block: Block) -> None:
        """Show `block`, which `takes` accepted."""
        self._place = block.place
        self._heights.clear()
        if self._marker is not None:
            self._marker.setText(block.place.marker)
        match self.content, block:
            case (RichLabel() | GrowingText()) as text, TextBlock():
                text.set_html(block.html, block.level)
            case CodeCard() as card, CodeBlock():
                card.set_code(block.code, block.language)
            case FormulaCard() as formula, FormulaBlock():
                formula.set_formula(block.latex, closed=block.closed)
            case TableLabel() as table, TableBlock():
                table.set_table(block)

    def forget_height(self) -> None:
        """The content has another height now."""
        self._heights.clear()

    def height_for(self, width: int) -> int:
        """The height at this width, measured once."""
        if width not in self._heights:
            inner = max(0, width - self._left)
            tall = self.content.hasHeightForWidth()
            height = self.content.heightForWidth(inner) if tall else self.content.sizeHint().height()
            self._heights[width] = self._gap + max(1, height)
        return self._heights[width]

    def place(self, top: int, width: int) -> None:
        """Put the parts below `top`, with the gap above."""
        self.top, self.bottom = top, top + self.height_for(width)
        top += self._gap
        height = self.bottom - top
        for number, bar in enumerate(self._bars):
            bar.setGeometry(QUOTE_PX * number, top, QUOTE_PX, height)
        if self._marker is not None:
            start = QUOTE_PX * len(self._bars)
            marker_top = top + self._marker_top_px()
            self._marker.setGeometry(start, marker_top, self._left - start - MARKER_GAP_PX, height)
        self.content.setGeometry(self._left, top, max(0, width - self._left), height)

    def remove(self) -> None:
        """Delete the widgets."""
        for widget in self._widgets():
            widget.hide()
            widget.deleteLater()

    def _widgets(self) -> list[QWidget]:
        marker = [self._marker] if self._marker is not None else []
        return [*self._bars, *marker, self.content]

    def _marker_top_px(self) -> int:
        """Where the marker's baseline is that of the first line."""
        assert self._marker is not None
        if not isinstance(self.content, RichLabel | GrowingText):
            return 0
        return baseline_px(self._theme) - self._marker.fontMetrics().ascent()


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


def _gap(before: Block | None, block: Block) -> int:
    if before is None:
        return 0
    air = AIR_PX * (_is_paragraph(before) - _is_paragraph(block))
    if isinstance(block, TextBlock) and block.level:
        return HEADING_GAP_PX + air
    place: Place = block.place
    leads_in = isinstance(before, TextBlock) and place.indent > before.place.indent
    if place.tight and (before.place.tight or leads_in):
        return TIGHT_GAP_PX + air
    if isinstance(before, TextBlock) and before.level:
        return TIGHT_GAP_PX + 2 + air
    return GAP_PX + air


def _is_paragraph(block: Block) -> bool:
    return isinstance(block, TextBlock) and not block.level
