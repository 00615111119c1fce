"""A plot of points with named axes, and how its axes are divided."""

import math
from collections.abc import Sequence
from typing import Any

from app.ui.base.theme import Theme
from app.ui.widgets.lazy_plot import LazyPlot
from app.ui.widgets.plot_library import PlotLibrary

POINT_PX = 9
BEAM_PX = 10
FOOT_SHARE = 0.06


class PointsPlot(LazyPlot):
    """Points with named axes; the y axis starts at zero, so that heights compare."""

    def __init__(self, theme: Theme, library: PlotLibrary, x_name: str, y_name: str) -> None:
        super().__init__(theme, library)
        self.names = {"bottom": x_name, "left": y_name}
        self._points: Any = None
        self._line: Any = None
        self._errors: Any = None
        self._has_bars = False

    def build(self) -> None:
        """A line, the scatter of each point and the points."""
        self._line = self.pyqtgraph.PlotCurveItem()
        self._errors = self.pyqtgraph.ErrorBarItem()
        self._points = self.pyqtgraph.ScatterPlotItem(size=POINT_PX)
        for item in (self._line, self._errors, self._points):
            self.plot.addItem(item)
        self.plot.getViewBox().sigResized.connect(self._fit_beams)

    def _fit_beams(self, *_: object) -> None:
        view = self.plot.getViewBox()
        left, right = view.viewRange()[0]
        if self._has_bars and view.width():
            self._errors.setData(beam=BEAM_PX * (right - left) / view.width())

    def restyle(self) -> None:
        """Axes in quiet colours, points in the accent."""
        line, muted = self.theme.colour("line"), self.theme.colour("muted")
        for side, name in self.names.items():
            axis = self.plot.getAxis(side)
            axis.setPen(self.pyqtgraph.mkPen(line))
            axis.setTextPen(self.pyqtgraph.mkPen(muted))
            axis.setStyle(tickFont=self.font(), tickLength=-4)
            # The name holds the unit, so no range of figures is scaled to another one.
            style = {"color": muted.name(), "font-size": "12px"}
            axis.setLabel(name, siPrefixEnableRanges=(), **style)
        accent = self.theme.colour("accent")
        self._line.setPen(self.pyqtgraph.mkPen(accent, width=1.5))
        self._errors.setData(pen=self.pyqtgraph.mkPen(accent, width=1))
        self._points.setPen(self.pyqtgraph.mkPen(None))
        self._points.setBrush(self.pyqtgraph.mkBrush(accent))

    def set_points(
        self,
        x: Sequence[float],
        y: Sequence[float],
        deviation: Sequence[float],
        x_range: tuple[float, float],
        joined: Sequence[tuple[float, float]] = (),
    ) -> None:
        """Show the points between the limits of `x_range`, with a bar of one deviation up and down; those
        that are `joined` have a line through them."""
        import numpy  # came with pyqtgraph; the window is painted without it

        self._errors.setData(
            x=numpy.array(x),
            y=numpy.array(y),
            height=2 * numpy.array(deviation),
        )
        self._has_bars = bool(x)
        self._points.setData(x=list(x), y=list(y))
        self._line.setData([place for place, _ in joined], [height for _, height in joined])
        top = max((value + spread for value, spread in zip(y, deviation, strict=True)), default=1.0)
        self.plot.setXRange(*x_range, padding=0)
        # A point at zero would be cut in half by the axis.
        foot = FOOT_SHARE * top if min(y, default=top) < FOOT_SHARE * top else 0.0
        self.plot.setYRange(-foot, 1.2 * top, padding=0)
        self._fit_beams()


def round_step(step: float) -> float:
    """The next larger step of the form 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step)
