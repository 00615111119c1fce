"""One paragraph or heading of a reply."""

import re
from dataclasses import dataclass
from functools import lru_cache
from html import escape, unescape

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from app.chat.markdown.markdown_math import without_delimiters
from app.ui.base.colours import Colours
from app.ui.base.formulas import FormulaRequest
from app.ui.base.theme import CODE_FAMILIES, TEXT_PX, Theme

LINE_PX = 22
BASELINE = 0.8
"""Of the line's height: there Qt puts the baseline of lines whose height is fixed
(getLineHeightParams in qtextdocumentlayout.cpp)."""
OVERLAP = 1.08
"""So much of a line's height formulas may take before lines are set apart: boxes that touch, not letters."""
_FORMULA = re.compile(r'<span class="math( display)?">(.*?)</span>', re.DOTALL)
CODE_PX = 12
HEADING_PX = {1: 19, 2: 17, 3: 15, 4: 14, 5: 13, 6: 13}


class RichLabel(QLabel):
    """Rich text that `markdown_blocks` made, in the theme's colours; selectable, its links only told."""

    link_chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None, *, muted: bool = False) -> None:
        super().__init__(parent)
        self._theme = theme
        self._muted = muted
        self._html = ""
        self._level = 0
        self._overhang_px = 0
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.linkActivated.connect(self.link_chosen)
        self.waits_for_formulas = False
        """Some are still to be drawn; `show_again` then."""
        theme.changed.connect(self.show_again)

    def set_html(self, html: str, level: int = 0) -> None:
        """Show a text block's content; `level` 1 to 6 is a heading."""
        self._html, self._level = html, level
        self.show_again()

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        """The height of the wrapped text and of what reaches out of it."""
        return super().heightForWidth(width) + self._overhang_px

    def show_again(self) -> None:
        """Make the text anew: the theme changed, or formulas came."""
        flags = Qt.TextInteractionFlag.TextSelectableByMouse
        if "<a " in self._html:
            # Only text with links is a stop for the Tab key.
            flags |= Qt.TextInteractionFlag.LinksAccessibleByMouse
            flags |= Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        if self.textInteractionFlags() != flags:
            self.setTextInteractionFlags(flags)
        drawn = with_formulas(
            self._html, self._theme, text_pixel_size(self._theme, self._level), muted=self._muted
        )
        self.waits_for_formulas = drawn.waits
        self._overhang_px = overhang_px(self._theme, drawn, self._level)
        self.setText(rich_text(self._theme, drawn, self._level, self._muted))


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
