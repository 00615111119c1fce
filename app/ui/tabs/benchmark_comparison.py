"""Two runs side by side."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from app.bench.compare import Change, Comparison
from app.bench.report import Measure, Report
from app.ui.tabs import benchmark_words as words
from app.ui.widgets.card import Card, button, label

LOOKS = {"better": "good", "worse": "danger", "noise": "muted", "not_conclusive": "warning"}


class ComparisonCard(Card):
    """A row a figure: both means, the change in per cent and whether it is more than noise."""

    closed = Signal()
    copy_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.comparison: Comparison | None = None
        self._rows = QWidget()
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
        self.body.addWidget(self._rows)
        self.body.addWidget(self._differences)

    def show_comparison(self, comparison: Comparison) -> None:
        """Replace what is shown."""
        self.comparison = comparison
        rows = QWidget()
        grid = QGridLayout(rows)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(6)
        right = Qt.AlignmentFlag.AlignRight
        grid.addWidget(label(_run_name(comparison.before), "small"), 0, 1, right)
        grid.addWidget(label(_run_name(comparison.after), "small"), 0, 2, right)
        grid.addWidget(label(self.tr("Change"), "small"), 0, 3, right)
        for row, change in enumerate(comparison.changes, start=1):
            grid.addWidget(label(words.measure_name(change.key)), row, 0)
            grid.addWidget(label(_figure(change.before), selectable=True), row, 1, right)
            grid.addWidget(label(_figure(change.after), selectable=True), row, 2, right)
            grid.addWidget(label(f"{change.change_percent:+.1f}%"), row, 3, right)
            verdict = label(words.verdict_text(change.verdict), LOOKS[change.verdict])  # type: ignore[arg-type]  # all are looks
            verdict.setToolTip(self._why(change))
            grid.addWidget(verdict, row, 4)
        grid.setColumnStretch(4, 1)
        self.body.replaceWidget(self._rows, rows)
        self._rows.deleteLater()
        self._rows = rows
        self._differences.setText(self._differing(comparison))
        self._differences.setVisible(bool(comparison.differences))

    def _why(self, change: Change) -> str:
        if change.p is None:
            return self.tr("One reading each: a change of 2% or more counts.")
        return self.tr("Welch's t-test gives p = {p}; a change counts from 2% and p < 0.05.").format(
            p=f"{change.p:.3f}"
        )

    def _differing(self, comparison: Comparison) -> str:
        items = [
            self.tr("{field} {before} → {after}").format(
                field=words.field_name(item.field), before=item.before or "–", after=item.after or "–"
            )
            for item in comparison.differences
        ]
        return self.tr("Also different: {differences}").format(differences="; ".join(items))


def _run_name(report: Report) -> str:
    return f"{report.model.name} {report.model.quantisation} · {words.when_text(report)}"


def _figure(measure: Measure) -> str:
    return (
        f"{words.mean_text(measure)} {words.deviation_text(measure)}".strip() + f" {words.unit_text(measure)}"
    )
