"""The results on the Speed page: a run in figures and plots, a comparison, and the table of all runs."""

from collections.abc import Iterator, Sequence

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.bench.export.save import Forms, comparison_forms
from app.bench.report.speed_comparison import speed_comparison, speed_side_by_side
from app.bench.results.report import Report
from app.bench.results.run_difference import compare_all, noise_between
from app.ui.base.resource_words import sentences
from app.ui.base.slices import Stepped
from app.ui.benchmark.frame import benchmark_words as words
from app.ui.benchmark.frame.benchmark_export import FormsMenu
from app.ui.benchmark.frame.run_history_view import RunHistoryView
from app.ui.benchmark.speed.benchmark_comparison import ComparisonCard
from app.ui.benchmark.speed.benchmark_details import DetailsCard, FactsCard
from app.ui.benchmark.speed.benchmark_figures import FigureCards
from app.ui.benchmark.speed.benchmark_plots import BenchmarkPlots
from app.ui.benchmark.speed.speed_runs_table import BenchmarkRunsModel
from app.ui.widgets.card import label
from app.ui.widgets.ui_context import UiContext
from models.store.store import InstalledModel


class SpeedResults(QWidget, Stepped):
    """Shows one run, whole or the beginning of one, and all of them in a table; GUI thread. It is made by
    `making`."""

    def __init__(self, ui: UiContext) -> None:
        super().__init__()
        self._reports: Sequence[Report] = ()
        self._models: Sequence[InstalledModel] = ()
        self._begin_making(self._make(ui), in_steps=True)

    def _make(self, ui: UiContext) -> Iterator[None]:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        self._marks = label("", "warning", wrap=True)
        column.addWidget(self._marks)
        self._figures = FigureCards()
        column.addWidget(self._figures)
        self.comparison = ComparisonCard()
        self.comparison.closed.connect(self.comparison.hide)
        self.comparison.set_menu(
            FormsMenu(self._comparison_forms, lambda: "benchmark-comparison", ui.bridge, ui.notices, self)
        )
        column.addWidget(self.comparison)
        yield
        self._plots = BenchmarkPlots(ui.theme, ui.plots)
        column.addWidget(self._plots)
        yield
        self._details = DetailsCard()
        column.addWidget(self._details)
        self._facts = FactsCard()
        column.addWidget(self._facts)
        yield
        self.history = RunHistoryView(BenchmarkRunsModel(self), self)
        column.addWidget(self.history)
        # To show one takes long: its look is made.
        for part in (
            self.comparison,
            self._figures,
            self._plots,
            self._details,
            self._facts,
            self.history,
        ):
            part.hide()

    @property
    def models(self) -> Sequence[InstalledModel]:
        """The models on disk, whose quantisations a plot sets beside the run."""
        return self._models

    def show_runs(self, reports: Sequence[Report], select: str = "") -> None:
        """Show these in the table of all runs, and select one, without a signal."""
        self._reports = reports
        with QSignalBlocker(self.history):
            self.history.show_runs(reports)
            if select:
                self.history.select(select)

    def take_models(self, models: Sequence[InstalledModel]) -> None:
        """Set the models on disk, for the next `show_plots`."""
        self._models = models

    def showing(self, report: Report, *, grows: bool) -> Iterator[None]:
        """Show a run in steps; one that `grows` has not ended."""
        marks = [words.mark_text(mark) for mark in report.marks]
        self._marks.setText(sentences(marks))
        self._marks.setVisible(bool(marks))
        self._figures.show_report(report)
        self._figures.show()
        yield
        self.show_plots(report, grows=grows)
        yield
        self._plots.show()
        yield
        self._details.show_report(report)
        yield
        self._details.show()
        yield
        self._facts.show_report(report)
        self._facts.show()
        yield
        self.history.show()

    def show_plots(self, report: Report, *, grows: bool) -> None:
        """Draw a run beside the others, and what quantisations of its model cost."""
        self._plots.show_report(report, self._reports, self._models, grows=grows)

    def compare(self, runs: Sequence[Report]) -> None:
        """Show the later ones beside the first."""
        self.comparison.show_comparisons(compare_all(runs, noise_between(self._reports)))
        self.comparison.show()

    def _comparison_forms(self) -> Forms | None:
        pairs = self.comparison.comparisons
        return comparison_forms(speed_side_by_side(pairs), speed_comparison(pairs)) if pairs else None
