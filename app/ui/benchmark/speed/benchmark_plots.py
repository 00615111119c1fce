"""The Benchmark tab's plots: what a run measured, its limits, its history, and all quantisations at hand."""

from collections.abc import Sequence
from functools import partial
from itertools import islice

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from app.bench.report.curves import (
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
from app.bench.results.report import Measure, Report
from app.bench.results.run_difference import is_same_subject
from app.ui.base import figures
from app.ui.base.theme import Theme
from app.ui.benchmark.frame import benchmark_words as words
from app.ui.benchmark.frame.plot_card import PlotCard
from app.ui.benchmark.frame.trend_card import Trend, TrendCard, TrendPoint
from app.ui.widgets.curve_plot import CurvePlot
from app.ui.widgets.plot_library import PlotLibrary
from models.store.store import InstalledModel
from models.system.units import GIGABYTE

MOST_RUNS = 100
"""Of one model file: the newest are drawn run by run."""
MOST_FIGURES = 100
MOST_FILES = 30
"""Beside each other by their size; the newest runs' files."""
WIDE_PX = 760
"""From this width on two pictures stand side by side."""


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
        self.cost = CurvePlot(theme, library, self.tr("size, GB"), self.tr("growth of the perplexity, %"))
        self.sizes = CurvePlot(theme, library, self.tr("size, GB"), tok_per_s)
        self.trend = TrendCard(theme, library)
        self._cards = {
            "depth": PlotCard(self.tr("Generation speed over context"), self.by_depth, ""),
            "cost": PlotCard(
                self.tr("How close each size is to the original"),
                self.cost,
                self.tr(
                    "By how much more a text surprises it than the original, measured on this computer: "
                    "lower is better. Beside it the speed of replies"
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
                self.tr("Bars show the standard deviation"),
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
        self._least_points = 2
        # The width decides the columns, so the columns must not decide the width.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def show_report(
        self,
        report: Report,
        reports: Sequence[Report],
        models: Sequence[InstalledModel],
        *,
        grows: bool = False,
    ) -> None:
        """Show a run among all runs, newest first, and the models at hand. A curve of one that `grows` is
        shown from its first point on."""
        self._least_points = 1 if grows else 2
        same = [other for other in reports if is_same_subject(other, report)][:MOST_RUNS]
        shown = {"trend": len(same) > 1}
        shown["depth"] = self._show_depth(report, same)
        shown["prompt"] = self._show_simple(self.prompt, prompt_by_length(report))
        shown["streams"] = self._show_simple(self.streams, speed_by_streams(report))
        gain = batching_gain(report)
        if gain is not None:
            self._cards["streams"].note.setText(
                self.tr(
                    "Together {gain} times as fast as one reply alone; bars show the standard deviation"
                ).format(gain=f"{gain:.1f}")
            )
        roof = roofline(report)
        shown["roof"] = roof is not None
        if roof is not None:
            self.roof.show_lines(roof.lines(words.measure_name))
        shown["cost"] = self._show_cost(report, reports, models)
        shown["sizes"] = self._show_sizes(reports)
        if shown["trend"]:
            self.trend.show_trends(
                self._trends(same), "" if report.generation is None else report.generation.key
            )
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
        if len(points) < self._least_points:
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
            note = self.tr("Bars show the standard deviation")
        self._cards["depth"].note.setText(note)
        return True

    def _show_simple(self, plot: CurvePlot, points: list[Point]) -> bool:
        plot.show_lines([Line(points)], _xs(points))
        return len(points) >= self._least_points

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
            rows.append((Point(model.bytes / GIGABYTE, loss, (high - low) / 4, model.type), text))
        rows.sort(key=lambda row: row[0].x)
        self.cost.show_lines([Line([point for point, _ in rows], labels=[text for _, text in rows])])
        return bool(rows)

    def _trends(self, reports: Sequence[Report]) -> list[Trend]:
        """Each figure through these runs."""
        keys = dict.fromkeys(measure.key for report in reports for measure in report.measures)
        note = self.tr("All runs of this model file; bars show the standard deviation")
        return [
            Trend(key, words.measure_name(key), note, partial(_trend_of, reports, key))
            for key in islice(keys, MOST_FIGURES)
        ]

    def _show_sizes(self, reports: Sequence[Report]) -> bool:
        newest: dict[str, tuple[Report, Measure]] = {}
        for run in reports:
            if run.generation is not None and run.source == "stillroom":
                newest.setdefault(run.model.sha256, (run, run.generation))
        found = sorted(islice(newest.values(), MOST_FILES), key=lambda pair: pair[0].model.size_bytes)
        is_one_model = len({run.model.name for run, _ in found}) == 1
        labels = [run.model.quantisation if is_one_model else _short_name(run) for run, _ in found]
        points = [Point(run.model.size_bytes / GIGABYTE, m.mean, m.sd or 0.0, m.key) for run, m in found]
        self.sizes.show_lines([Line(points, joined=False, labels=labels)])
        return len(points) > 1


def _trend_of(reports: Sequence[Report], key: str) -> tuple[str, list[TrendPoint]]:
    found = trend(reports, key)
    # One unit for all: milliseconds stay such where another run took longer.
    factor = words.shown_factor(found[0][1])
    points = []
    for run, measure in found:
        mean, sd = factor * measure.mean, factor * (measure.sd or 0.0)
        text = f"{words.mean_text(measure)} {words.deviation_text(measure)} {words.unit_text(measure)}"
        points.append(TrendPoint(run, mean, mean - sd, mean + sd, text))
    return words.unit_text(found[0][1]), points


def _short_name(run: Report) -> str:
    """Name a model beside a point: without whose it is, which the table of runs says."""
    return f"{run.model.name.rsplit('/', 1)[-1]} {run.model.quantisation}".strip()


def _xs(points: Sequence[Point]) -> list[float]:
    return [point.x for point in points]
