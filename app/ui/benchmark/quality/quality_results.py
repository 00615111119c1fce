"""The results on the Quality page: a run in figures and items, its trend, and the table of all runs."""

from collections.abc import Iterator, Sequence

from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.bench.export.save import Forms, comparison_forms, quality_forms
from app.bench.quality.figures import QualityReport
from app.bench.quality.result import ItemResult
from app.bench.quality.words import quality_side_by_side
from app.ui.base.slices import Stepped
from app.ui.benchmark.frame.benchmark_export import FormsMenu
from app.ui.benchmark.frame.run_history_view import RunHistoryView
from app.ui.benchmark.frame.trend_card import TrendCard
from app.ui.benchmark.quality.quality_comparison import QualityComparisonCard
from app.ui.benchmark.quality.quality_figures import QualityFigureCards
from app.ui.benchmark.quality.quality_items_card import QualityItemsCard
from app.ui.benchmark.quality.quality_picture import quality_to_png
from app.ui.benchmark.quality.quality_runs_table import QualityRow, QualityRunsModel
from app.ui.benchmark.quality.quality_trends import quality_trends
from app.ui.benchmark.quality.quality_words import QualityWords
from app.ui.widgets.card import label
from app.ui.widgets.ui_context import UiContext


class QualityResults(QWidget, Stepped):
    """Shows one run, which can still grow, and all of them in a table; GUI thread. It is made by `making`."""

    def __init__(self, ui: UiContext, page: QWidget) -> None:
        """It is arranged for the width of `page`."""
        super().__init__()
        self._page = page
        self._theme = ui.theme
        self._words = QualityWords()
        self._report: QualityReport | None = None
        self._rows: Sequence[QualityRow] = ()
        self._begin_making(self._make(ui), in_steps=True)

    def _make(self, ui: UiContext) -> Iterator[None]:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        self._figures = QualityFigureCards()
        column.addWidget(self._figures)
        self._protocol = label("", "small", wrap=True)
        column.addWidget(self._protocol)
        self.comparison = QualityComparisonCard()
        self.comparison.closed.connect(self.comparison.hide)
        self.comparison.set_menu(
            FormsMenu(self._comparison_forms, lambda: "quality-comparison", ui.bridge, ui.notices, self)
        )
        column.addWidget(self.comparison)
        self._trend = TrendCard(ui.theme, ui.plots)
        column.addWidget(self._trend)
        yield
        self._items = QualityItemsCard(ui.theme, self._page.width(), self)
        column.addWidget(self._items)
        yield
        self.history = RunHistoryView(QualityRunsModel(self), self)
        column.addWidget(self.history)
        for part in (self._trend, *self._parts()):
            part.hide()

    @property
    def report(self) -> QualityReport | None:
        """The run that is shown."""
        return self._report

    def arrange(self) -> None:
        """Arrange the items for the width of the page."""
        self._items.arrange(self._page.width())

    def show_runs(self, rows: Sequence[QualityRow]) -> None:
        """Show these in the table of all runs."""
        self._rows = rows
        self.history.show_runs(rows)

    def forget(self) -> None:
        """Hold no run: none is left."""
        self._report = None

    def showing(self, report: QualityReport) -> Iterator[None]:
        """Show a run in steps, between which the window can do something else, as showing a part makes its
        look. The chosen item stays so where it is one of the same run."""
        same_run = self._report is not None and self._report.run.id == report.run.id
        self._report = report
        self._items.show_results(report.items, same_run=same_run)
        for part in self._parts():
            yield
            part.show()
        yield
        self._show_figures(report)

    def add(self, report: QualityReport, new: Sequence[ItemResult]) -> None:
        """Show the same run with these items more."""
        self._items.add(new)
        self._show_figures(report)

    def show_trend(self) -> None:
        """Show the trend of the run over the runs of its file."""
        report = self._report
        if report is None:
            return
        others = [
            (row.run, row.figures)
            for row in self._rows
            if row.finished and row.figures is not None and row.id != report.run.id
        ]
        trends = quality_trends(report, others)
        self._trend.setVisible(bool(trends))
        self._trend.show_trends(trends)

    def forms(self) -> Forms | None:
        """Give what can be exported of the run that is shown."""
        return None if self._report is None else quality_forms(self._report)

    def picture(self) -> bytes | None:
        """Draw the run that is shown, as PNG."""
        return None if self._report is None else quality_to_png(self._report, self._theme)

    def stem(self) -> str:
        """Name a file for the run that is shown, without a suffix."""
        if self._report is None:
            return "quality"
        run = self._report.run
        return f"quality-{run.model.name}-{run.model.quantisation}-{run.started_at[:10]}"

    def _comparison_forms(self) -> Forms | None:
        comparison = self.comparison.comparison
        return None if comparison is None else comparison_forms(quality_side_by_side(comparison), comparison)

    def _parts(self) -> tuple[QWidget, ...]:
        """The parts about a run, and the table of all."""
        return self._figures, self._protocol, self._items, self.history

    def _show_figures(self, report: QualityReport) -> None:
        self._report = report
        for part in self._parts():
            part.show()
        self._figures.show_figures(report.figures)
        self._protocol.setText(self._words.protocol(report.run))
        self.show_trend()
