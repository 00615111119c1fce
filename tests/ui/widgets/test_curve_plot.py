"""The names on the axes of plots, and when they are drawn."""

import math
from collections.abc import Iterator
from itertools import pairwise

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QObject
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.bench.report.curves import Line, Point
from app.ui.base import slices
from app.ui.base.bridge import Bridge
from app.ui.base.theme import Theme
from app.ui.widgets.curve_plot import CurvePlot, log_ticks
from app.ui.widgets.lazy_plot import same_decimals
from app.ui.widgets.plot_library import PlotLibrary
from tests.support.waiting import wait_until


@pytest.mark.parametrize(("low", "high"), [(9.8, 11.1), (0.3, 1.6), (10.1, 10.9), (-0.5, 3.2), (8.6, 11.9)])
def test_a_logarithmic_axis_has_enough_names_to_read_a_value_off(low: float, high: float) -> None:
    ticks = log_ticks(low, high)
    assert 2 <= len(ticks) <= 7
    places = [place for place, _ in ticks]
    assert places == sorted(places)
    assert all(low <= place <= high for place in places)


def test_they_are_round_and_short() -> None:
    assert log_ticks(9.9, 11.05) == [
        (10.0, "10 G"),
        (10 + math.log10(2), "20 G"),
        (10 + math.log10(5), "50 G"),
        (11.0, "100 G"),
    ]
    assert [name for _, name in log_ticks(-0.8, 1.1)] == ["0.2", "0.5", "1", "2", "5", "10"]
    assert [name for _, name in log_ticks(2.0, 6.0)] == ["100", "1,000", "10,000", "100,000", "1 M"]


def test_plots_are_made_and_drawn_one_a_turn(
    qtbot: QtBot, theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "SLICE_S", 0.0)
    done: list[list[str]] = [[]]
    build, drawing = CurvePlot.build, CurvePlot.drawing

    def built(plot: CurvePlot) -> None:
        done[-1].append("built")
        build(plot)

    def drawn(plot: CurvePlot) -> Iterator[None]:
        done[-1].append("drawn")
        return drawing(plot)

    monkeypatch.setattr(CurvePlot, "build", built)
    monkeypatch.setattr(CurvePlot, "drawing", drawn)
    page = QWidget()
    qtbot.addWidget(page)
    column = QVBoxLayout(page)
    library = PlotLibrary(Bridge(lambda error: None, page))
    plots = [CurvePlot(theme, library, "x", "y") for _ in range(4)]
    for plot in plots:
        column.addWidget(plot)

    class Turns(QObject):
        """Begins another list with each event that a timer sends."""

        def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
            if event.type() == QEvent.Type.Timer:
                done.append([])
            return False

    turns = Turns(page)
    application = QCoreApplication.instance()
    assert application is not None
    application.installEventFilter(turns)
    page.resize(600, 800)
    page.show()
    wait_until(lambda: all(plot.plot is not None for plot in plots))
    for plot in plots:
        plot.show_lines([Line([Point(1, 2), Point(2, 3)])])
    assert "drawn" not in done[-1]
    wait_until(lambda: sum(turn.count("drawn") for turn in done) >= len(plots))
    application.removeEventFilter(turns)
    assert max(len(turn) for turn in done) == 1


def shown(qtbot: QtBot, theme: Theme, x_name: str, width: int, height: int) -> tuple[QWidget, CurvePlot]:
    """A page of this size, which lives as long as it is held, and the plot on it."""
    page = QWidget()
    qtbot.addWidget(page)
    column = QVBoxLayout(page)
    plot = CurvePlot(theme, PlotLibrary(Bridge(lambda error: None, page)), x_name, "tok/s")
    column.addWidget(plot)
    page.resize(width, height)
    page.show()
    wait_until(lambda: plot.plot is not None)
    return page, plot


def test_figures_of_an_axis_have_commas_as_in_the_tables(qtbot: QtBot, theme: Theme) -> None:
    _page, plot = shown(qtbot, theme, "tokens", 600, 400)
    left = plot.plot.getAxis("left")
    assert left.tickStrings([0, 2_500, 12_500], 1.0, 2_500) == ["0", "2,500", "12,500"]
    assert left.tickStrings([0, 2_000_000], 1.0, 2_000_000) == ["0", "2,000,000"]
    assert left.tickStrings([0, 0.25, 0.5], 1.0, 0.25) == ["0.00", "0.25", "0.50"]


def test_figures_of_an_axis_have_the_same_decimals(qtbot: QtBot, theme: Theme) -> None:
    assert same_decimals(["0.10", "0.11", "0.105"]) == ["0.100", "0.110", "0.105"]
    assert same_decimals(["0", "1,500"]) == ["0", "1,500"]
    assert same_decimals(["0.10", "1e-05"]) == ["0.10", "1e-05"]
    _page, plot = shown(qtbot, theme, "size, GB", 1000, 300)
    plot.show_lines([Line([Point(0.0935, 182), Point(0.145, 121)])])
    bottom = plot.plot.getAxis("bottom")

    def decimals() -> list[int]:
        canvas = QPixmap(10, 10)
        painter = QPainter(canvas)
        _, _, texts = bottom.generateDrawSpecs(painter)
        painter.end()
        return [len(text.partition(".")[2]) for *_, text in texts]

    wait_until(lambda: bottom.range[1] < 0.2 and len(decimals()) > 8)
    assert set(decimals()) == {3}


def test_a_figure_at_the_upper_end_of_the_axis_is_whole(qtbot: QtBot, theme: Theme) -> None:
    _page, plot = shown(qtbot, theme, "", 900, 220)
    plot.from_zero = False
    # The axis ends a hair above 26.
    plot.show_lines(
        [Line([Point(1, 21.3, interval=(18.3, 24.723)), Point(2, 21.3, interval=(18.3, 24.723))])]
    )
    left = plot.plot.getAxis("left")
    wait_until(lambda: 26 < left.range[1] < 26.01)
    canvas = QPixmap(10, 10)
    painter = QPainter(canvas)
    _, _, texts = left.generateDrawSpecs(painter)
    painter.end()
    highest = next(rect for rect, _, text in texts if text == "26")
    assert left.mapRectToScene(highest).top() >= 0


def test_many_marks_are_drawn_in_several_turns(
    qtbot: QtBot, theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "SLICE_S", 0.0)
    page = QWidget()
    qtbot.addWidget(page)
    plot = CurvePlot(theme, PlotLibrary(Bridge(lambda error: None, page)), "x", "y")
    QVBoxLayout(page).addWidget(plot)
    page.resize(600, 400)
    page.show()
    wait_until(lambda: plot.plot is not None)

    def marks() -> int:
        return sum(isinstance(item, plot.pyqtgraph.InfiniteLine) for item in plot.plot.getPlotItem().items)

    line = Line([Point(number, 2) for number in range(20)])
    for count in (20, 10):
        plot.show_lines([line], marks=[(number, str(number)) for number in range(count)])
        seen = [marks()]
        for wanted in (0, count):
            while marks() != wanted:
                QCoreApplication.processEvents()
                seen.append(marks())
        assert all(abs(now - before) <= 1 for before, now in pairwise(seen))
