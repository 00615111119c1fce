"""Quality runs side by side."""

from collections.abc import Iterator, Sequence

from PySide6.QtWidgets import QWidget

from app.bench.quality.comparison import ChangeVerdict, FigureComparison, QualityChange, QualityComparison
from app.bench.quality.result import QualityRun
from app.bench.quality.scores.kept_share import KeptShare
from app.bench.quality.words import change_number
from app.ui.base import figures
from app.ui.base.resource_words import listed
from app.ui.benchmark.frame.benchmark_words import when_text
from app.ui.benchmark.frame.comparison_grid import (
    MOST_WITH_WORDS,
    ComparisonFrame,
    ComparisonGrid,
    ComparisonLegend,
    GridCell,
    GridRow,
)
from app.ui.benchmark.quality.quality_words import QualityWords
from app.ui.widgets.card import LabelLook, label

NO_BREAK = "\u00a0"
_LOOKS: dict[ChangeVerdict, LabelLook] = {
    "better": "good",
    "worse": "danger",
    "noise": "muted",
    "not_conclusive": "warning",
}


class QualityComparisonCard(ComparisonFrame):
    """A row for each figure that the runs have in common; hidden until there is something to compare."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.comparison: QualityComparison | None = None
        self._words = QualityWords()
        self._note = label("", "warning", wrap=True)
        self._nothing = label(self.tr("The runs have no question in common."), "muted")
        self._grid = ComparisonGrid()
        self.body.addWidget(self._note)
        self.body.addWidget(self._nothing)
        self.body.addWidget(self._grid)
        self._legend = ComparisonLegend(
            [
                (self.tr("better"), "good"),
                (self.tr("worse"), "danger"),
                (self.tr("within chance"), "muted"),
                (self.tr("not conclusive, too few items"), "warning"),
            ]
        )
        self.body.addWidget(self._legend)
        self.body.addWidget(
            label(
                self.tr(
                    "Only the questions that these runs have in common count. A change that chance alone "
                    "makes in less than 5% of such comparisons is called better or worse."
                ),
                "small",
                wrap=True,
            )
        )
        self._brackets = label(
            self.tr("In brackets: how many questions became right, and how many no longer are."), "small"
        )
        self.body.addWidget(self._brackets)
        self._kept = label("", wrap=True)
        self.body.addWidget(self._kept)
        self.hide()

    @property
    def runs(self) -> Sequence[QualityRun]:
        """Those that are compared."""
        return () if self.comparison is None else self.comparison.runs

    def show_comparison(self, comparison: QualityComparison) -> None:
        """Show the changes from the first run to the others."""
        self.comparison = comparison
        others = [run for run in comparison.runs if run.id in comparison.other_protocol]
        names = listed(map(self._words.run, others))
        self._note.setText(
            self.tr("Not drawn like the first run's replies, so a change may come from that: {runs}").format(
                runs=names
            )
        )
        self._note.setVisible(bool(others))
        rows = [self._row(figure) for figure in comparison.figures]
        self._nothing.setVisible(not rows)
        self._grid.setVisible(bool(rows))
        heads = [f"{self._words.model(run)}\n{when_text(run.started_at)}" for run in comparison.runs]
        self._grid.show_rows(heads, rows, self.tr("items"))
        is_alone = len(heads) <= MOST_WITH_WORDS
        self._legend.setVisible(bool(rows) and not is_alone)
        moved = any(
            change.gained or change.lost for row in comparison.figures for change in row.changes if change
        )
        self._brackets.setVisible(is_alone and moved)
        kept = [line for row in comparison.figures for line in self._kept_lines(row)] if is_alone else []
        self._kept.setText("\n".join(kept))
        self._kept.setVisible(bool(kept))
        self.show()

    def _row(self, figure: FigureComparison) -> GridRow:
        return GridRow(
            self._words.figure(figure.key, figure.kind),
            self._words.number(figure, figure.first),
            [None if change is None else self._cell(figure, change) for change in figure.changes],
            f"{figure.n:,}",
        )

    def _cell(self, figure: FigureComparison, change: QualityChange) -> GridCell:
        number = change_number(figure, change)
        text = ""
        if number:
            text = self.tr("{change} points") if figure.unit == "share" else self.tr("{change}%")
        verdict = {
            "better": self.tr("better"),
            "worse": self.tr("worse"),
            "noise": self.tr("within chance"),
            "not_conclusive": self.tr("not conclusive, too few items"),
        }[change.verdict]
        if change.gained or change.lost:
            verdict = _whole_bracket(
                self.tr("{verdict} (+{gained}, −{lost})").format(
                    verdict=verdict, gained=change.gained, lost=change.lost
                )
            )
        return GridCell(
            self._words.number(figure, change.value),
            text.format(change=figures.signed(number)),
            verdict,
            _LOOKS[change.verdict],
            "\n".join(self._why(change)),
        )

    def _kept_lines(self, figure: FigureComparison) -> Iterator[str]:
        for change in figure.changes:
            if change is not None and change.kept is not None:
                name = self._words.figure(figure.key, figure.kind)
                yield self.tr("{figure}: {kept}").format(figure=name, kept=self._kept_text(change.kept))

    def _kept_text(self, kept: KeptShare) -> str:
        return self.tr("Keeps {share}% ({low} to {high}) of the right answers").format(
            share=f"{100 * kept.share:.0f}", low=f"{100 * kept.low:.0f}", high=f"{100 * kept.high:.0f}"
        )

    def _why(self, change: QualityChange) -> Iterator[str]:
        if change.kept is not None:
            yield self._kept_text(change.kept)
        if change.gained or change.lost:
            yield self.tr("{gained} more right, {lost} no longer").format(
                gained=change.gained, lost=change.lost
            )
        if change.p is not None:
            yield self.tr("p = {p}, corrected for the number of changes").format(p=f"{change.p:.3f}")


def _whole_bracket(text: str) -> str:
    """Let the figures in brackets at the end of a text never be broken into two lines, as they may be behind
    a wide comma."""
    head, bracket, rest = text.rpartition("（" if "（" in text else "(")
    return head + bracket + rest.replace("，", ", ").replace(" ", NO_BREAK)
