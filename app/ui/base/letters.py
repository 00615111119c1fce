"""Letters that Qt is to find fonts for, and to draw, before text with them is laid out as a whole."""

from collections.abc import Iterator

from PySide6.QtGui import QFont, QTextLayout

from app.ui.base.slices import NEXT_TURN

RANGE_BITS = 6
"""Letters that have all but these bits in common are mostly of one script."""
LETTERS = 100
"""So many are laid out in a step, which takes 2 ms."""
READ_CHARACTERS = 20_000
"""So many of a text are looked through in a step, in 2 ms where all are different."""
KEPT_LETTERS = 100_000
"""When more are known of a font, Qt may have forgotten some."""
KEPT_FONTS = 4
"""The two of most text, and those of the text's size before."""


class Letters:
    """Lays out each letter once in each font, in steps. GUI thread only.

    For the first letter of a script Qt asks the fonts of the computer one after the other, in 15 to 60 ms
    where there are some forty; each other letter takes 15 µs at first and much less then. A paragraph of
    thousands of rare ones took 300 ms.
    """

    def __init__(self) -> None:
        self._known: dict[str, set[str]] = {}
        """By font, the one that was new last at the end."""

    def steps(self, text: str, font: QFont) -> Iterator[object]:
        """Lay out those of a text that were not in this font."""
        if text.isascii():
            return
        known = self._known.setdefault(font.key(), set())
        if len(self._known) > KEPT_FONTS:
            del self._known[next(iter(self._known))]
        if len(known) > KEPT_LETTERS:
            known.clear()
        ranges: set[int] = set()
        for start in range(0, len(text), READ_CHARACTERS):
            new = list(set(text[start : start + READ_CHARACTERS]) - known)
            yield None
            for letter in new:
                if ord(letter) >> RANGE_BITS not in ranges:
                    # Where another of it is known, this takes no time.
                    ranges.add(ord(letter) >> RANGE_BITS)
                    _lay_out(letter, font)
                    yield NEXT_TURN
            for first in range(0, len(new), LETTERS):
                some = new[first : first + LETTERS]
                _lay_out("".join(some), font)
                known.update(some)
                yield None

    def known_in(self, font: QFont) -> str:
        """All letters that were laid out in a font."""
        return "".join(self._known.get(font.key(), ()))


def _lay_out(text: str, font: QFont) -> None:
    layout = QTextLayout(text, font)
    layout.beginLayout()
    layout.createLine()
    layout.endLayout()
