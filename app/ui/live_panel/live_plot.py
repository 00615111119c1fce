"""A small plot of the last two minutes."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from app.telemetry.sampler import HISTORY_S, IDLE_PERIOD_S
from app.ui.base.theme import Role, Theme
from app.ui.widgets.lazy_plot import LazyPlot
from app.ui.widgets.plot_library import PlotLibrary

HEIGHT_PX = 72

GROWTH_S = 10.0
"""A flat curve, which only grows to the left, is drawn again this often."""

GAP_S = 3 * IDLE_PERIOD_S
"""Nothing is known of a longer time between two samples: the computer slept, or had no time for any."""

ROOM = 1.15
"""The top of the plot, as a multiple of the largest value or of the limit."""


class LivePlot(LazyPlot):
    """A filled curve over the time since `HISTORY_S` seconds ago, with an optional limit as a dashed line.
    Where there were no samples, it has a gap.

    It is drawn again only where the picture would change: not while hidden, and not while the curve is flat.
    `draws` counts.
    """

    def __init__(self, theme: Theme, library: PlotLibrary, role: Role, parent: QWidget | None = None) -> None:
        super().__init__(theme, library, parent)
        self.draws = 0
        self._role: Role = role
        self._curve: Any = None
        self._limit_line: Any = None
        self._times_s: Sequence[float] = ()
        self._values: Sequence[float] = ()
        self._limit: float | None = None
        self._drawn: tuple[float, ...] = ()
        self.setFixedHeight(HEIGHT_PX)

    def show_series(
        self, times_s: Sequence[float], values: Sequence[float], limit: float | None = None
    ) -> None:
        """Show `values` at `times_s` (seconds, oldest first, the last one is now), below `limit`."""
        self._times_s, self._values, self._limit = times_s, values, limit
        self.redraw()

    def build(self) -> None:
        """A bare plot: the figures beside it name what it shows."""
        for axis in ("left", "bottom"):
            self.plot.hideAxis(axis)
        self.plot.getPlotItem().setContentsMargins(0, 0, 0, 0)
        self.plot.setXRange(-HISTORY_S, 0, padding=0)
        self._curve = self.pyqtgraph.PlotCurveItem(connect="finite")
        self._limit_line = self.pyqtgraph.InfiniteLine(angle=0, movable=False)
        self.plot.addItem(self._curve)
        self.plot.addItem(self._limit_line)

    def restyle(self) -> None:
        """The curve in its role's colour, the limit in a quiet one."""
        fill = self.theme.colour(self._role)
        fill.setAlpha(45)
        self._curve.setPen(self.pyqtgraph.mkPen(self.theme.colour(self._role), width=1.5))
        self._curve.setBrush(fill)
        self._curve.setFillLevel(0)
        self._limit_line.setPen(
            self.pyqtgraph.mkPen(self.theme.colour("muted"), width=1, style=Qt.PenStyle.DashLine)
        )
        self._drawn = ()

    def draw(self) -> None:
        """Draw if the picture has changed."""
        if not self._values:
            return
        top = ROOM * (self._limit or max(self._values) or 1.0)
        # Heights in half pixels: a change that nobody can see is no reason to paint.
        heights = [round(2 * HEIGHT_PX * value / top) for value in self._values]
        now_s = self._times_s[-1]
        steps = enumerate(pairwise(self._times_s), start=1)
        gaps = [place for place, (before_s, after_s) in steps if after_s - before_s > GAP_S]
        flat = min(heights) == max(heights) and not gaps
        picture = (top, heights[0], (now_s - self._times_s[0]) // GROWTH_S) if flat else (top, now_s)
        if picture == self._drawn:
            return
        self._drawn = picture
        self.draws += 1
        self.plot.setYRange(0, top, padding=0)
        self._limit_line.setVisible(self._limit is not None)
        if self._limit is not None:
            self._limit_line.setValue(self._limit)
        times_s, values = [time_s - now_s for time_s in self._times_s], list(self._values)
        for place in reversed(gaps):
            times_s.insert(place, times_s[place])
            values.insert(place, math.nan)
        self._curve.setData(times_s, values)
