"""What is selected of a conversation, from one place in its text to another. No Qt here."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import Literal, NamedTuple

from app.chat.markdown.block_text import Selectable, paragraph_at, text_of
from app.chat.markdown.markdown_writer import Excerpt, html_of, inner_markdown, markdown_of

END = 1 << 40
"""As a block or an offset: the last one, however much is still to come."""

Unit = Literal["character", "word", "paragraph"]
"""What a press, a double and a triple click begin to select by."""
WordAt = Callable[[str, int], tuple[int, int]]
"""Where the word around an offset of a text starts and ends."""


class Part(IntEnum):
    """The texts of a message, in their order."""

    NOTE = 0
    """What stands above it and is no message, such as a summary."""
    QUESTION = auto()
    THINKING = auto()
    ANSWER = auto()


class TextKey(NamedTuple):
    """Which text of a conversation: one part of the message with this number."""

    message: int
    part: Part


class TextPlace(NamedTuple):
    """A place between two characters of a conversation; earlier ones are smaller."""

    text: TextKey
    block: int
    offset: int


class BlockPlace(NamedTuple):
    """A place within one text."""

    block: int
    offset: int


class BlockRange(NamedTuple):
    """What is selected of one text."""

    start: BlockPlace
    end: BlockPlace

    def within(self, block: int, length: int) -> tuple[int, int]:
        """From and to which offset of a block with so many characters; twice the same where nothing is."""
        if not self.start.block <= block <= self.end.block:
            return 0, 0
        start = self.start.offset if block == self.start.block else 0
        end = self.end.offset if block == self.end.block else length
        return min(start, length), min(end, length)

    @property
    def is_within_one(self) -> bool:
        """Tell whether it is the inside of one block."""
        return self.start.block == self.end.block


ALL = BlockRange(BlockPlace(0, 0), BlockPlace(END, END))


@dataclass(frozen=True, slots=True)
class TextBlocks:
    """One text of a conversation."""

    key: TextKey
    blocks: Sequence[Selectable]


@dataclass(frozen=True, slots=True)
class Copied:
    """A selection for the clipboard."""

    markdown: str
    html: str


class TextSelection:
    """From `anchor`, where it was begun, to `head`, which follows the mouse or the keys. Any order, and twice
    the same place where nothing is selected."""

    def __init__(self, block_at: Callable[[TextPlace], Selectable | None], word_at: WordAt) -> None:
        """`block_at` gives the block of a place, where it is still there."""
        self._block_at = block_at
        self._word_at = word_at
        self._unit: Unit = "character"
        self._pressed: tuple[TextPlace, TextPlace] | None = None
        self.anchor: TextPlace | None = None
        self.head: TextPlace | None = None

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is selected."""
        return self.anchor == self.head

    @property
    def start(self) -> TextPlace | None:
        """The earlier end."""
        return None if self.anchor is None or self.head is None else min(self.anchor, self.head)

    @property
    def end(self) -> TextPlace | None:
        """The later end."""
        return None if self.anchor is None or self.head is None else max(self.anchor, self.head)

    def press(self, place: TextPlace, unit: Unit = "character") -> None:
        """Begin at a place, with all of the word or paragraph around it."""
        self._unit = unit
        self._pressed = self._around(place)
        self.anchor, self.head = self._pressed

    def drag(self, place: TextPlace) -> None:
        """Go on to another place, in the units that it was begun with."""
        if self._pressed is None:
            self.press(place)
            return
        first, last = self._pressed
        start, end = self._around(place)
        if start < first:
            self.anchor, self.head = last, start
        else:
            self.anchor, self.head = first, max(end, last)

    def extend(self, place: TextPlace) -> None:
        """Move its head; begin there where nothing was begun."""
        if self.anchor is None:
            self.anchor = place
        self._unit, self._pressed = "character", (self.anchor, self.anchor)
        self.head = place

    def select(self, first: TextKey, last: TextKey) -> None:
        """Select some texts as a whole."""
        self._unit, self._pressed = "character", None
        self.anchor, self.head = TextPlace(first, 0, 0), TextPlace(last, END, END)

    def set(self, anchor: TextPlace, head: TextPlace) -> None:
        """Select from one place to another."""
        self._unit, self._pressed = "character", (anchor, anchor)
        self.anchor, self.head = anchor, head

    def covers(self, first: TextKey, last: TextKey) -> bool:
        """Tell whether some texts are selected as a whole."""
        start, end = self.start, self.end
        if start is None or end is None:
            return False
        return start <= TextPlace(first, 0, 0) and TextPlace(last, END, END) <= end

    def clear(self) -> None:
        """Select nothing, and forget where it was begun."""
        self._pressed = self.anchor = self.head = None

    def frozen(self) -> "TextSelection":
        """A copy that stays as it is, for another thread."""
        return copy(self)

    def within(self, key: TextKey) -> BlockRange | None:
        """What is selected of one text; None where nothing is."""
        start, end = self.start, self.end
        if start is None or end is None or start == end or not start.text <= key <= end.text:
            return None
        return BlockRange(
            BlockPlace(start.block, start.offset) if key == start.text else ALL.start,
            BlockPlace(end.block, end.offset) if key == end.text else ALL.end,
        )

    def copied(self, texts: Iterable[TextBlocks]) -> Copied:
        """What is selected of these texts, which come in their order."""
        start, end = self.start, self.end
        if start is None or end is None or start == end:
            return Copied("", "")
        excerpts = [excerpt for text in texts for excerpt in self._excerpts(text)]
        if start[:2] == end[:2] and excerpts:
            return Copied(inner_markdown(excerpts[0]), html_of(excerpts))
        return Copied(markdown_of(excerpts), html_of(excerpts))

    def _excerpts(self, text: TextBlocks) -> Iterator[Excerpt]:
        selected = self.within(text.key)
        if selected is None:
            return
        assert self.start is not None
        assert self.end is not None
        # Thoughts among other texts are told from them, as where a whole reply is copied.
        quoted = text.key.part is Part.THINKING and self.start.text != self.end.text
        for number in range(selected.start.block, min(selected.end.block + 1, len(text.blocks))):
            block = text.blocks[number]
            length = len(text_of(block))
            first, last = selected.within(number, length)
            if first < last or not length:
                yield Excerpt(block, first, last, quoted)

    def _around(self, place: TextPlace) -> tuple[TextPlace, TextPlace]:
        block = self._block_at(place) if self._unit != "character" else None
        if block is None:
            return place, place
        start, end = paragraph_at(block, place.offset)
        if self._unit == "word":
            # Within its line: a word never goes on in the next one.
            first, last = self._word_at(text_of(block)[start:end], place.offset - start)
            start, end = start + first, start + last
        return place._replace(offset=start), place._replace(offset=end)
