"""Every figure of a run with its interval, repeats and protocol; what is missing; and the computer."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from app.bench.results.report import Measure, Report
from app.ui.base.plain_text import set_tip
from app.ui.base.resource_words import listed
from app.ui.benchmark.frame import benchmark_words as words
from app.ui.benchmark.speed.benchmark_facts import facts_of
from app.ui.benchmark.speed.benchmark_protocols import protocol_text
from app.ui.widgets.card import Card, label

GAP_PX = 16
"""The gap between the columns: in a narrow window the last one needs the room."""


MOST_FIGURES = 60
"""Of a run from elsewhere: a row takes a millisecond to make. Own ones have fewer."""


class DetailsCard(Card):
    """A row a figure; the protocol is the tool tip of its name."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = QWidget()
        self._missing = label("", "small", wrap=True)
        self.body.addWidget(label(self.tr("All figures"), "title"))
        self.body.addWidget(self._rows)
        self.body.addWidget(self._missing)

    def show_report(self, report: Report) -> None:
        """Replace what is shown."""
        rows = QWidget()
        grid = QGridLayout(rows)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(GAP_PX)
        grid.setVerticalSpacing(6)
        right = Qt.AlignmentFlag.AlignRight
        for column, title in enumerate(
            (self.tr("mean ± deviation"), self.tr("95% interval"), self.tr("n"), ""), start=1
        ):
            grid.addWidget(label(title, "small"), 0, column, right)
        for row, measure in enumerate(report.measures[:MOST_FIGURES], start=1):
            name = label(words.measure_name(measure.key))
            set_tip(name, protocol_text(measure.key, report.source))
            grid.addWidget(name, row, 0)
            figure = f"{words.mean_text(measure)} {words.deviation_text(measure)}".strip()
            grid.addWidget(label(f"{figure} {words.unit_text(measure)}", selectable=True), row, 1, right)
            grid.addWidget(label(_interval(measure), "muted"), row, 2, right)
            grid.addWidget(label(str(len(measure.samples)), "muted"), row, 3, right)
            limit = report.limit(measure.key)
            near = label("" if limit is None else words.limit_text(limit), "muted", wrap=True)
            grid.addWidget(near, row, 4)
        grid.setColumnStretch(4, 1)
        self.body.replaceWidget(self._rows, rows)
        self._rows.deleteLater()
        self._rows = rows
        by_reason: dict[str, list[str]] = {}
        for item in report.not_measured:
            by_reason.setdefault(words.reason_text(item), []).append(words.measure_name(item.key))
        missing = [
            # Each name stands for itself, as in the table above: in a sentence it would begin with a capital.
            self.tr("Not measured: {figures}. {reason}").format(figures=listed(names), reason=reason)
            for reason, names in by_reason.items()
        ]
        if len(report.measures) > MOST_FIGURES:
            missing.append(
                self.tr("Further figures, which a saved report has: {count}.").format(
                    count=len(report.measures) - MOST_FIGURES
                )
            )
        if report.interruptions:
            missing.append(
                self.tr("The run was interrupted and went on: {count}.").format(count=report.interruptions)
            )
        self._missing.setText("\n".join(missing))
        self._missing.setVisible(bool(missing))


def _interval(measure: Measure) -> str:
    if measure.low is None or measure.high is None:
        return ""
    low, high = max(0.0, measure.low), measure.high
    return f"{words.value_text(measure, low)} – {words.value_text(measure, high)}"


class FactsCard(Card):
    """The computer, the model and the settings of a run."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = QWidget()
        self.body.addWidget(label(self.tr("Where it was measured"), "title"))
        self.body.addWidget(self._rows)

    def show_report(self, report: Report) -> None:
        """Replace what is shown."""
        rows = QWidget()
        grid = QGridLayout(rows)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(6)
        for row, (name, value) in enumerate(facts_of(report)):
            grid.addWidget(label(name, "muted"), row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(label(value, wrap=True, selectable=True), row, 1)
        grid.setColumnStretch(1, 1)
        self.body.replaceWidget(self._rows, rows)
        self._rows.deleteLater()
        self._rows = rows
