"""The plots of the live panel as they are drawn."""

from typing import Any

from PySide6.QtGui import QColor

from app.ui.live_panel.live_panel import LivePanel
from app.ui.live_panel.live_plot import LivePlot
from tests.support.waiting import wait_until


class DrawnPlot:
    """A plot of the panel, once pyqtgraph is there."""

    def __init__(self, plot: LivePlot) -> None:
        self._plot = plot

    @property
    def draws(self) -> int:
        return self._plot.draws

    @property
    def limit(self) -> float | None:
        """Where the dashed line lies; None where there is none."""
        [line] = self._items(self._plot.pyqtgraph.InfiniteLine)
        return float(line.value()) if line.isVisible() else None

    @property
    def stretches(self) -> list[tuple[float, float]]:
        """Where the line begins and ends, in seconds from now; several times where it has gaps."""
        [curve] = self._items(self._plot.pyqtgraph.PlotCurveItem)
        path = curve.getPath()
        found: list[tuple[float, float]] = []
        for place in range(path.elementCount()):
            point = path.elementAt(place)
            if point.isMoveTo():
                found.append((point.x, point.x))
            else:
                found[-1] = (found[-1][0], point.x)
        return found

    @property
    def curve_colour(self) -> QColor:
        [curve] = self._items(self._plot.pyqtgraph.PlotCurveItem)
        return QColor(curve.opts["pen"].color())

    @property
    def ground_colour(self) -> QColor:
        return QColor(self._plot.plot.backgroundBrush().color())

    def _items(self, kind: type) -> list[Any]:
        return [item for item in self._plot.plot.getPlotItem().items if isinstance(item, kind)]


def drawn_plots(panel: LivePanel, count: int) -> list[DrawnPlot]:
    """So many plots of the panel, from the top."""
    found = panel.findChildren(LivePlot)
    wait_until(lambda: sum(plot.plot is not None for plot in found) == count, "the plots")
    return [DrawnPlot(plot) for plot in found]
