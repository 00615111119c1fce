"""The history of benchmark runs as a table."""

from collections.abc import Callable

from PySide6.QtCore import QObject

from app.bench.results.report import Measure, Report
from app.ui.benchmark.frame import benchmark_words as words
from app.ui.benchmark.frame.runs_model import MODEL, RunsModel
from app.ui.widgets.rows_model import Column

NOTES, GENERATION, PROMPT, FIRST_TOKEN, MEMORY, BACKEND = range(2, 8)
"""The disturbances of a run stand beside its name, not where a narrow window scrolls to."""


class BenchmarkRunsModel(RunsModel[Report]):
    """A row a run. `SORT_ROLE` gives plain values for a sorting proxy, `ROW_ROLE` the whole report."""

    least_needed = (BACKEND, MEMORY, FIRST_TOKEN, PROMPT)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._columns = (
            Column(
                self.tr("When"), lambda run: words.when_text(run.started_at), sort=lambda run: run.started_at
            ),
            _words(self.tr("Model"), words.model_text),
            _words(self.tr("Notes"), lambda run: self.tr("disturbed") if run.marks else ""),
            _measured(self.tr("Generation, tok/s"), lambda run: run.generation),
            _measured(self.tr("Prompt, tok/s"), lambda run: run.prompt),
            _measured(self.tr("First token"), lambda run: run.measure("first_token"), with_unit=True),
            _measured(self.tr("Memory, GB"), lambda run: run.measure("peak_ram")),
            _words(self.tr("Back end"), lambda run: run.engine.backend),
        )

    def _tip(self, row: Report, column: int) -> str:
        if column == NOTES:
            return "\n".join(words.mark_text(mark) for mark in row.marks)
        return row.model.file if column == MODEL else ""


def _words(title: str, text: Callable[[Report], str]) -> Column[Report]:
    return Column(title, text, sort=lambda run: text(run).casefold())


def _measured(
    title: str, measure_of: Callable[[Report], Measure | None], *, with_unit: bool = False
) -> Column[Report]:
    def text(run: Report) -> str:
        measure = measure_of(run)
        if measure is None:
            return "–"
        figure = f"{words.mean_text(measure)} {words.deviation_text(measure)}".strip()
        return f"{figure} {words.unit_text(measure)}" if with_unit else figure

    def mean(run: Report) -> float:
        measure = measure_of(run)
        return -1.0 if measure is None else measure.mean

    return Column(title, text, figures=True, sort=mean)
