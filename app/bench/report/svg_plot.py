"""A plot as SVG text: axes, lines, points with their deviation, labels. Its colours are CSS classes. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from app.bench.report.curves import SMALLEST, Line
from app.bench.report.label_places import Box, NamedPoint, label_places

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 20, 16, 48
MOST_TICKS = 6
MOST_DECADES = 12
CHARACTER_PX, LABEL_PX, BASE_PX = 7.5, 15, 11.5
"""The room of a name's character, which the reader's font decides, a name's height, and where its foot is."""


@dataclass(frozen=True, slots=True)
class _Axis:
    """A range of figures on a range of pixels."""

    low: float
    high: float
    start_px: float
    end_px: float
    log: bool

    def place(self, value: float) -> float:
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log10(low), math.log10(high), math.log10(max(value, self.low))
        share = (at - low) / (high - low) if high > low else 0.5
        return self.start_px + share * (self.end_px - self.start_px)

    def ticks(self) -> list[float]:
        if self.log:
            first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
            return [10.0**power for power in range(first, last + 1, 1 + (last - first) // MOST_DECADES)]
        step = _round_step((self.high - self.low) / MOST_TICKS)
        first = math.ceil(self.low / step)
        return [number * step for number in range(first, math.floor(self.high / step + 1e-9) + 1)]


def svg_plot(
    title: str, x_name: str, y_name: str, lines: Sequence[Line], *, log_x: bool = False, log_y: bool = False
) -> str:
    """The picture; a linear y axis starts at zero, so that heights compare. `title` is for screen readers."""
    points = [point for line in lines for point in line.points]
    if not points:
        return ""
    x_axis = _axis([point.x for point in points], LEFT, WIDTH - RIGHT, log=log_x, from_zero=False)
    tops = [point.high for point in points]
    lows = [point.y for point in points]
    y_axis = _axis(lows + tops, HEIGHT - BOTTOM, TOP, log=log_y, from_zero=True)
    parts = [
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" xmlns="http://www.w3.org/2000/svg">',
        f"<title>{escape(title)}</title>",
        *_grid(x_axis, y_axis, x_name, y_name),
    ]
    for line in lines:
        parts += _line(line, x_axis, y_axis)
    parts += _labels(lines, x_axis, y_axis)
    return "\n".join([*parts, "</svg>"])


def _axis(values: Sequence[float], start_px: float, end_px: float, *, log: bool, from_zero: bool) -> _Axis:
    low, high = min(values), max(values)
    if log:
        return _Axis(
            10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high)), start_px, end_px, True
        )
    if from_zero:
        return _Axis(0.0, 1.15 * high if high > SMALLEST else 1.0, start_px, end_px, False)
    margin = 0.06 * (high - low) or 0.1 * abs(low) or 0.5
    return _Axis(low - margin, high + margin, start_px, end_px, False)


def _grid(x_axis: _Axis, y_axis: _Axis, x_name: str, y_name: str) -> list[str]:
    bottom = HEIGHT - BOTTOM
    parts = [f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{WIDTH - RIGHT}"/>']
    for value in y_axis.ticks():
        y = y_axis.place(value)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_number(value)}</text>')
    for value in x_axis.ticks():
        x = x_axis.place(value)
        parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{_number(value)}</text>')
    middle = (TOP + bottom) / 2
    centre = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{centre}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x_name)}</text>')
    parts.append(
        f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">'
        f"{escape(y_name)}</text>"
    )
    return parts


def _line(line: Line, x_axis: _Axis, y_axis: _Axis) -> list[str]:
    places = [(x_axis.place(point.x), y_axis.place(point.y)) for point in line.points]
    parts = []
    if line.joined and len(places) > 1:
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        parts.append(f'<path class="line {line.look}" d="{path}"/>')
    for point, (x, y) in zip(line.points, places, strict=True):
        if line.look == "limit":
            continue
        if point.high > point.low:
            top, foot = y_axis.place(point.high), y_axis.place(max(0, point.low))
            parts.append(f'<path class="error {line.look}" d="M{x:.1f} {top:.1f}V{foot:.1f}"/>')
        parts.append(f'<circle class="dot {line.look}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>')
    return parts


def _labels(lines: Sequence[Line], x_axis: _Axis, y_axis: _Axis) -> list[str]:
    """Draw the names of all lines' points, which see each other."""
    named = [
        (point, line.labels[number] if number < len(line.labels) else "")
        for line in lines
        if line.look != "limit"
        for number, point in enumerate(line.points)
    ]
    points = [
        NamedPoint(x_axis.place(point.x), y_axis.place(point.y), CHARACTER_PX * len(text), LABEL_PX)
        for point, text in named
    ]
    area = Box(LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM)
    joined = [
        [(x_axis.place(point.x), y_axis.place(point.y)) for point in line.points]
        for line in lines
        if line.joined
    ]
    return [
        f'<text class="label" x="{place.x:.1f}" y="{place.y + BASE_PX:.1f}">{escape(text)}</text>'
        for (_, text), place in zip(named, label_places(points, area, joined), strict=True)
        if text and place.width > 0
    ]


def _round_step(step: float) -> float:
    """The next larger step of the form 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))


def _number(value: float) -> str:
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if abs(value) >= size:
            return f"{value / size:g} {letter}"
    return f"{value:,g}" if abs(value) >= 1 or value == 0 else f"{value:g}"
