"""Where the end of a selection goes by the keyboard: by characters, words and lines, across blocks."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPoint, QTextBoundaryFinder
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QWidget

from app.chat.markdown.block_text import Selectable, text_of
from app.chat.markdown.markdown_blocks import BREAK
from app.chat.markdown.text_selection import TextPlace
from app.ui.base.utf16 import characters, utf16_length
from app.ui.reply.selectable_text import ShownText, caret_in, place_near

LOOK_PX, FARTHEST_PX = 5, 400
"""From line to line it is looked for in such steps, over pictures and gaps of at most that height."""

Key = QKeySequence.StandardKey


class CaretSteps:
    """Finds where a key with Shift leads. Several steps up or down keep to one x. GUI thread."""

    def __init__(self, viewport: QWidget) -> None:
        self._viewport = viewport
        self._goal: tuple[TextPlace, int] | None = None

    def after(self, event: QKeyEvent, texts: Sequence[ShownText], place: TextPlace) -> TextPlace | None:
        """The place to which a key leads from `place`; None for a key that means something else."""
        keys: dict[Key, Callable[[Sequence[ShownText], TextPlace], TextPlace]] = {
            Key.SelectNextChar: _next_character,
            Key.SelectPreviousChar: _previous_character,
            Key.SelectNextWord: _next_word,
            Key.SelectPreviousWord: _previous_word,
            Key.SelectNextLine: lambda texts, place: self._line(texts, place, 1),
            Key.SelectPreviousLine: lambda texts, place: self._line(texts, place, -1),
            Key.SelectStartOfLine: lambda texts, place: self._edge(texts, place, 0),
            Key.SelectEndOfLine: lambda texts, place: self._edge(texts, place, self._viewport.width()),
            Key.SelectStartOfDocument: lambda texts, place: TextPlace(texts[0].key, 0, 0),
            Key.SelectEndOfDocument: lambda texts, place: _last(texts[-1]),
        }
        for key, go in keys.items():
            if event.matches(key):
                return go(texts, _settled(texts, place)) if texts else place
        return None

    def _line(self, texts: Sequence[ShownText], place: TextPlace, down: int) -> TextPlace:
        rect = caret_in(texts, self._viewport, place)
        if rect is None:
            return place
        x = self._goal[1] if self._goal is not None and self._goal[0] == place else rect.x()
        for away_px in range(LOOK_PX, FARTHEST_PX, LOOK_PX):
            y = rect.bottom() + away_px if down > 0 else rect.top() - away_px
            there = place_near(texts, self._viewport, QPoint(x, y))
            below = caret_in(texts, self._viewport, there) if there is not None else None
            if there is None or below is None:
                continue
            is_farther = (
                there > place and below.top() > rect.top()
                if down > 0
                else there < place and below.top() < rect.top()
            )
            if is_farther:
                self._goal = (there, x)
                return there
        return _last(texts[-1]) if down > 0 else TextPlace(texts[0].key, 0, 0)

    def _edge(self, texts: Sequence[ShownText], place: TextPlace, x: int) -> TextPlace:
        rect = caret_in(texts, self._viewport, place)
        there = place_near(texts, self._viewport, QPoint(x, rect.center().y())) if rect is not None else None
        return there or place


def word_at(text: str, offset: int) -> tuple[int, int]:
    """Where the word around an offset starts and ends, or the one that ends there."""
    at_its_end = not text[offset : offset + 1].isalnum() and text[max(offset - 1, 0) : offset].isalnum()
    if offset and (at_its_end or offset >= len(text)):
        offset -= 1
    finder = QTextBoundaryFinder(QTextBoundaryFinder.BoundaryType.Word, text)
    finder.setPosition(utf16_length(text[:offset]))
    start = finder.position() if finder.isAtBoundary() else finder.toPreviousBoundary()
    end = finder.toNextBoundary()
    return characters(text, max(start, 0)), characters(text, end) if end >= 0 else len(text)


def _settled(texts: Sequence[ShownText], place: TextPlace) -> TextPlace:
    """The place with the numbers of a block and a character that are there."""
    blocks = _blocks(texts, place)
    if not blocks:
        return place
    block = min(place.block, len(blocks) - 1)
    return TextPlace(place.text, block, min(place.offset, len(text_of(blocks[block]))))


def _next_character(texts: Sequence[ShownText], place: TextPlace) -> TextPlace:
    text = _text(texts, place)
    offset = place.offset + 1
    while text[offset : offset + 1] == BREAK:
        offset += 1
    return place._replace(offset=offset) if offset <= len(text) else _start_of_next(texts, place)


def _previous_character(texts: Sequence[ShownText], place: TextPlace) -> TextPlace:
    text = _text(texts, place)
    offset = place.offset - 1
    while offset > 0 and text[offset] == BREAK:
        offset -= 1
    return place._replace(offset=offset) if offset >= 0 else _end_of_previous(texts, place)


def _next_word(texts: Sequence[ShownText], place: TextPlace) -> TextPlace:
    text = _text(texts, place)
    offset = place.offset
    while offset < len(text) and text[offset].isspace():
        offset += 1
    if offset == len(text):
        return _start_of_next(texts, place) if place.offset == offset else place._replace(offset=offset)
    return place._replace(offset=max(word_at(text, offset)[1], offset + 1))


def _previous_word(texts: Sequence[ShownText], place: TextPlace) -> TextPlace:
    text = _text(texts, place)
    offset = place.offset
    while offset > 0 and text[offset - 1].isspace():
        offset -= 1
    if offset == 0:
        return _end_of_previous(texts, place) if place.offset == 0 else place._replace(offset=0)
    return place._replace(offset=min(word_at(text, offset - 1)[0], offset - 1))


def _start_of_next(texts: Sequence[ShownText], place: TextPlace) -> TextPlace:
    if place.block + 1 < len(_blocks(texts, place)):
        return TextPlace(place.text, place.block + 1, 0)
    after = [shown for shown in texts if shown.key > place.text]
    return TextPlace(after[0].key, 0, 0) if after else place


def _end_of_previous(texts: Sequence[ShownText], place: TextPlace) -> TextPlace:
    if place.block > 0:
        above = _blocks(texts, place)[place.block - 1]
        return TextPlace(place.text, place.block - 1, len(text_of(above)))
    before = [shown for shown in texts if shown.key < place.text]
    return _last(before[-1]) if before else place


def _last(shown: ShownText) -> TextPlace:
    block = len(shown.text.blocks) - 1
    return TextPlace(shown.key, block, len(text_of(shown.text.blocks[block])))


def _text(texts: Sequence[ShownText], place: TextPlace) -> str:
    blocks = _blocks(texts, place)
    return text_of(blocks[place.block]) if place.block < len(blocks) else ""


def _blocks(texts: Sequence[ShownText], place: TextPlace) -> Sequence[Selectable]:
    return next((shown.text.blocks for shown in texts if shown.key == place.text), ())
