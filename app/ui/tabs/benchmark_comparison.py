"""Runs side by side."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QWidget

from app.bench.compare import Change, Comparison
from app.bench.report import Measure, Report
from app.ui.tabs import benchmark_words as words
from app.ui.widgets.card import Card, button, label

LOOKS = {"better": "good", "worse": "danger", "noise": "muted", "not_conclusive": "warning"}
OUTCOME_LOOKS = {
    "faster": "good",
    "slower": "danger",
    "mixed": "warning",
    "noise": "muted",
    "not_conclusive": "warning",
}


class ComparisonCard(Card):
    """A row a figure: the first run, then each other run with its change in per cent and whether that is more
    than noise."""

    closed = Signal()
    copy_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.comparisons: list[Comparison] = []
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._differences = label("", "small", wrap=True)
        copy = button(self.tr("Copy as Markdown"), "quiet")
        copy.clicked.connect(self.copy_asked)
        close = button("✕", "quiet", name=self.tr("Close the comparison"))
        close.clicked.connect(self.closed)
        head = QHBoxLayout()
        head.addWidget(label(self.tr("Comparison"), "title"), 1)
        head.addWidget(copy)
        head.addWidget(close)
        self.body.addLayout(head)
        self.body.addWidget(self._scroll)
        self.body.addWidget(self._differences)

    def show_comparisons(self, comparisons: Sequence[Comparison]) -> None:
        """Replace what is shown; all are against the same first run. Of several, the verdict is the colour of
        the change and its tool tip."""
        self.comparisons = list(comparisons)
        rows = QWidget()
        grid = QGridLayout(rows)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(24 if len(comparisons) == 1 else 12)
        grid.setVerticalSpacing(6)
        first = comparisons[0].before
        grid.addWidget(_right(label(_two_lines(first), "small")), 0, 1)
        keys = [measure.key for measure in first.measures]
        grid.addWidget(label(self.tr("Generation and prompt together")), 1, 0)
        for row, measure in enumerate(first.measures, start=2):
            grid.addWidget(label(words.measure_name(measure.key)), row, 0)
            grid.addWidget(_right(label(_figure(measure), selectable=True)), row, 1)
        for number, comparison in enumerate(comparisons):
            column = 2 + 3 * number
            grid.addWidget(_right(label(_two_lines(comparison.after), "small")), 0, column)
            outcome = label(words.outcome_text(comparison.outcome), OUTCOME_LOOKS[comparison.outcome])  # type: ignore[arg-type]  # all are looks
            if len(comparisons) == 1:
                grid.addWidget(outcome, 1, column + 2)
            else:
                grid.addWidget(_right(outcome), 1, column, 1, 2)
            for change in comparison.changes:
                self._add_change(grid, 2 + keys.index(change.key), column, change)
        grid.setColumnStretch(1 + 3 * len(comparisons), 1)
        rows.setProperty("look", "page")  # transparent in a scroll area
        self._scroll.setWidget(rows)
        bar_px = self._scroll.horizontalScrollBar().sizeHint().height()
        self._scroll.setFixedHeight(rows.sizeHint().height() + bar_px)
        texts = [text for text in map(self._differing, comparisons) if text]
        self._differences.setText("\n".join(texts))
        self._differences.setVisible(bool(texts))

    def _add_change(self, grid: QGridLayout, row: int, column: int, change: Change) -> None:
        look = LOOKS[change.verdict]
        grid.addWidget(_right(label(_figure(change.after), selectable=True)), row, column)
        text = f"{change.change_percent:+.1f}%"
        if len(self.comparisons) == 1:
            grid.addWidget(_right(label(text)), row, column + 1)
            verdict = label(words.verdict_text(change.verdict), look)  # type: ignore[arg-type]  # all are looks
            verdict.setToolTip(self._why(change))
            grid.addWidget(verdict, row, column + 2)
            return
        shown = _right(label(text, look))  # type: ignore[arg-type]  # all are looks
        shown.setToolTip(f"{words.verdict_text(change.verdict)}\n{self._why(change)}")
        shown.setAccessibleName(f"{text}, {words.verdict_text(change.verdict)}")
        grid.addWidget(shown, row, column + 1)

    def _why(self, change: Change) -> str:
        if change.p is None:
            return self.tr("One reading each: a change of 3% or more counts.")
        return self.tr(
            "p = {p}, by Welch's t-test with the noise between runs added and corrected for the number of "
            "figures; a change counts from 3% and p < 0.01."
        ).format(p=f"{change.p:.3f}")

    def _differing(self, comparison: Comparison) -> str:
        items = [
            self.tr("{field} {before} → {after}").format(
                field=words.field_name(item.field), before=item.before or "–", after=item.after or "–"
            )
            for item in comparison.differences
        ]
        if not items:
            return ""
        text = self.tr("Also different: {differences}").format(differences="; ".join(items))
        if len(self.comparisons) == 1:
            return text
        return self.tr("{run}: {text}").format(run=run_name(comparison.after), text=text)


def run_name(report: Report) -> str:
    """A run by its model and its time."""
    return f"{report.model.name} {report.model.quantisation} · {words.when_text(report)}"


def _two_lines(report: Report) -> str:
    return f"{report.model.name} {report.model.quantisation}\n{words.when_text(report)}"


def _right(made: QLabel) -> QLabel:
    made.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return made


def _figure(measure: Measure) -> str:
    return (
        f"{words.mean_text(measure)} {words.deviation_text(measure)}".strip() + f" {words.unit_text(measure)}"
    )
