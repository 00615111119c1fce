"""Speed runs side by side."""

from collections.abc import Sequence

from PySide6.QtWidgets import QWidget

from app.bench.results.report import Measure, Report
from app.bench.results.run_difference import Change, Comparison, Outcome, Verdict
from app.ui.base import figures
from app.ui.base.resource_words import listed
from app.ui.benchmark.frame import benchmark_words as words
from app.ui.benchmark.frame.comparison_grid import (
    MOST_WITH_WORDS,
    ComparisonFrame,
    ComparisonGrid,
    ComparisonLegend,
    GridCell,
    GridRow,
)
from app.ui.benchmark.speed.benchmark_details import MOST_FIGURES
from app.ui.widgets.card import LabelLook, label

LOOKS: dict[Verdict, LabelLook] = {
    "better": "good",
    "worse": "danger",
    "noise": "muted",
    "not_conclusive": "warning",
    "too_few": "warning",
}
OUTCOME_LOOKS: dict[Outcome, LabelLook] = {
    "faster": "good",
    "slower": "danger",
    "mixed": "warning",
    "noise": "muted",
    "not_conclusive": "warning",
    "too_few": "warning",
}


class ComparisonCard(ComparisonFrame):
    """A row a figure: the first run, then each other run with its change in per cent and whether that is more
    than noise."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.comparisons: list[Comparison] = []
        self._grid = ComparisonGrid()
        self._differences = label("", "small", wrap=True)
        self.body.addWidget(self._grid)
        self._legend = ComparisonLegend(
            [(words.verdict_text(verdict), look) for verdict, look in LOOKS.items()]
        )
        self.body.addWidget(self._legend)
        self.body.addWidget(self._differences)

    def show_comparisons(self, comparisons: Sequence[Comparison]) -> None:
        """Replace what is shown; all are against the same first run."""
        self.comparisons = list(comparisons)
        first = comparisons[0].before
        by_key = [{change.key: change for change in pair.changes} for pair in comparisons]
        rows = [
            GridRow(
                self.tr("Generation and prompt together"),
                "",
                [
                    GridCell("", "", words.outcome_text(pair.outcome), OUTCOME_LOOKS[pair.outcome])
                    for pair in comparisons
                ],
            )
        ]
        for measure in first.measures[:MOST_FIGURES]:
            changes = [changes.get(measure.key) for changes in by_key]
            rows.append(
                GridRow(
                    words.measure_name(measure.key),
                    _figure(measure),
                    [None if change is None else self._cell(change) for change in changes],
                )
            )
        self._grid.show_rows([_two_lines(first), *(_two_lines(pair.after) for pair in comparisons)], rows)
        self._legend.setVisible(len(comparisons) + 1 > MOST_WITH_WORDS)
        texts = [text for text in map(self._differing, comparisons) if text]
        self._differences.setText("\n".join(texts))
        self._differences.setVisible(bool(texts))

    def _cell(self, change: Change) -> GridCell:
        return GridCell(
            _figure(change.after),
            figures.change(change.change_percent),
            words.verdict_text(change.verdict),
            LOOKS[change.verdict],
            self._why(change),
        )

    def _why(self, change: Change) -> str:
        if change.p is None:
            return self.tr("One reading each: a change of 3% or more counts.")
        return self.tr(
            "p = {p}, by Welch's t-test with the noise between runs added and corrected for the number of "
            "figures; a change counts from 3% and p < 0.01."
        ).format(p=f"{change.p:.3f}")

    def _differing(self, comparison: Comparison) -> str:
        items = [words.difference_text(item) for item in comparison.differences]
        if not items:
            return ""
        text = self.tr("Also different: {differences}").format(differences=listed(items))
        if len(self.comparisons) == 1:
            return text
        return self.tr("{run}: {text}").format(run=run_name(comparison.after), text=text)


def run_name(report: Report) -> str:
    """A run by its model and its time."""
    return f"{report.model.name} {report.model.quantisation} · {words.when_text(report.started_at)}"


def _two_lines(report: Report) -> str:
    return f"{report.model.name} {report.model.quantisation}\n{words.when_text(report.started_at)}"


def _figure(measure: Measure) -> str:
    return (
        f"{words.mean_text(measure)} {words.deviation_text(measure)}".strip() + f" {words.unit_text(measure)}"
    )
