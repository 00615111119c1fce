"""The rows in which code is shown, and how high and wide they are, found without laying each of them out."""

import re
from collections.abc import Generator, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from PySide6.QtGui import QFont, QTextLayout

from app.ui.base.letters import Letters

ROW_CHARACTERS = 1000
"""A longer line goes on in a further row: Qt lays out a row as a whole, one of 300,000 letters in 100 ms."""
TAB_CHARACTERS = 10
MEASURED_ROWS = 500
"""So many are measured in a step, which takes 3 ms, where they have few different letters."""
FEW_LETTERS = 64
"""So many new ones are measured each, in 3 ms; of rows with more of them each is laid out."""
DIFFERENT_LETTERS = 200
"""Text with more of them takes long to measure, and to be laid out for the first time."""

_OTHER_ENDS = "\r\u2028\u2029\ufdd0\ufdd1"
_ROW_END = re.compile("\r\n|[\n\r\u2028\u2029\ufdd0\ufdd1]")
"""Where Qt begins another block, and where it would another line of one."""
_ALIKE = {"国": re.compile("[\u4e00-\u9fff]+"), "각": re.compile("[\uac00-\ud7a3]+")}
"""Letters of which one stands for all."""
_WIDE = re.compile("[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]")


class Rows(NamedTuple):
    """The rows of a text, and at which character of it each begins."""

    texts: list[str]
    starts: list[int]


class Sizes(NamedTuple):
    """The heights of rows in pixels, and estimates of how wide they are, in Latin letters."""

    heights: list[float]
    widths: list[int]


def rows_of(text: str) -> Rows:
    """Divide a text into rows."""
    if any(end in text for end in _OTHER_ENDS):
        ends = list(_ROW_END.finditer(text))
        starts = [0, *(end.end() for end in ends)]
        stops = [*(end.start() for end in ends), len(text)]
        texts = [text[start:stop] for start, stop in zip(starts, stops, strict=True)]
    else:
        # An expression that is sought takes ten times as long.
        texts = text.split("\n")
        starts = list(accumulate((len(row) + 1 for row in texts[:-1]), initial=0))
    if max(map(len, texts)) <= ROW_CHARACTERS:
        return Rows(texts, starts)
    cut = Rows([], [])
    for row, start in zip(texts, starts, strict=True):
        for at in range(0, max(1, len(row)), ROW_CHARACTERS):
            cut.texts.append(row[at : at + ROW_CHARACTERS])
            cut.starts.append(start + at)
    return cut


def is_dear(text: str) -> bool:
    """Tell whether a text takes long to be measured, and to be laid out for the first time."""
    letters = set() if text.isascii() else set(text)
    if len(letters) <= DIFFERENT_LETTERS:
        return False
    others = "".join(letters)
    for alike in _ALIKE.values():
        others = alike.sub("", others)
    return len(others) > DIFFERENT_LETTERS


class RowSizes:
    """Measures rows in a font.

    A row is as high as the fonts together that have its characters. Letters of Chinese are one kind, the
    others are measured each; of those that stand as high above and below the line one stands for all.
    """

    def __init__(self, font: QFont, letters: Letters) -> None:
        self.font = font
        self._letters = letters
        self._extents: dict[str, tuple[float, float]] = {}
        self._together: dict[frozenset[tuple[float, float]], float] = {}
        self.usual = sum(self._extent("x"))
        """The height of a row of Latin letters."""

    def measured(self, rows: Sequence[str]) -> Sizes:
        """Measure rows now."""
        steps = self.steps(rows)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return Sizes(*end.value)

    def steps(self, rows: Sequence[str]) -> Generator[object, None, Sizes]:
        """Measure rows in steps, and return their sizes."""
        sizes = Sizes([], [])
        for first in range(0, len(rows), MEASURED_ROWS):
            some = rows[first : first + MEASURED_ROWS]
            text = "\n".join(some)
            if text.isascii():
                sizes.heights.extend([self.usual] * len(some))
            else:
                yield None
                yield from self._add_heights(some, text, sizes.heights)
            sizes.widths.extend(_widths(some, text))
        return sizes

    def _add_heights(self, rows: Sequence[str], text: str, heights: list[float]) -> Iterator[object]:
        for kind, letters in _ALIKE.items():
            text = letters.sub(kind, text)
        found = {letter for letter in set(text) if letter > "\x7f"}
        if len(found - self._extents.keys()) <= FEW_LETTERS:
            heights.extend(self._heights_by_letters(found, text))
            return
        yield from self._letters.steps("".join(found), self.font)
        for row in rows:
            heights.append(sum(_measured(row, self.font)))
            yield None

    def _heights_by_letters(self, found: set[str], text: str) -> Iterator[float]:
        # Most rows are like others, once one letter stands for all of its kind.
        alike: dict[tuple[float, float], set[str]] = {}
        for letter in found:
            alike.setdefault(self._extent(letter), set()).add(letter)
        like_latin = alike.pop(self._extent("x"), set())
        if alike:
            text = re.sub(f"[\0-\x09\x0b-\x7f{re.escape(''.join(like_latin))}]+", "x", text)
            for letters in alike.values():
                text = re.sub(f"[{re.escape(''.join(letters))}]+", min(letters), text)
            shapes = text.split("\n")
            height_of = {shape: self._of(shape) for shape in set(shapes)}
            return map(height_of.__getitem__, shapes)
        return (self.usual for _ in range(text.count("\n") + 1))

    def _of(self, row: str) -> float:
        """The height of a row."""
        if row.isascii():
            return self.usual
        one_each = {self._extent(each): each for each in row}
        key = frozenset(one_each)
        if key not in self._together:
            self._together[key] = sum(_measured("".join(one_each.values()), self.font))
        return self._together[key]

    def _extent(self, letter: str) -> tuple[float, float]:
        found = self._extents.get(letter)
        if found is None:
            found = self._extents[letter] = _measured(letter, self.font)
        return found


def _measured(text: str, font: QFont) -> tuple[float, float]:
    """The pixels above and below the line that letters stand on."""
    layout = QTextLayout(text, font)
    layout.beginLayout()
    line = layout.createLine()
    line.setLeadingIncluded(True)
    layout.endLayout()
    return line.ascent(), line.height() - line.ascent()


def _widths(rows: Sequence[str], text: str) -> Iterator[int]:
    if text.isascii() and "\t" not in text:
        return map(len, rows)
    wide = _WIDE.sub("xx", text).replace("\t", "x" * (TAB_CHARACTERS + 1))
    return map(len, wide.split("\n"))
