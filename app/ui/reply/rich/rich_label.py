"""One paragraph or heading of a reply."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape, unescape

from PySide6.QtCore import QRect
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QWidget

from app.chat.markdown.block_text import runs_of
from app.chat.markdown.markdown_math import without_delimiters
from app.ui.base.colours import Colours
from app.ui.base.formulas import FormulaRequest
from app.ui.base.theme import CODE_FAMILIES, TEXT_PX, Theme
from app.ui.reply.rich.rich_text import Piece, RichText

LINE_PX = 22
BASELINE = 0.8
"""Of the line's height: there Qt puts the baseline of lines whose height is fixed
(getLineHeightParams in qtextdocumentlayout.cpp)."""
OVERLAP = 1.08
"""So much of a line's height formulas may take before lines are set apart: boxes that touch, not letters."""
_FORMULA = re.compile(r'<span class="math( display)?">(.*?)</span>', re.DOTALL)
CODE_PX = 12
HEADING_PX = {1: 19, 2: 17, 3: 15, 4: 14, 5: 13, 6: 13}


_PLAIN_WORDS = re.compile(r"(?:[^<\s]| (?! ))*")


class RichLabel(RichText):
    """Rich text that `markdown_blocks` made, in the theme's colours. It may still be coming in: plain words
    are then added to the document, as reading and laying out the whole paragraph anew for each took half of
    the window's time."""

    def __init__(self, theme: Theme, parent: QWidget | None = None, *, muted: bool = False) -> None:
        super().__init__(parent)
        self._theme = theme
        self._muted = muted
        self._html = ""
        self._level = 0
        self._overhang_px = 0
        self._has_grown = False
        self._end = QTextCursor(self.document)
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

    def settle(self) -> None:
        """Make the text as a whole where words were added to it: it will not change any more."""
        if self._has_grown:
            self.show_again()

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        """The height of the wrapped text and of what reaches out of it."""
        return super().heightForWidth(width) + self._overhang_px

    def show_again(self) -> None:
        """Make the text anew: the theme changed, or formulas came."""
        self._has_grown = False
        drawn = with_formulas(
            self._html, self._theme, text_pixel_size(self._theme, self._level), muted=self._muted
        )
        self.waits_for_formulas = drawn.waits
        self._overhang_px = overhang_px(self._theme, drawn, self._level)
        self.show_html(rich_text(self._theme, drawn, self._level, self._muted))
        self.setAccessibleName("".join(run.text for run in runs_of(self._html)))
        self._end.movePosition(QTextCursor.MoveOperation.End)

    def _pieces(self) -> Sequence[Piece]:
        return [Piece(0, runs_of(self._html), 0)]

    def _add(self, words: str) -> None:
        top = self._last_line_top()
        self._has_grown = True
        self._end.insertText(words)
        self.update(QRect(0, top, self.width(), max(self.height(), self.heightForWidth(self.width())) - top))

    def _last_line_top(self) -> int:
        block = self.document.lastBlock()
        layout = block.layout()
        if not layout.lineCount():
            return 0
        offset = self.document.documentLayout().blockBoundingRect(block).top()
        return max(0, math.floor(offset + layout.lineAt(layout.lineCount() - 1).y()) - 2)


@dataclass(frozen=True, slots=True)
class DrawnText:
    """Rich text with pictures of its formulas, the highest of which reach so far from the baseline."""

    html: str
    waits: bool = False
    """Some are still to come."""
    ascent: float = 0.0
    descent: float = 0.0


def rich_text(theme: Theme, text: DrawnText, level: int, muted: bool) -> str:
    """A paragraph (`level` 0) or heading with its style."""
    tag = f"h{level}" if level else "p"
    line_px = theme.pixels(LINE_PX)
    style = ""
    if _is_even(theme, text, level):
        style = f' style="-qt-line-height-type: fixed; line-height: {line_px}px"'
    elif text.ascent:
        style = f' style="-qt-line-height-type: minimum; line-height: {line_px}px"'
    return f"{text_style(theme.colours, theme.zoom_percent, muted)}<{tag}{style}>{text.html}</{tag}>"


def overhang_px(theme: Theme, text: DrawnText, level: int) -> int:
    """Return how far formulas reach below the last line, which Qt's document does not count."""
    if not _is_even(theme, text, level):
        return 0
    return max(0, round(text.descent - (1 - BASELINE) * theme.pixels(LINE_PX)))


def _is_even(theme: Theme, text: DrawnText, level: int) -> bool:
    """Tell whether all lines have one height, whatever fonts and formulas are in them: in a paragraph without
    very high formulas."""
    line_px = theme.pixels(LINE_PX)
    fits = text.ascent <= BASELINE * line_px and text.ascent + text.descent <= OVERLAP * line_px
    return not level and fits


def baseline_px(theme: Theme) -> int:
    """Return where the first line of a paragraph has its baseline, from the top."""
    return round(BASELINE * theme.pixels(LINE_PX))


def text_pixel_size(theme: Theme, level: int) -> int:
    """Return the height of the text of a paragraph (`level` 0) or heading."""
    return theme.pixels(HEADING_PX.get(level, TEXT_PX))


def with_formulas(html: str, theme: Theme, pixel_size: float, *, muted: bool = False) -> DrawnText:
    """`html` with pictures in place of its formulas; one that cannot be drawn stays as its source."""
    if '<span class="math' not in html:
        return DrawnText(html)
    waits, ascent, descent = False, 0.0, 0.0

    def picture(match: re.Match[str]) -> str:
        nonlocal waits, ascent, descent
        source = unescape(match[2])
        colour = theme.colours.muted if muted else theme.colours.text
        drawn = theme.formulas.picture(
            FormulaRequest(without_delimiters(source), bool(match[1]), colour, pixel_size)
        )
        waits = waits or drawn is None
        if drawn is None or not drawn.tag:
            return match[0]
        ascent, descent = max(ascent, drawn.ascent), max(descent, drawn.descent)
        return drawn.tag.replace("<img ", f'<img alt="{escape(source)}" ', 1)

    return DrawnText(_FORMULA.sub(picture, html), waits, ascent, descent)


@lru_cache(maxsize=8)
def text_style(colours: Colours, zoom_percent: int, muted: bool = False) -> str:
    """The style sheet in front of every piece of rich text."""
    code_px = CODE_PX * zoom_percent // 100
    mono = ", ".join(f"'{family}'" for family in CODE_FAMILIES)
    headings = "".join(
        f"h{level} {{ font-size: {size * zoom_percent // 100}px; font-weight: 600; margin: 0; }}"
        for level, size in HEADING_PX.items()
    )
    return (
        "<style>"
        f"p {{ margin: 0; color: {colours.muted if muted else colours.text}; }}"
        f"{headings}"
        f"code {{ font-family: {mono}; font-size: {code_px}px; background-color: {colours.raised}; }}"
        f".math {{ font-family: {mono}; font-size: {code_px}px; }}"
        f"a {{ color: {colours.accent}; text-decoration: none; }}"
        f"th {{ font-weight: 600; color: {colours.muted}; }}"
        "</style>"
    )
