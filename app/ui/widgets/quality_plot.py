"""The divergence of a model's quantisations against their size."""

from collections.abc import Sequence
from typing import Any

from app.ui.theme import Theme
from app.ui.widgets.plot_library import PlotLibrary
from app.ui.widgets.points_plot import PointsPlot, round_step
from models.quality import CONFIDENCE, Quality
from models.store import InstalledModel

MOST_TICKS = 8


class QualityPlot(PointsPlot):
    """A named point a quantisation, joined by size, with its 95% confidence interval; GUI thread."""

    def __init__(self, theme: Theme, library: PlotLibrary) -> None:
        super().__init__(theme, library, "", "")
        self.names = {"bottom": self.tr("size, GB"), "left": self.tr("divergence, nats a token")}
        self._rows: list[tuple[str, Quality]] = []
        self._labels: list[Any] = []

    def show_models(self, models: Sequence[InstalledModel]) -> None:
        """Show those that are measured."""
        self._rows = [(model.type, model.quality) for model in models if model.quality is not None]
        self._rows.sort(key=lambda row: row[1].bytes)
        self.redraw()

    def draw(self) -> None:
        """Points, line and names."""
        sizes_gb = [quality.bytes / 1e9 for _, quality in self._rows]
        width = 1.2 * max(sizes_gb, default=1.0)
        self.set_points(
            sizes_gb,
            [quality.kld_mean for _, quality in self._rows],
            [CONFIDENCE * quality.kld_mean_error for _, quality in self._rows],
            (0.0, width),
            joined=True,
        )
        for old in self._labels:
            self.plot.removeItem(old)
        self._labels = [self._label(kind, quality) for kind, quality in self._rows]
        step = round_step(width / MOST_TICKS)
        self.plot.getAxis("bottom").setTickSpacing(major=step, minor=step)

    def _label(self, kind: str, quality: Quality) -> Any:
        # Above and to the right: the line falls from the left.
        text = self.pyqtgraph.TextItem(kind, color=self.theme.colour("text"), anchor=(-0.08, 0.9))
        text.setFont(self.font())
        text.setPos(quality.bytes / 1e9, quality.kld_mean)
        self.plot.addItem(text)
        return text
