"""Where the blocks of a Markdown view stand, and how high they are: without widgets by an estimate.

A reply has up to some ten thousand blocks, so what is done for all of them at once is done in plain lists.
"""

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate, chain
from operator import add
from typing import NamedTuple

from app.chat.markdown.block_text import PlainText, Selectable
from app.chat.markdown.markdown_blocks import CodeBlock, Place, RuleBlock, TableBlock, TextBlock
from app.ui.base.theme import TEXT_PX, Theme
from app.ui.reply.rich.rich_label import HEADING_PX, LINE_PX

QUOTE_PX = 14
# In front of a list's item, at 100%: its bullet or a digit with a dot, and each further digit.
INDENT_PX, DIGIT_PX = 24, 8
# What a block without widgets is taken to need, in pixels at 100%.
CODE_LINE_PX, CODE_HEAD_PX, ROW_PX, FORMULA_PX = 17, 48, 35, 56
GAP_PX, TIGHT_GAP_PX, HEADING_GAP_PX = 10, 4, 16
AIR_PX = 3
"""By so much a line of text has more air above its letters than below."""
_TAG = re.compile(r"<[^>]*>")


class _Kind(NamedTuple):
    """Common to blocks whose gaps and lines are the same; `begins` is False for a further part."""

    of: type
    level: int
    indent: int
    quote: int
    digits: int
    tight: bool
    begins: bool


class BlockPlaces:
    """The heights of a view's blocks and the gaps above them at one width. GUI thread only.

    Blocks are set, then `lay_out` gives each its place; a height that was measured comes in by `set_height`,
    and `shift` moves what is below.
    """

    def __init__(self, theme: Theme, line_px: Callable[[], int]) -> None:
        """`line_px` gives the height of a line of plain text."""
        self._theme = theme
        self._line_px = line_px
        self._ems: list[float] = []
        """Of each block's text in one line; of code and tables the number of their lines."""
        self._kinds: list[int] = []
        """The number of each block's kind in `_known`."""
        self._known: list[_Kind] = []
        self._numbers: dict[tuple[type, int, int, int, int, bool, bool], int] = {}
        """By what `_Kind` holds: to make one for each block would take longer than all else."""
        self._plain: dict[int, list[float]] = {}
        """The lines of plain text, by the number of the block."""
        self._gaps: list[int] = []
        self._gap_of: dict[tuple[int, int], int] = {}
        """By the kind of the block above, -1 for none, and its own."""
        self._width = -1
        self._estimates: dict[int, list[int]] = {}
        """Heights without gaps, at the present width and the one that was asked for last."""
        self._heights: list[int] = []
        """With gaps, at the present width."""
        self._bottoms: list[int] = []
        self._laid_out = self._sure = 0
        """The numbers of blocks at the start that have their places, and that may have measured heights."""

    def __len__(self) -> int:
        return len(self._kinds)

    @property
    def bottom(self) -> int:
        """Where the last block ends."""
        return self._bottoms[-1] if self._bottoms else 0

    def top_of(self, index: int) -> int:
        """Where the block begins, with its gap; behind the last one where that ends."""
        return self._bottoms[min(index, len(self._bottoms)) - 1] if index and self._bottoms else 0

    def bottom_of(self, index: int) -> int:
        """Where the block ends."""
        return self._bottoms[index]

    def gap_of(self, index: int) -> int:
        """The pixels above the block."""
        return self._gaps[index]

    def first_below(self, y: int, first: int = 0) -> int:
        """The first block, from `first` on, that ends below `y`."""
        return bisect_right(self._bottoms, y, lo=first)

    def end_above(self, y: int) -> int:
        """The number of the first block that begins at `y` or below."""
        return min(bisect_left(self._bottoms, y) + 1, len(self)) if y > 0 else 0

    def replace_from(self, first: int, blocks: Sequence[Selectable]) -> None:
        """Let these be the blocks from `first` on."""
        numbers, known = self._numbers, self._known
        for plain in [index for index in self._plain if index >= first]:
            del self._plain[plain]
        ems: list[float] = []
        kinds: list[int] = []
        key: tuple[type, int, int, int, int, bool, bool]
        for index, block in enumerate(blocks, first):
            place = block.place
            if type(block) is TextBlock:
                # Nearly all are such.
                html = block.html
                ems.append(len(html) * 0.5 if html.isascii() and "<" not in html else _length_of(block))
                key = (TextBlock, block.level, place.indent, place.quote, place.digits, place.tight, True)
            else:
                ems.append(_length_of(block))
                begins = not _is_part(block)
                key = (type(block), 0, place.indent, place.quote, place.digits, place.tight, begins)
                if isinstance(block, PlainText):
                    self._plain[index] = [_ems(line) for line in block.text.split("\n")]
            number = numbers.get(key, -1)
            if number < 0:
                number = numbers[key] = len(known)
                known.append(_Kind(*key))
            kinds.append(number)
        pairs = list(
            zip(chain(self._kinds[first - 1 : first] if first else [-1], kinds), kinds, strict=False)
        )
        for above, number in set(pairs) - self._gap_of.keys():
            self._gap_of[above, number] = _gap_px(known[above] if above >= 0 else None, known[number])
        gaps = list(map(self._gap_of.__getitem__, pairs))
        self._ems[first:], self._kinds[first:], self._gaps[first:] = ems, kinds, gaps
        kept = self._estimates.get(self._width)
        self._estimates.clear()
        if kept is not None:
            kept[first:] = self._estimated(self._width, first)
            self._estimates[self._width] = kept
            self._heights[first:] = map(add, kept[first:], gaps)
        self._laid_out, self._sure = min(self._laid_out, first), min(self._sure, first)

    def forget(self) -> None:
        """Estimate all anew, as letters have another size."""
        self._estimates.clear()
        self._width = -1

    def take_width(self, width: int) -> int:
        """Have all heights at this width; gives the first block from which on they are estimates."""
        if width != self._width:
            self._width = width
            self._heights = list(map(add, self._estimates_at(width), self._gaps))
            self._laid_out = self._sure = 0
        first, self._sure = self._sure, len(self)
        return first

    def lay_out(self) -> None:
        """Put each block below the one before, where it has no place yet."""
        first = self._laid_out
        if first < len(self) or len(self._bottoms) > first:
            heights = self._heights[first:] if first else self._heights
            places = accumulate(heights, initial=self.top_of(first))
            next(places)
            self._bottoms[first:] = places
            self._laid_out = len(self)

    def set_height(self, index: int, height: int) -> int:
        """Take a block's height with its gap as it was measured; give by how much it is higher than before.
        The places stay."""
        more = height - self._heights[index]
        self._heights[index] = height
        return more

    def shift(self, first: int, end: int, by_px: int) -> None:
        """Move these blocks' lower edges, which have places."""
        if by_px and first < end:
            self._bottoms[first:end] = [bottom + by_px for bottom in self._bottoms[first:end]]

    def estimate(self, index: int, width: int) -> int:
        """The height of a block without widgets, without its gap."""
        return self._estimates_at(width)[index]

    def total(self, width: int) -> int:
        """The height of all blocks with their gaps at a width, by estimates."""
        return sum(self._estimates_at(width)) + sum(self._gaps)

    def _estimates_at(self, width: int) -> list[int]:
        estimates = self._estimates.get(width)
        if estimates is None:
            # Layouts ask for the height at another width before they give it.
            estimates = self._estimated(width, 0)
            own = self._estimates.get(self._width)
            self._estimates = {width: estimates} if own is None else {self._width: own, width: estimates}
        return estimates

    def _estimated(self, width: int, first: int) -> list[int]:
        """The heights of the blocks from `first` on."""
        pixels = self._theme.pixels
        heads: list[int] = []
        line_px: list[int] = []
        across: list[float] = []
        for kind in self._known:
            head, line, letter = _sizes(kind)
            heads.append(pixels(head))
            line_px.append(max(1, pixels(line)))
            width_px = max(1, width - left_px(kind, self._theme))
            across.append(width_px / pixels(letter) if letter else 1.0)
        numbers = self._kinds[first:] if first else self._kinds
        texts = self._ems[first:] if first else self._ems
        found = [
            heads[number]
            + line_px[number] * (1 if ems <= across[number] else math.ceil(ems / across[number]))
            for ems, number in zip(texts, numbers, strict=True)
        ]
        for index, each in self._plain.items():
            if index >= first:
                fit = across[self._kinds[index]]
                found[index - first] = self._line_px() * sum(max(1, math.ceil(ems / fit)) for ems in each)
        return found


