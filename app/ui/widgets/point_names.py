"""The names of a plot's points, placed so that each is read whole in any size of the plot."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtGui import QColor, QFont

from app.bench.report.label_places import Box, NamedPoint, label_places


class PointNames:
    """Text beside the points of a pyqtgraph plot; GUI thread."""

    def __init__(self, pyqtgraph: Any, plot: Any) -> None:
        self._pyqtgraph = pyqtgraph
        self._plot = plot
        self._points: list[tuple[float, float]] = []
        self._texts: list[Any] = []
        self._lines: Sequence[Sequence[tuple[float, float]]] = ()
        plot.getViewBox().sigResized.connect(self._place)

    def show(
        self,
        points: Sequence[tuple[str, float, float]],
        lines: Sequence[Sequence[tuple[float, float]]],
        colour: QColor,
        font: QFont,
    ) -> None:
        """Replace what is shown, for the ranges that the axes have now: name and place on the axes of each
        point, those without a name too, as names keep clear of them, and of the `lines` through places."""
        for old in self._texts:
            if old is not None:
                self._plot.removeItem(old)
        self._points = [(x, y) for _, x, y in points]
        self._lines = lines
        self._texts = [self._text(name, x, y, colour, font) for name, x, y in points]
        self._place()

    def _text(self, name: str, x: float, y: float, colour: QColor, font: QFont) -> Any:
        if not name:
            return None
        text = self._pyqtgraph.TextItem(name, color=colour)
        text.setFont(font)
        text.setPos(x, y)
        self._plot.addItem(text)
        return text

    def _place(self, *_: object) -> None:
        view = self._plot.getViewBox()
        (left, right), (foot, top) = view.viewRange()
        across, down = view.width() / (right - left), view.height() / (top - foot)
        points = [
            _point((x - left) * across, (top - y) * down, text)
            for (x, y), text in zip(self._points, self._texts, strict=True)
        ]
        lines = [[((x - left) * across, (top - y) * down) for x, y in line] for line in self._lines]
        places = label_places(points, Box(0.0, 0.0, view.width(), view.height()), lines)
        for text, point, place in zip(self._texts, points, places, strict=True):
            if text is None:
                continue
            text.setVisible(place.width > 0)
            if place.width > 0:
                text.setAnchor(((point.x - place.x) / place.width, (point.y - place.y) / place.height))


def _point(x: float, y: float, text: Any) -> NamedPoint:
    if text is None:
        return NamedPoint(x, y)
    size = text.boundingRect()
    return NamedPoint(x, y, size.width(), size.height())
