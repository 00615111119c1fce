"""A figure run by run, with what had changed between two runs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from PySide6.QtCore import QDateTime, QLocale, Qt
from PySide6.QtWidgets import QComboBox

from app.bench.report.curves import Line, Point
from app.bench.results.difference_causes import Difference, Run, differences
from app.ui.base.resource_words import listed
from app.ui.base.theme import Theme
from app.ui.benchmark.frame import benchmark_words as words
from app.ui.benchmark.frame.plot_card import PlotCard
from app.ui.widgets.card import label, name_field
from app.ui.widgets.curve_plot import CurvePlot
from app.ui.widgets.plot_library import PlotLibrary
from app.ui.widgets.wheel_proof import ComboBox

MOST_DATES = 5
MOST_CHANGES = 6
"""The latest changes are described in words, earlier ones only marked."""


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """A run's figure in the unit of its trend, the ends of its bar, and the same in words."""

    run: Run
    value: float
    low: float
    high: float
    text: str


@dataclass(frozen=True, slots=True)
class Trend:
    """A figure through runs, oldest first. `note` says which runs and what the bars are; `read` gives the
    unit and the points, once this is the one that is shown. Where `from_zero` is not set the axis holds no
    more than the bars."""

    key: str
    name: str
    note: str
    read: Callable[[], tuple[str, Sequence[TrendPoint]]]
    from_zero: bool = True


class TrendCard(PlotCard):
    """One of several figures through all runs of a model file; which one, the user chooses."""

    def __init__(self, theme: Theme, library: PlotLibrary) -> None:
        self.plot = CurvePlot(theme, library, "", "")
        super().__init__(self.tr("Run by run"), self.plot, "")
        self._trends: list[Trend] = []
        self._choice = ComboBox()
        name_field(self._choice, self.tr("Figure"))
        self._choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._choice.setMinimumContentsLength(18)
        self._choice.currentIndexChanged.connect(self._draw)
        self.head.addWidget(self._choice)
        self._alone = label(
            self.tr(
                "One run has this figure so far. After the next one of this model file, it stands here run "
                "by run, with what had changed in between."
            ),
            "muted",
            wrap=True,
        )
        self._changes = label("", "small", wrap=True, selectable=True)
        self.body.addWidget(self._alone)
        self.body.addWidget(self._changes)

    def show_trends(self, trends: Sequence[Trend], first: str = "") -> None:
        """Show these; `first` is the figure that is shown unless another was chosen."""
        chosen = self._choice.currentData() or first
        self._trends = list(trends)
        keys = [trend.key for trend in trends]
        self._choice.blockSignals(True)
        self._choice.clear()
        for trend in trends:
            self._choice.addItem(trend.name, trend.key)
        self._choice.setCurrentIndex(keys.index(chosen) if chosen in keys else 0)
        self._choice.blockSignals(False)
        self._draw()

    def _draw(self) -> None:
        if not self._trends:
            return
        trend = self._trends[max(0, self._choice.currentIndex())]
        unit, shown = trend.read()
        is_alone = len(shown) < 2
        self.plot.setVisible(not is_alone)
        self.note.setVisible(not is_alone)
        self._alone.setVisible(is_alone)
        changes = list(_changes(shown))
        self._changes.setVisible(bool(changes))
        self._changes.setText("\n".join(self._told(changes)))
        self.note.setText(trend.note)
        self.plot.setAccessibleDescription(listed(_texts(shown)))
        self.plot.from_zero = trend.from_zero
        self.plot.names = {"bottom": "", "left": unit}
        if self.plot.plot is not None:
            self.plot.restyle()
        points = [
            Point(place, point.value, name=trend.key, interval=(point.low, point.high))
            for place, point in enumerate(shown, start=1)
        ]
        places = range(1, len(points) + 1, -(-len(points) // MOST_DATES) or 1)
        dates = [self._date(shown[place - 1].run) for place in places]
        marks = [(place - 0.5, str(number)) for number, (place, _) in enumerate(changes, start=1)]
        self.plot.show_lines([Line(points)], places, dates, marks)

    def _date(self, run: Run) -> str:
        started = QDateTime.fromString(run.started_at, Qt.DateFormat.ISODate).toLocalTime()
        # The order of day and month as Qt writes it: day "d", month "MMM" in letters, "M" in figures.
        return QLocale().toString(started.date(), self.tr("d MMM"))

    def _told(self, changes: Sequence[tuple[int, Sequence[Difference]]]) -> list[str]:
        return [
            self.tr("{number}: {changes}").format(
                number=number, changes=listed(map(words.difference_text, found))
            )
            for number, (_, found) in enumerate(changes, start=1)
        ][-MOST_CHANGES:]


def _changes(points: Sequence[TrendPoint]) -> Iterator[tuple[int, Sequence[Difference]]]:
    """Find before which points (counted from 1) something had changed, and what."""
    for place, (before, after) in enumerate(pairwise(points), start=2):
        found = differences(before.run, after.run)
        if found:
            yield place, found


def _texts(points: Sequence[TrendPoint]) -> Iterator[str]:
    return (f"{words.when_text(point.run.started_at)}: {point.text}" for point in points)
