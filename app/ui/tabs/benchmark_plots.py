"""The Benchmark tab's plots: what a run measured, its limits, its history, and all quantisations at hand."""

from collections.abc import Sequence

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QSizePolicy, QWidget

from app.bench.compare import is_same_subject
from app.bench.curves import (
    Line,
    Point,
    batching_gain,
    generation_by_depth,
    generation_limit,
    prompt_by_length,
    roofline,
    speed_by_streams,
    trend,
)
from app.bench.report import Measure, Report
from app.ui import figures
from app.ui.tabs import benchmark_words as words
from app.ui.theme import Theme
from app.ui.widgets.card import Card, label
from app.ui.widgets.curve_plot import CurvePlot
from app.ui.widgets.lazy_plot import LazyPlot
from app.ui.widgets.plot_library import PlotLibrary
from models.store import InstalledModel

HEIGHT_PX = 220

WIDE_PX = 760
"""From this width on two pictures stand side by side."""


class PlotCard(Card):
    """A title, a plot and a line that explains it."""

    def __init__(self, title: str, plot: LazyPlot, note: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        plot.setFixedHeight(HEIGHT_PX)
        plot.setAccessibleName(title)
        self.head = QHBoxLayout()
        self.head.addWidget(label(title, "title"), 1)
        self.note = label(note, "small", wrap=True)
        self.body.addLayout(self.head)
        self.body.addWidget(plot)
        self.body.addWidget(self.note)


class TrendCard(PlotCard):
    """A figure through all runs of a model file; which one, the user chooses."""

    def __init__(self, theme: Theme, library: PlotLibrary) -> None:
        self.plot = CurvePlot(theme, library, "", "")
        super().__init__(
            self.tr("Run by run"),
            self.plot,
            self.tr("All runs of this model file; bars are one deviation up and down"),
        )
        self.plot.names = {"bottom": self.tr("run"), "left": ""}
        self._reports: list[Report] = []
        self._choice = QComboBox()
        self._choice.setAccessibleName(self.tr("Figure"))
        self._choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._choice.setMinimumContentsLength(18)
        self._choice.currentIndexChanged.connect(self._draw)
        self.head.addWidget(self._choice)

    def show_reports(self, reports: Sequence[Report], first: str) -> None:
        """Show these runs; `first` is the figure that is shown unless another was chosen."""
        self._reports = list(reports)
        chosen = self._choice.currentData() or first
        keys = list(dict.fromkeys(measure.key for report in reports for measure in report.measures))
        self._choice.blockSignals(True)
        self._choice.clear()
        for key in keys:
            self._choice.addItem(words.measure_name(key), key)
        self._choice.setCurrentIndex(max(0, keys.index(chosen) if chosen in keys else 0))
        self._choice.blockSignals(False)
        self._draw()

    def _draw(self) -> None:
        found = trend(self._reports, self._choice.currentData() or "")
        factor = words.shown_factor(found[0][1]) if found else 1.0
        points = [
            Point(number, factor * measure.mean, factor * (measure.sd or 0.0), measure.key)
            for number, (_, measure) in enumerate(found, start=1)
        ]
        if found:
            self.plot.names["left"] = words.unit_text(found[0][1])
            if self.plot.plot is not None:
                self.plot.restyle()
        step = max(1, len(points) // 8)
        self.plot.show_lines([Line(points)], list(range(1, len(points) + 1, step)))


class BenchmarkPlots(QWidget):
    """All pictures, two in a row. `show` fills those that the run has figures for and hides the others."""

    def __init__(self, theme: Theme, library: PlotLibrary, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        tok_per_s = self.tr("tok/s")
        self.by_depth = CurvePlot(theme, library, self.tr("tokens in the context before"), tok_per_s)
        self.prompt = CurvePlot(theme, library, self.tr("prompt tokens"), tok_per_s, log_x=True)
        self.streams = CurvePlot(theme, library, self.tr("replies at once"), self.tr("tok/s together"))
        self.roof = CurvePlot(
            theme,
            library,
            self.tr("operations for each byte read"),
            self.tr("operations a second"),
            log_x=True,
            log_y=True,
        )
        self.cost = CurvePlot(theme, library, self.tr("size, GB"), self.tr("loss against full precision, %"))
        self.sizes = CurvePlot(theme, library, self.tr("size, GB"), tok_per_s)
        self.trend = TrendCard(theme, library)
        self._cards = {
            "depth": PlotCard(self.tr("Generation speed over context"), self.by_depth, ""),
            "cost": PlotCard(
                self.tr("What each quantisation costs"),
                self.cost,
                self.tr(
                    "Growth of the perplexity, measured on this computer; beside it the generation speed"
                ),
            ),
            "roof": PlotCard(
                self.tr("How near the limit"),
                self.roof,
                self.tr("Dotted: what memory (slope) and processor (level) allow, measured on this computer"),
            ),
            "streams": PlotCard(self.tr("Several replies at once"), self.streams, ""),
            "prompt": PlotCard(
                self.tr("Prompt speed over length"),
                self.prompt,
                self.tr("Bars are one deviation up and down"),
            ),
            "sizes": PlotCard(
                self.tr("Speed and size of your models"),
                self.sizes,
                self.tr("The newest run of each model file"),
            ),
            "trend": self.trend,
        }
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(12)
        self._keys: list[str] = []
        self._columns = 2
        # The width decides the columns, so the columns must not decide the width.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def show_report(
        self, report: Report, reports: Sequence[Report], models: Sequence[InstalledModel]
    ) -> None:
        """Show a run among all runs, newest first, and the models at hand."""
        same = [other for other in reports if is_same_subject(other, report)]
        shown = {"trend": len(same) > 1}
        shown["depth"] = self._show_depth(report, same)
        shown["prompt"] = self._show_simple(self.prompt, prompt_by_length(report))
        shown["streams"] = self._show_simple(self.streams, speed_by_streams(report))
        gain = batching_gain(report)
        if gain is not None:
            self._cards["streams"].note.setText(
                self.tr("Together {gain} times as fast as one reply alone; bars are one deviation").format(
                    gain=f"{gain:.1f}"
                )
            )
        roof = roofline(report)
        shown["roof"] = roof is not None
        if roof is not None:
            self.roof.show_lines(roof.lines())
        shown["cost"] = self._show_cost(report, reports, models)
        shown["sizes"] = self._show_sizes(reports)
        self.trend.show_reports(same, "" if report.generation is None else report.generation.key)
        self._keys = [key for key in self._cards if shown.get(key)]
        self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """One in a row in a narrow window."""
        super().resizeEvent(event)
        columns = 2 if self.width() >= WIDE_PX else 1
        if columns != self._columns:
            self._columns = columns
            self._arrange()

    def _arrange(self) -> None:
        for card in self._cards.values():
            self._grid.removeWidget(card)
            card.hide()
        columns = self._columns
        for place, key in enumerate(self._keys):
            is_alone = place == len(self._keys) - 1 and place % columns == 0
            self._grid.addWidget(
                self._cards[key], place // columns, place % columns, 1, columns if is_alone else 1
            )
            self._cards[key].show()
        self._grid.setColumnStretch(0, 1)
        self._grid.setColumnStretch(1, columns - 1)

    def _show_depth(self, report: Report, same: Sequence[Report]) -> bool:
        points = generation_by_depth(report)
        if len(points) < 2:
            return False
        earlier = (generation_by_depth(run) for run in same if run.started_at < report.started_at)
        before = next((found for found in earlier if len(found) > 1), [])
        limit = generation_limit(report)
        self.by_depth.show_lines([Line(limit, "limit"), Line(before, "before"), Line(points)], _xs(points))
        if before and limit:
            note = self.tr("now · last run (dashed) · what this computer allows (dotted)")
        elif before:
            note = self.tr("now · last run (dashed)")
        elif limit:
            note = self.tr("now · what this computer allows (dotted)")
        else:
            note = self.tr("Bars are one deviation up and down")
        self._cards["depth"].note.setText(note)
        return True

    def _show_simple(self, plot: CurvePlot, points: list[Point]) -> bool:
        plot.show_lines([Line(points)], _xs(points))
        return len(points) > 1

    def _show_cost(self, report: Report, reports: Sequence[Report], models: Sequence[InstalledModel]) -> bool:
        """Quality, memory and speed of the quantisations of this model, where they were measured."""
        speeds = {run.model.file: run.generation for run in reversed(reports) if run.generation is not None}
        rows: list[tuple[Point, str]] = []
        for model in models:
            quality = model.quality
            if model.name != report.model.name or quality is None:
                continue
            speed = speeds.get(model.path.name)
            text = model.type
            rate = speed.mean if speed is not None else quality.decode_tok_per_s
            if rate:
                text = self.tr("{type} · {rate} tok/s").format(type=model.type, rate=figures.rate(rate))
            low, high = quality.accuracy_loss_interval
            loss = max(0.0, quality.accuracy_loss_percent)
            rows.append((Point(model.bytes / 1e9, loss, (high - low) / 4, model.type), text))
        rows.sort(key=lambda row: row[0].x)
        self.cost.show_lines([Line([point for point, _ in rows], labels=[text for _, text in rows])])
        return bool(rows)

    def _show_sizes(self, reports: Sequence[Report]) -> bool:
        newest: dict[str, tuple[Report, Measure]] = {}
        for run in reports:
            if run.generation is not None and run.source == "stillroom":
                newest.setdefault(run.model.sha256, (run, run.generation))
        found = sorted(newest.values(), key=lambda pair: pair[0].model.size_bytes)
        is_one_model = len({run.model.name for run, _ in found}) == 1
        labels = [
            run.model.quantisation if is_one_model else f"{run.model.name} {run.model.quantisation}"
            for run, _ in found
        ]
        points = [Point(run.model.size_bytes / 1e9, m.mean, m.sd or 0.0, m.key) for run, m in found]
        self.sizes.show_lines([Line(points, joined=False, labels=labels)])
        return len(points) > 1


def _xs(points: Sequence[Point]) -> list[float]:
    return [point.x for point in points]
