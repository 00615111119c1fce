"""Markdown as widgets, one for each block, of which only the last changes while a reply streams."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.ui.theme import Theme
from app.ui.widgets.card import label, rule
from app.ui.widgets.code_card import CodeCard
from app.ui.widgets.link_question import ask_before_opening
from app.ui.widgets.markdown_blocks import (
    Block,
    CodeBlock,
    MarkdownStream,
    Place,
    RuleBlock,
    TableBlock,
    TextBlock,
    parse_blocks,
)
from app.ui.widgets.rich_label import RichLabel
from app.ui.widgets.table_label import TableLabel

INDENT_PX = 24
GAP_PX, TIGHT_GAP_PX, HEADING_GAP_PX = 10, 4, 16


class MarkdownView(QWidget):
    """Shows Markdown, whole or as it comes. Nothing in it is fetched, links are opened after a question.

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
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)

    @property
    def blocks(self) -> Sequence[Block]:
        """What is shown."""
        return self._shown

    def set_text(self, text: str) -> None:
        """Show a finished text."""
        self._stream = None
        self._update(0, parse_blocks(text))

    def append(self, text: str) -> None:
        """Take more of a text that is coming in."""
        if self._stream is None:
            self._stream = MarkdownStream()
            self._update(0, [])
        first = self._stream.append(text)
        self._update(first, self._stream.blocks)

    def finish(self) -> None:
        """The text that came in pieces is complete."""
        if self._stream is not None:
            self._stream.finish()
            self._update(0, self._stream.blocks)
            self._stream = None

    def _update(self, first: int, blocks: list[Block]) -> None:
        """Change the widgets from block `first` on to `blocks`, keeping every one that fits."""
        for index in range(first, len(blocks)):
            block = blocks[index]
            if index < len(self._shown) and self._shown[index] == block:
                continue
            if index < len(self._frames) and self._frames[index].takes(block):
                self._frames[index].show_block(block)
            else:
                if index < len(self._frames):
                    self._remove_from(index, index + 1)
                frame = self._make_frame(block)
                self._frames.insert(index, frame)
                self._layout.insertWidget(index, frame)
            before = blocks[index - 1] if index else None
            self._frames[index].set_gap(_gap(before, block))
        self._remove_from(len(blocks), len(self._frames))
        self._shown = list(blocks)

    def _make_frame(self, block: Block) -> "_Frame":
        content: QWidget
        match block:
            case TextBlock():
                content = RichLabel(self._theme, muted=self._muted)
                content.link_chosen.connect(self._on_link)
            case CodeBlock():
                content = CodeCard(self._theme, offers_to_code=self._offers_to_code)
                content.to_code_requested.connect(self.to_code_requested)
            case TableBlock():
                content = TableLabel(self._theme)
                content.link_chosen.connect(self._on_link)
            case RuleBlock():
                content = rule()
        return _Frame(block, content, self._theme)

    def _remove_from(self, first: int, end: int) -> None:
        for frame in self._frames[first:end]:
            self._layout.removeWidget(frame)
            frame.hide()
            frame.deleteLater()
        del self._frames[first:end]

    def _on_link(self, address: str) -> None:
        ask_before_opening(address, self)


class _Frame(QWidget):
    """A block's widget at its place: after its list marker, behind the bars of its quotations."""

    def __init__(self, block: Block, content: QWidget, theme: Theme) -> None:
        super().__init__()
        self._kind = type(block)
        self._place = block.place
        self._content = content
        self._marker: QLabel | None = None
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)
        place = block.place
        for _ in range(place.quote):
            self._row.addWidget(_QuoteBar(theme))
        if place.indent:
            self._marker = label(place.marker, "muted")
            self._marker.setFixedWidth(INDENT_PX * place.indent)
            self._marker.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
            # The paragraph's line height puts its first line a little lower.
            self._marker.setContentsMargins(0, 1, 7, 0)
            self._row.addWidget(self._marker)
        self._row.addWidget(content, 1)
        self.show_block(block)

    def takes(self, block: Block) -> bool:
        """Whether this frame can show `block` with the widgets it has."""
        here, there = self._place, block.place
        return type(block) is self._kind and (here.indent, here.quote) == (there.indent, there.quote)

    def show_block(self, block: Block) -> None:
        """Show `block`, which `takes` accepted."""
        self._place = block.place
        if self._marker is not None:
            self._marker.setText(block.place.marker)
        match self._content, block:
            case RichLabel() as text, TextBlock():
                text.set_html(block.html, block.level)
            case CodeCard() as card, CodeBlock():
                card.set_code(block.code, block.language)
            case TableLabel() as table, TableBlock():
                table.set_table(block)

    def set_gap(self, pixels: int) -> None:
        """Space above."""
        if self._row.contentsMargins().top() != pixels:
            self._row.setContentsMargins(0, pixels, 0, 0)


class _QuoteBar(QFrame):
    """The bar at the left of a quotation."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setFixedWidth(14)
        self.setProperty("look", "bare")
        theme.changed.connect(self._colour)
        self._colour()

    def _colour(self) -> None:
        line = self._theme.colours.line
        self.setStyleSheet(f"QFrame {{ border: none; border-left: 3px solid {line}; margin-left: 2px; }}")


def _gap(before: Block | None, block: Block) -> int:
    if before is None:
        return 0
    if isinstance(block, TextBlock) and block.level:
        return HEADING_GAP_PX
    place: Place = block.place
    if place.tight and (before.place.tight or place.indent > before.place.indent):
        return TIGHT_GAP_PX
    if isinstance(before, TextBlock) and before.level:
        return TIGHT_GAP_PX + 2
    return GAP_PX
