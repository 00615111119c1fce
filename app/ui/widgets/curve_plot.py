"""Lines and points with named axes, linear or logarithmic."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from PySide6.QtCore import Qt

from app.bench.report.curves import SMALLEST, Line
from app.ui.base.slices import Slices
from app.ui.base.theme import Theme
from app.ui.widgets.lazy_plot import LazyPlot
from app.ui.widgets.plot_library import PlotLibrary
from app.ui.widgets.point_names import PointNames

POINT_PX = 9
AROUND_PX = 1
LINE_PX = {"main": 2.0, "before": 1.5, "limit": 1.5}
COLOURS = {"main": "accent", "before": "muted", "limit": "good"}
STYLES = {
    "main": Qt.PenStyle.SolidLine,
    "before": Qt.PenStyle.DashLine,
    "limit": Qt.PenStyle.DotLine,
}
MOST_DECADES = 12
LEAST_TICKS = 3
"""An axis with fewer names tells no value."""


class CurvePlot(LazyPlot):
    """Shows `Line`s: the present run in the accent, an earlier one dashed and quiet, a limit dotted.

    A linear y axis starts at zero, so that heights compare, unless `from_zero` says no. `ticks` are the
    places of the x axis that are named, by `names` or their figures, all round ones where there are none.
    `marks` are places of it with a dashed line from top to bottom and a word.
    """

    def __init__(
        self,
        theme: Theme,
        library: PlotLibrary,
        x_name: str,
        y_name: str,
        *,
        log_x: bool = False,
        log_y: bool = False,
    ) -> None:
        super().__init__(theme, library)
        self.names = {"bottom": x_name, "left": y_name}
        self._log_x = log_x
        self._log_y = log_y
        self._lines: list[Line] = []
        self.from_zero = True
        self._ticks: list[tuple[float, str]] = []
        self._marks: list[tuple[float, str]] = []
        self._items: list[Any] = []
        self._point_names: PointNames | None = None
        self._drawing = Slices(self)

    def show_lines(
        self,
        lines: Sequence[Line],
        ticks: Sequence[float] = (),
        names: Sequence[str] = (),
        marks: Sequence[tuple[float, str]] = (),
    ) -> None:
        """Replace what is shown."""
        self._lines = [line for line in lines if line.points]
        texts = names or [f"{value:,g}" for value in ticks]
        self._ticks = list(zip(ticks, texts, strict=True))
        self._marks = list(marks)
        self.redraw()

    def redraw(self) -> None:
        """Draw in the next turns: a page with eight of them took a tenth of a second at once, and so does one
        with fifty marks."""
        self._drawing.begin(self._draw_if_seen())

    def _draw_if_seen(self) -> Iterator[None]:
        if self.plot is not None and self.isVisible():
            yield from self.drawing()

    @property
    def lines(self) -> list[Line]:
        """The shown lines."""
        return self._lines

    @property
    def marks(self) -> list[tuple[float, str]]:
        """The marked places and their words."""
        return self._marks

    def build(self) -> None:
        """Add the points' names, which alone last from one drawing to the next."""
        # Half of a figure at the upper end of the axis is above it.
        above = self.fontMetrics().height() // 2
        self.plot.getPlotItem().layout.setContentsMargins(AROUND_PX, above, AROUND_PX, AROUND_PX)
        self._point_names = PointNames(self.pyqtgraph, self.plot)

    def restyle(self) -> None:
        """Axes in quiet colours; the lines are coloured as they are drawn."""
        line, muted = self.theme.colour("line"), self.theme.colour("muted")
        for side, name in self.names.items():
            axis = self.plot.getAxis(side)
            axis.setPen(self.pyqtgraph.mkPen(line))
            axis.setTextPen(self.pyqtgraph.mkPen(muted))
            axis.setStyle(tickFont=self.font(), tickLength=-4)
            # The name holds the unit, so no range of figures is scaled to another one.
            axis.setLabel(name, siPrefixEnableRanges=(), **{"color": muted.name(), "font-size": "12px"})

    def draw(self) -> None:
        """Every line anew: there are few."""
        for _ in self.drawing():
            pass

    def drawing(self) -> Iterator[None]:
        """Draw what is to be shown in steps, in the place of what is there."""
        while self._items:
            self.plot.removeItem(self._items.pop())
            yield
        if not self._lines:
            self._name_points()
            return
        points = [point for line in self._lines for point in line.points]
        xs = [_place(point.x, self._log_x) for point in points]
        tops = [_place(point.high, self._log_y) for point in points]
        lows = [_place(point.y, self._log_y) for point in points]
        # Of one size alone nothing below zero is shown.
        margin = 0.08 * (max(xs) - min(xs)) or (0.5 if self._log_x else 0.1 * abs(xs[0])) or 0.5
        self.plot.setXRange(min(xs) - margin, max(xs) + margin, padding=0)
        if self._log_y:
            # Room for the name of a power of ten at the upper edge.
            foot, top = min(lows) - 0.25, max(tops) + 0.4
        elif self.from_zero:
            highest = max(*tops, *lows)
            foot, top = 0.0, 1.15 * highest if highest > SMALLEST else 1.0
        else:
            lowest = min(point.low for point in points)
            room = 0.2 * (max(tops) - lowest) or 0.05 * abs(lowest) or 0.5
            foot, top = lowest - room, max(tops) + room
        self.plot.setYRange(foot, top, padding=0)
        for place, word in self._marks:
            self._draw_mark(place, word, top)
            yield
        for line in self._lines:
            self._draw_line(line)
            yield
        self._name_points()
        yield
        self._name_ticks(min(xs) - margin, max(xs) + margin, min(lows) - 0.25, max(tops) + 0.25)

    def _draw_line(self, line: Line) -> None:
        import numpy  # came with pyqtgraph

        colour = self.theme.colour(COLOURS[line.look])
        xs = [_place(point.x, self._log_x) for point in line.points]
        ys = [_place(point.y, self._log_y) for point in line.points]
        if line.joined and len(xs) > 1:
            pen = self.pyqtgraph.mkPen(colour, width=LINE_PX[line.look], style=STYLES[line.look])
            self._add(self.pyqtgraph.PlotCurveItem(xs, ys, pen=pen))
        if line.look == "limit":
            return
        above = numpy.array([point.high - point.y for point in line.points])
        below = numpy.array([point.y - point.low for point in line.points])
        if (above.any() or below.any()) and not self._log_y:
            pen = self.pyqtgraph.mkPen(colour, width=1)
            bars = self.pyqtgraph.ErrorBarItem(
                x=numpy.array(xs), y=numpy.array(ys), top=above, bottom=below, pen=pen
            )
            self._add(bars)
        brush = self.pyqtgraph.mkBrush(colour)
        self._add(self.pyqtgraph.ScatterPlotItem(xs, ys, size=POINT_PX, pen=None, brush=brush))

    def _name_points(self) -> None:
        if self._point_names is not None:
            self._point_names.show(
                [point for line in self._lines for point in self._named(line)],
                [[(x, y) for _, x, y in self._named(line)] for line in self._lines if line.joined],
                self.theme.colour("text"),
                self.font(),
            )

    def _named(self, line: Line) -> list[tuple[str, float, float]]:
        """Name and place on the axes of each point."""
        labels = [*line.labels, *[""] * len(line.points)]
        return [
            (name, _place(point.x, self._log_x), _place(point.y, self._log_y))
            for point, name in zip(line.points, labels, strict=False)
        ]

    def _draw_mark(self, place: float, word: str, top: float) -> None:
        colour = self.theme.colour("muted")
        pen = self.pyqtgraph.mkPen(colour, width=1, style=Qt.PenStyle.DashLine)
        x = _place(place, self._log_x)
        self._add(self.pyqtgraph.InfiniteLine(x, angle=90, pen=pen))
        item = self.pyqtgraph.TextItem(word, color=colour, anchor=(-0.1, 0))
        item.setFont(self.font())
        item.setPos(x, top)
        self._add(item)

    def _add(self, item: Any) -> None:
        self.plot.addItem(item)
        self._items.append(item)

    def _name_ticks(self, left: float, right: float, foot: float, top: float) -> None:
        if self._ticks:
            named = [(_place(value, self._log_x), text) for value, text in self._ticks]
            self.plot.getAxis("bottom").setTicks([named])
        elif self._log_x:
            self.plot.getAxis("bottom").setTicks([log_ticks(left, right)])
        if self._log_y:
            self.plot.getAxis("left").setTicks([log_ticks(foot, top)])


def _place(value: float, is_log: bool) -> float:
    return math.log10(max(value, 1e-12)) if is_log else value


def log_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Places of a logarithmic axis and their names: powers of ten, with twice and five times them where these
    alone would be too few to read a value off."""
    steps = (1, 2, 5) if math.floor(high) - math.ceil(low) + 1 < LEAST_TICKS else (1,)
    first, last = math.floor(low), math.ceil(high)
    powers = range(first, last + 1, 1 + (last - first) // MOST_DECADES)
    ticks = [(power + math.log10(step), step, power) for power in powers for step in steps]
    return [(place, _power_text(step, power)) for place, step, power in ticks if low <= place <= high]


def _power_text(step: int, power: int) -> str:
    """Write a multiple of a power of ten, such as "20 G"."""
    for letter, size in (("P", 15), ("T", 12), ("G", 9), ("M", 6)):
        if power >= size:
            return f"{step * 10 ** (power - size):,} {letter}"
    return f"{step * 10.0**power:,g}"
