"""The Benchmark tab's plots: a model's runs over time, and speed against size of all models."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtWidgets import QWidget

from app.bench.report import Measure, Report
from app.ui.theme import Theme
from app.ui.widgets.card import Card, label
from app.ui.widgets.lazy_plot import LazyPlot
from app.ui.widgets.plot_library import PlotLibrary
from app.ui.widgets.points_plot import PointsPlot, round_step

HEIGHT_PX = 220
MOST_TICKS = 8


class PlotCard(Card):
    """A title, a plot and a line that explains it."""

    def __init__(self, title: str, plot: LazyPlot, note: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        plot.setFixedHeight(HEIGHT_PX)
        plot.setAccessibleName(title)
        self.body.addWidget(label(title, "title"))
        self.body.addWidget(plot)
        self.body.addWidget(label(note, "small", wrap=True))


class RunsPlot(PointsPlot):
    """The generation speed of one model's runs, oldest first."""

    def __init__(self, theme: Theme, library: PlotLibrary) -> None:
        super().__init__(theme, library, "", "")
        self.names = {"bottom": self.tr("run"), "left": self.tr("tok/s")}
        self._measures: list[Measure] = []

    def show_reports(self, reports: Sequence[Report]) -> None:
        """Show these runs, given oldest first."""
        self._measures = [report.generation for report in reports if report.generation is not None]
        self.redraw()

    def draw(self) -> None:
        """A point a run."""
        count = len(self._measures)
        self.set_points(
            [float(number) for number in range(1, count + 1)],
            [measure.mean for measure in self._measures],
            [measure.sd or 0.0 for measure in self._measures],
            (0.5, max(2.0, count) + 0.5),
            joined=True,
        )
        step = max(1, count // 10)
        ticks = [(number, str(number)) for number in range(1, count + 1, step)]
        self.plot.getAxis("bottom").setTicks([ticks])


class SizePlot(PointsPlot):
    """Generation speed against file size, a point for the newest run of each model file."""

    def __init__(self, theme: Theme, library: PlotLibrary) -> None:
        super().__init__(theme, library, "", "")
        self.names = {"bottom": self.tr("size, GB"), "left": self.tr("tok/s")}
        self._newest: list[tuple[Report, Measure]] = []
        self._labels: list[Any] = []

    def show_reports(self, reports: Sequence[Report]) -> None:
        """Show the newest run of each model file; `reports` are given newest first."""
        newest: dict[str, tuple[Report, Measure]] = {}
        for report in reports:
            if report.generation is not None:
                newest.setdefault(report.model.sha256, (report, report.generation))
        self._newest = sorted(newest.values(), key=lambda pair: pair[0].model.size_bytes)
        self.redraw()

    def draw(self) -> None:
        """A named point a model."""
        sizes_gb = [report.model.size_bytes / 1e9 for report, _ in self._newest]
        width = 1.25 * max(sizes_gb, default=1.0)
        self.set_points(
            sizes_gb,
            [measure.mean for _, measure in self._newest],
            [measure.sd or 0.0 for _, measure in self._newest],
            (0.0, width),
            joined=False,
        )
        for old in self._labels:
            self.plot.removeItem(old)
        one_model = len({report.model.name for report, _ in self._newest}) == 1
        self._labels = [self._label(report, measure, one_model) for report, measure in self._newest]
        step = round_step(width / MOST_TICKS)
        self.plot.getAxis("bottom").setTickSpacing(major=step, minor=step)

    def _label(self, report: Report, measure: Measure, one_model: bool) -> Any:
        name = report.model.quantisation
        if not one_model:
            name = f"{report.model.name} {name}"
        # Beside the point; at the right end of the plot there is no room, so above it.
        is_last = report is self._newest[-1][0] and len(self._newest) > 1
        anchor = (0.5, 1.4) if is_last else (-0.06, 0.5)
        text = self.pyqtgraph.TextItem(name, color=self.theme.colour("text"), anchor=anchor)
        text.setFont(self.font())
        text.setPos(report.model.size_bytes / 1e9, measure.mean)
        self.plot.addItem(text)
        return text
