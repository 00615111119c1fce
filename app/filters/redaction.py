"""A text with pieces taken out, which knows where each of its places was before."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Stretch:
    """From `start` on stands the original's `was_start` to `was_end`, or the mark that stands for it."""

    start: int
    end: int
    was_start: int
    was_end: int
    is_mark: bool = False


class RedactedText:
    """Starts as the whole text; each `take_out` replaces more of it."""

    def __init__(self, original: str) -> None:
        self.text = original
        self._stretches = [_Stretch(0, len(original), 0, len(original))]

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Return where `text[start:end]` was; a mark in it stands for all that was taken out there. Not for
        an empty stretch."""
        first, last = self._stretches[self._index(start)], self._stretches[self._index(end - 1)]
        return (
            first.was_start if first.is_mark else first.was_start + start - first.start,
            last.was_end if last.is_mark else last.was_end - (last.end - end),
        )

    def take_out(self, spans: Sequence[tuple[int, int]], mark: str) -> None:
        """Put `mark` in the place of each of the spans, which are in order, apart and not empty."""
        pieces: list[str] = []
        stretches: list[_Stretch] = []
        length, position = 0, 0
        for start, end in [*spans, (len(self.text), len(self.text))]:
            for kept in self._between(position, start):
                size = kept.end - kept.start
                stretches.append(_Stretch(length, length + size, kept.was_start, kept.was_end, kept.is_mark))
                pieces.append(self.text[kept.start : kept.end])
                length += size
            if end > start:
                was_start, was_end = self.original_span(start, end)
                if mark:
                    stretches.append(_Stretch(length, length + len(mark), was_start, was_end, True))
                pieces.append(mark)
                length += len(mark)
            position = end
        self.text = "".join(pieces)
        self._stretches = stretches

    def _between(self, start: int, end: int) -> list[_Stretch]:
        """The stretches of `text[start:end]`, cut to it; a part of a mark still stands for all of it."""
        if end <= start:
            return []
        found = []
        for stretch in self._stretches[self._index(start) : self._index(end - 1) + 1]:
            begins, ends = max(start, stretch.start), min(end, stretch.end)
            if stretch.is_mark:
                found.append(_Stretch(begins, ends, stretch.was_start, stretch.was_end, True))
            else:
                was_start = stretch.was_start + begins - stretch.start
                found.append(_Stretch(begins, ends, was_start, was_start + ends - begins))
        return found

    def _index(self, place: int) -> int:
        return bisect_right(self._stretches, place, key=lambda stretch: stretch.start) - 1
