"""The divergence of a model's quantisations against their size."""

from collections.abc import Sequence

from app.ui.base.theme import Theme
from app.ui.widgets.plot_library import PlotLibrary
from app.ui.widgets.point_names import PointNames
from app.ui.widgets.points_plot import PointsPlot, round_step
from models.quantisation.chosen_mixture import is_chosen
from models.quantisation.quantisation_loss import CONFIDENCE, Quality
from models.store.store import InstalledModel
from models.system.units import GIGABYTE

MOST_TICKS = 8


class QualityPlot(PointsPlot):
    """A named point a quantisation, with its 95% confidence interval, and a line through the mixtures that
    were chosen for a size; GUI thread."""

    def __init__(self, theme: Theme, library: PlotLibrary) -> None:
        super().__init__(theme, library, "", "")
        self.names = {"bottom": self.tr("size, GB"), "left": self.tr("divergence, nats per token")}
        self._rows: list[tuple[str, Quality]] = []
        self._names: PointNames | None = None

    def show_models(self, models: Sequence[InstalledModel]) -> None:
        """Show those that are measured."""
        self._rows = [(model.type, model.quality) for model in models if model.quality is not None]
        self._rows.sort(key=lambda row: row[1].bytes)
        self.redraw()

    def build(self) -> None:
        """Add the points and their names."""
        super().build()
        self._names = PointNames(self.pyqtgraph, self.plot)

    def draw(self) -> None:
        """Draw the points, their names and the line."""
        sizes_gb = [quality.bytes / GIGABYTE for _, quality in self._rows]
        first, last = 0.8 * min(sizes_gb, default=0.0), 1.12 * max(sizes_gb, default=1.0)
        joined = [
            (size_gb, quality.kld_mean)
            for (kind, quality), size_gb in zip(self._rows, sizes_gb, strict=True)
            if is_chosen(kind)
        ]
        self.set_points(
            sizes_gb,
            [quality.kld_mean for _, quality in self._rows],
            [CONFIDENCE * quality.kld_mean_error for _, quality in self._rows],
            (first, last),
            joined,
        )
        if self._names is not None:
            named = [(kind, quality.bytes / GIGABYTE, quality.kld_mean) for kind, quality in self._rows]
            self._names.show(named, [joined], self.theme.colour("text"), self.font())
        step = round_step((last - first) / MOST_TICKS)
        self.plot.getAxis("bottom").setTickSpacing(major=step, minor=step)
