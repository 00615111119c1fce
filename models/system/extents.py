"""The stretches of a file that are there."""

from collections.abc import Iterable, Iterator


class Extents:
    """Disjoint byte ranges [start, end) in ascending order; adjoining ones are merged."""

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._ranges: list[tuple[int, int]] = []
        for start, end in ranges:
            self.add(start, end)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self._ranges)

    @property
    def total(self) -> int:
        """Bytes covered."""
        return sum(end - start for start, end in self._ranges)

    @property
    def prefix(self) -> int:
        """Bytes covered without a gap from the start of the file."""
        return self._ranges[0][1] if self._ranges and self._ranges[0][0] == 0 else 0

    def add(self, start: int, end: int) -> None:
        """Cover [start, end) too."""
        if start >= end:
            return
        before = [r for r in self._ranges if r[1] < start]
        after = [r for r in self._ranges if r[0] > end]
        for other_start, other_end in self._ranges[len(before) : len(self._ranges) - len(after)]:
            start, end = min(start, other_start), max(end, other_end)
        self._ranges = [*before, (start, end), *after]

    def missing(self, size: int, step: int, first_step: int | None = None) -> list[tuple[int, int]]:
        """Return the gaps below `size` in ascending order, cut at multiples of `step`.

        With `first_step`, `step` divided by a power of two, those at the start of the file are that short,
        and later ones grow to an eighth of what lies before: of several that come at once the first is
        there soon.
        """
        gaps = []
        position = 0
        for start, end in [*self._ranges, (size, size)]:
            while position < min(start, size):
                length = step
                while length > (first_step or step) and length > position // 8:
                    length //= 2
                stop = min(start, size, (position // length + 1) * length)
                gaps.append((position, stop))
                position = stop
            position = max(position, end)
        return gaps
