"""The divergence of a model's quantisations against their size."""

import math
from collections.abc import Sequence
from typing import Any

from app.ui.base.theme import Theme
from app.ui.widgets.plot_library import PlotLibrary
from app.ui.widgets.points_plot import PointsPlot, round_step
from models.quantisation.quantisation_loss import CONFIDENCE, Quality
from models.store.store import InstalledModel
from models.system.units import GIGABYTE

MOST_TICKS = 8
CROWDED_SHARE = 0.12
LOW_SHARE = 0.08


class QualityPlot(PointsPlot):
    """A named point a quantisation, with its 95% confidence interval; GUI thread."""

    def __init__(self, theme: Theme, library: PlotLibrary) -> None:
        super().__init__(theme, library, "", "")
        self.names = {"bottom": self.tr("size, GB"), "left": self.tr("divergence, nats per token")}
        self._rows: list[tuple[str, Quality]] = []
        self._labels: list[Any] = []

    def show_models(self, models: Sequence[InstalledModel]) -> None:
        """Show those that are measured."""
        self._rows = [(model.type, model.quality) for model in models if model.quality is not None]
        self._rows.sort(key=lambda row: row[1].bytes)
        self.redraw()

    def draw(self) -> None:
        """Points and names."""
        sizes_gb = [quality.bytes / GIGABYTE for _, quality in self._rows]
        first, last = 0.8 * min(sizes_gb, default=0.0), 1.12 * max(sizes_gb, default=1.0)
        self.set_points(
            sizes_gb,
            [quality.kld_mean for _, quality in self._rows],
            [CONFIDENCE * quality.kld_mean_error for _, quality in self._rows],
            (first, last),
            joined=False,
        )
        for old in self._labels:
            self.plot.removeItem(old)
        nexts = [*sizes_gb[1:], math.inf]
        self._labels = [
            self._label(kind, quality, crowded=after - size_gb < CROWDED_SHARE * (last - first))
            for (kind, quality), size_gb, after in zip(self._rows, sizes_gb, nexts, strict=True)
        ]
        step = round_step((last - first) / MOST_TICKS)
        self.plot.getAxis("bottom").setTickSpacing(major=step, minor=step)

    def _label(self, kind: str, quality: Quality, *, crowded: bool) -> Any:
        # At the right of the point, or at its left where another one follows closely; clear of the axis.
        highest = max(other.kld_mean for _, other in self._rows)
        anchor = (1.1 if crowded else -0.1, 0.9 if quality.kld_mean < LOW_SHARE * highest else 0.5)
        text = self.pyqtgraph.TextItem(kind, color=self.theme.colour("text"), anchor=anchor)
        text.setFont(self.font())
        text.setPos(quality.bytes / GIGABYTE, quality.kld_mean)
        self.plot.addItem(text)
        return text
