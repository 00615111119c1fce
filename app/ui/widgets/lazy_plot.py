"""A pyqtgraph plot that comes into being after the window has been painted."""

import math
import re
from collections.abc import Sequence
from typing import Any

import shiboken6
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QPaintEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from app.ui.base.theme import Theme
from app.ui.widgets.plot_library import PlotLibrary

_FIGURE = re.compile(r"-?[\d,]+(\.\d+)?")


class LazyPlot(QFrame):
    """An empty area until its first paint, which asks for pyqtgraph; then the plot in the theme's colours.

    A subclass fills it: `build` adds its items to `plot` once, `restyle` colours them, `draw` gives them the
    data that it keeps. `draw` is called while the plot is visible only; `redraw` asks for it.
    """

    def __init__(self, theme: Theme, library: PlotLibrary, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self.pyqtgraph: Any = None
        self.plot: Any = None
        self._library = library
        self._asked = False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        theme.changed.connect(self._on_theme_changed)

    def build(self) -> None:
        """Add the items to `plot`."""
        raise NotImplementedError

    def restyle(self) -> None:
        """Give the items the theme's colours."""
        raise NotImplementedError

    def draw(self) -> None:
        """Give the items their data."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Draw now if the plot is there and visible; it is drawn anyway when it is shown."""
        if self.plot is not None and self.isVisible():
            self.draw()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Ask for pyqtgraph once the window has been painted for the first time."""
        super().paintEvent(event)
        if not self._asked:
            self._asked = True
            QTimer.singleShot(0, self, lambda: self._library.when_ready(self._on_library))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Catch up with what came while hidden."""
        super().showEvent(event)
        self.redraw()

    def _on_library(self, pyqtgraph: Any) -> None:
        if not shiboken6.isValid(self):
            # The window was replaced (another language) while the library was being imported.
            return
        self.pyqtgraph = pyqtgraph
        axes = {side: _axis(pyqtgraph, side) for side in ("left", "bottom")}
        self.plot = pyqtgraph.PlotWidget(self, axisItems=axes)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.plot.viewport().setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # The wheel scrolls the page, and a picture that cannot be dragged cannot be lost.
        self.plot.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.plot.setMenuEnabled(False)
        self.plot.setMouseEnabled(False, False)
        self.plot.hideButtons()
        layout = self.layout()
        assert layout is not None
        layout.addWidget(self.plot)
        self.build()
        self._on_theme_changed()

    def _on_theme_changed(self) -> None:
        if self.plot is None:
            return
        self.plot.setBackground(self.theme.colour("surface"))
        self.restyle()
        self.redraw()


def tick_texts(values: Sequence[float], spacing: float) -> list[str]:
    """Write the figures of an axis, `spacing` apart, as the tables do: thousands with a comma."""
    decimals = next((count for count in range(9) if math.isclose(round(spacing, count), spacing)), 9)
    return [f"{value:g}" if 0 < abs(value) < 0.001 else f"{value:,.{decimals}f}" for value in values]


def same_decimals(texts: Sequence[str]) -> list[str]:
    """Give the figures of an axis, whose larger steps are written with fewer decimals, as many as the finest
    has."""
    if not all(map(_FIGURE.fullmatch, texts)):
        return list(texts)
    parts = [text.partition(".") for text in texts]
    most = max((len(decimals) for *_, decimals in parts), default=0)
    return [f"{whole}.{decimals:0<{most}}" if most else whole for whole, _, decimals in parts]


def _axis(pyqtgraph: Any, side: str) -> Any:
    """Make an axis of a plot. Its class comes with the library."""

    class Axis(pyqtgraph.AxisItem):  # type: ignore[misc] # of a library that is not there at first
        writes_figures = False
        """Its texts are those of `tick_texts`, not names that it was given."""

        def generateDrawSpecs(self, painter: Any) -> Any:  # noqa: N802 - pyqtgraph's name
            self.writes_figures = False
            specs = super().generateDrawSpecs(painter)
            if specs is None or not self.writes_figures:
                return specs
            line, ticks, texts = specs
            figures = same_decimals([text for *_, text in texts])
            return line, ticks, [(*place, figure) for (*place, _), figure in zip(texts, figures, strict=True)]

        def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:  # noqa: N802 - pyqtgraph's name
            self.writes_figures = True
            return tick_texts([value * scale for value in values], spacing * scale)

    return Axis(orientation=side)
