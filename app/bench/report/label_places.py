"""Places for the names of a plot's points: inside it, clear of the points and of each other. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

GAP_PX = 3.0
DOT_PX = 5.0
"""Half the room that a point takes."""
OUTSIDE_COST, LINE_COST = 4.0, 2.0
"""Of a square pixel outside the picture and of a pixel of a line, in square pixels of what a name covers."""

MOST_COVERED = 0.05
"""The share of a name that may lie on others, and of another point's room that it may cover."""
SHIFTS = (0.5, 0.25, 0.75)
"""Above or below its point: the share of a name at the left of it, the best first."""
FINE_SHIFTS = (0.4, 0.6, 0.3, 0.7, 0.35, 0.65, 0.15, 0.85)
"""Those that are tried after all others."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    def shared(self, other: "Box") -> float:
        """Return the area that both cover."""
        across = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        down = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return across * down if across > 0 and down > 0 else 0.0

    def outside(self, area: "Box") -> float:
        """Return the part of its own area that lies outside `area`."""
        return self.width * self.height - self.shared(area)


@dataclass(frozen=True, slots=True)
class NamedPoint:
    """A point of the picture and the size of its name; nothing is placed for an empty one."""

    x: float
    y: float
    width: float = 0.0
    height: float = 0.0


Segment = tuple[tuple[float, float], tuple[float, float]]
"""A piece of a line, from one point to another."""


def label_places(
    points: Sequence[NamedPoint], area: Box, lines: Sequence[Sequence[tuple[float, float]]] = ()
) -> list[Box]:
    """Return the place of each point's name: at its right where that is free of points, names and the
    `lines` through so many places, else at its left, above or below; the least covered one where none is
    free. Where that lies on another point or name, neither could be read, and part of a name says nothing: it
    is left out then, its box empty."""
    dots = [Box(point.x - DOT_PX, point.y - DOT_PX, 2 * DOT_PX, 2 * DOT_PX) for point in points]
    segments = [segment for line in lines for segment in pairwise(line)]
    placed: list[Box] = []
    for point in points:
        taken = [*dots, *placed]
        ways = [way for way in _ways(point) if _can_be_read(way, area, dots, placed)] if point.width else []
        # `min` takes the first of equals.
        nowhere = Box(point.x, point.y, 0.0, 0.0)
        placed.append(min(ways, key=lambda way: _cost(way, area, taken, segments), default=nowhere))
    return placed


def _can_be_read(way: Box, area: Box, dots: Sequence[Box], names: Sequence[Box]) -> bool:
    # A text has about this much of nothing around it.
    whole = Box(area.x - GAP_PX, area.y - GAP_PX, area.width + 2 * GAP_PX, area.height + 2 * GAP_PX)
    if way.outside(whole) >= 1:
        return False
    on_names = sum(way.shared(name) for name in names)
    return on_names <= MOST_COVERED * way.width * way.height and all(
        way.shared(dot) <= MOST_COVERED * dot.width * dot.height for dot in dots
    )


def _ways(point: NamedPoint) -> list[Box]:
    """List the places of its name, the best first."""
    reach = DOT_PX + GAP_PX
    right, left = point.x + reach, point.x - reach - point.width
    beside = point.y - point.height / 2
    above, below = point.y - reach - point.height, point.y + reach
    corners = (
        (right, beside),
        (left, beside),
        (point.x + GAP_PX, above + GAP_PX),
        (point.x - GAP_PX - point.width, above + GAP_PX),
        *((point.x - share * point.width, above) for share in SHIFTS),
        (point.x + GAP_PX, below - GAP_PX),
        (point.x - GAP_PX - point.width, below - GAP_PX),
        *((point.x - share * point.width, below) for share in SHIFTS),
        *((point.x - share * point.width, y) for share in FINE_SHIFTS for y in (above, below)),
    )
    return [Box(x, y, point.width, point.height) for x, y in corners]


def _cost(way: Box, area: Box, taken: Sequence[Box], segments: Sequence[Segment]) -> int:
    covered = sum(way.shared(other) for other in taken)
    struck = sum(_length_inside(way, segment) for segment in segments)
    # To be cut off is worse than to touch another name, and that is worse than a line across.
    # Whole pixels: sums of fractions differ in their last digits.
    return round(OUTSIDE_COST * way.outside(area) + covered + LINE_COST * struck)


def _length_inside(box: Box, segment: Segment) -> float:
    """Return the length of the part of a straight line that lies in the box (Liang and Barsky)."""
    (x, y), (end_x, end_y) = segment
    across, down = end_x - x, end_y - y
    enters, leaves = 0.0, 1.0
    for start, step, low, high in (
        (x, across, box.x, box.x + box.width),
        (y, down, box.y, box.y + box.height),
    ):
        if step == 0:
            if not low <= start <= high:
                return 0.0
            continue
        first, last = sorted(((low - start) / step, (high - start) / step))
        enters, leaves = max(enters, first), min(leaves, last)
    return max(0.0, leaves - enters) * math.hypot(across, down)