def left_px(place: Place | _Kind, theme: Theme) -> int:
    """The pixels that a block leaves free at its left, for the lists and quotations that it is in."""
    return QUOTE_PX * place.quote + theme.pixels(INDENT_PX * place.indent + DIGIT_PX * place.digits)


def _is_part(block: Selectable) -> bool:
    return isinstance(block, PlainText) or (isinstance(block, TableBlock) and block.first is not None)


def _length_of(block: Selectable) -> float:
    """The length of a text in heights of its letters, or the number of lines."""
    match block:
        case TextBlock(html=html):
            return _ems(_TAG.sub("", html) if "<" in html else html)
        case CodeBlock(code=code):
            return code.count("\n") + 1
        case TableBlock(rows=rows):
            return len(rows)
        case _:
            return 1


def _sizes(kind: _Kind) -> tuple[int, int, int]:
    """The height above its lines, of a line and of its letters at 100%; 0 where lines do not wrap."""
    if kind.of is TextBlock:
        letter = HEADING_PX.get(kind.level, TEXT_PX)
        return 0, LINE_PX * letter // TEXT_PX, letter
    if kind.of is PlainText:
        return 0, 0, TEXT_PX
    if kind.of is CodeBlock:
        return CODE_HEAD_PX, CODE_LINE_PX, 0
    if kind.of is TableBlock:
        return 0, ROW_PX, 0
    return 0, 1 if kind.of is RuleBlock else FORMULA_PX, 0


def _gap_px(above: _Kind | None, kind: _Kind) -> int:
    """The pixels between two blocks; none above the first, nor between parts of one text or table."""
    if above is None or not kind.begins:
        return 0
    air = AIR_PX * (_is_paragraph(above) - _is_paragraph(kind))
    if _is_heading(kind):
        return HEADING_GAP_PX + air
    leads_in = above.of is TextBlock and kind.indent > above.indent
    if kind.tight and (above.tight or leads_in):
        return TIGHT_GAP_PX + air
    if _is_heading(above):
        return TIGHT_GAP_PX + 2 + air
    return GAP_PX + air


def _is_paragraph(kind: _Kind) -> bool:
    return kind.of is TextBlock and not kind.level


def _is_heading(kind: _Kind) -> bool:
    return kind.of is TextBlock and kind.level > 0


def _ems(text: str) -> float:
    """Estimate the width of all the text in heights of its letters: Latin ones are half as wide as high."""
    if text.isascii():
        return len(text) * 0.5
    wide = (len(text.encode()) - len(text)) / 2
    return (len(text) - wide) * 0.5 + wide
