"""Runs that can be imported, with figures that nobody measures: what shows them stays bounded and whole."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import pytest
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from app.bench.report.html_report import report_to_html
from app.bench.report.markdown import report_to_markdown
from app.bench.report.report_words import facts_of
from app.bench.report.side_by_side import side_by_side_html, side_by_side_lines, side_by_side_markdown
from app.bench.report.speed_comparison import speed_comparison, speed_side_by_side
from app.bench.results.report import Report, report_to_json
from app.bench.results.report_checks import checked_report
from app.bench.results.run_difference import compare_all, noise_between
from app.ui.base.bridge import Bridge
from app.ui.base.theme import Theme
from app.ui.benchmark.frame.run_history_view import RunHistoryView
from app.ui.benchmark.speed.benchmark_comparison import ComparisonCard
from app.ui.benchmark.speed.benchmark_details import DetailsCard, FactsCard
from app.ui.benchmark.speed.benchmark_figures import FigureCards
from app.ui.benchmark.speed.benchmark_picture import report_to_png
from app.ui.benchmark.speed.benchmark_plots import BenchmarkPlots
from app.ui.benchmark.speed.speed_runs_table import BenchmarkRunsModel
from app.ui.widgets.curve_plot import CurvePlot
from app.ui.widgets.plot_library import PlotLibrary
from tests.support.bench_reports import run_on_processor, with_limits
from tests.support.waiting import wait_until

Document = dict[str, Any]
Edit = Callable[[Document], object]


def _each(**values: Any) -> Edit:
    def edit(document: Document) -> None:
        for measure in document["measures"]:
            measure |= values

    return edit


def _figures(value: float, sd: float | None = 0.0) -> Edit:
    return _each(samples=[{"value": value}] * 3, mean=value, sd=sd, low=value, high=value)


def _limits(**values: Any) -> Edit:
    def edit(document: Document) -> None:
        for limit in document["limits"]:
            limit |= values

    return edit


def _many(document: Document) -> None:
    [like] = [measure for measure in document["measures"] if measure["key"] == "tg128@2048"]
    document["measures"] += [
        like | {"key": f"tg128@{number}", "depth_tokens": number} for number in range(1, 450)
    ]


EXTREMES: dict[str, Edit] = {
    "nothing": _figures(0.0),
    "huge": _figures(1e18),
    "huge, scattered": _figures(1e18, 1e18),
    "tiny": _figures(5e-324),
    "from tiny to huge": lambda report: _figures(1e-300)({"measures": report["measures"][::2]}),
    "bars without end": _each(low=-1e18, high=1e18, sd=1e18),
    "no samples' deviation": _each(sd=None, low=None, high=None),
    "tokens beyond all": _each(prompt_tokens=10**18, generated_tokens=10**18, depth_tokens=10**18),
    "no tokens": _each(prompt_tokens=0, generated_tokens=0, depth_tokens=0),
    "streams beyond all": _each(streams=10**18),
    "one key": _each(key="tg128"),
    "a key alone": _each(key="tg"),
    "keys of signs": _each(key="tgx@²"),
    "a long key": _each(key="pp" + "9" * 78),
    "other units": _each(unit="s", better="lower"),
    "limits of nothing": _limits(bytes=0.0, flop=0.0, allowed=0.0, share=0.0),
    "limits of no bytes": _limits(bytes=0.0),
    "limits of all": _limits(bytes=1e-300, flop=1e18, allowed=1e18, share=1e18),
    "limits of no figure": _limits(key="nowhere"),
    "a ceiling of nothing": lambda report: report["ceilings"].update(
        flop_per_s=0.0, working_set_bytes_per_s=0.0
    ),
    "a ceiling below zero": lambda report: report["ceilings"].update(
        flop_per_s=-1e18, memory_bytes_per_s=-1.0
    ),
    "a file of nothing": lambda report: report["model"].update(size_bytes=0, parameters=0, layers=0),
    "a machine below zero": lambda report: report["machine"].update(cores=-1, memory_total_bytes=-(10**18)),
    "hundreds of depths": _many,
    "no figures": lambda report: report.update(measures=[]),
    "the first year": lambda report: report.update(started_at="0001-01-01T00:00:00+00:00"),
    "the last year": lambda report: report.update(started_at="9999-12-31T23:59:59-23:59"),
    "a day": lambda report: report.update(started_at="2026-11-23", duration_s=-1e18),
    "many sections": lambda report: report.update(
        sections=[
            {
                "key": "x",
                "title": "W" * 1999,
                "protocol": "",
                "figures": [{"name": "W", "value": 1e18, "low": -1e18, "high": 1e18, "n": -1}] * 10,
            }
        ]
        * 100
    ),
}


def extreme(name: str) -> Report:
    document = msgspec.to_builtins(with_limits(run_on_processor()))
    document["id"] = name
    EXTREMES[name](document)
    return checked_report(msgspec.convert(document, Report))


class Page:
    """All that shows runs, in a window."""

    def __init__(self, theme: Theme) -> None:
        self.problems: list[BaseException] = []
        self.widget = QWidget()
        self.theme = theme
        self.plots = BenchmarkPlots(theme, PlotLibrary(Bridge(self.problems.append, self.widget)))
        self.cards, self.details, self.facts = FigureCards(), DetailsCard(), FactsCard()
        self.comparison, self.model = ComparisonCard(), BenchmarkRunsModel()
        column = QVBoxLayout(self.widget)
        for part in (self.plots, self.cards, self.details, self.facts, self.comparison):
            column.addWidget(part)
        self.history = RunHistoryView(self.model)
        column.addWidget(self.history)
        self.widget.resize(1000, 3000)
        self.widget.show()

    def show(self, report: Report, runs: Sequence[Report]) -> float:
        """Show a run and compare it with the others; the longest of the steps, in seconds of processor
        time."""
        steps: list[Callable[[], object]] = [
            lambda: self.cards.show_report(report),
            lambda: self.details.show_report(report),
            lambda: self.facts.show_report(report),
            lambda: self.comparison.show_comparisons(compare_all([report, *runs[:4]], noise_between(runs))),
            lambda: self.comparison.show_comparisons(compare_all([runs[-1], report], noise_between(runs))),
            lambda: self.history.show_runs(runs),
            lambda: self.plots.show_report(report, runs, []),
            QApplication.processEvents,
            self.widget.grab,
        ]
        longest_s = 0.0
        for step in steps:
            began_s = time.process_time()
            step()
            longest_s = max(longest_s, time.process_time() - began_s)
        for plot in self.widget.findChildren(CurvePlot):
            if plot.isVisible():
                plot.draw()
                assert all(math.isfinite(end) for axis in plot.plot.viewRange() for end in axis)
        QApplication.processEvents()
        self.widget.grab()
        assert self.problems == []
        return longest_s


@pytest.fixture(scope="module")
def page(qapp: QApplication) -> Iterator[Page]:
    page = Page(Theme(qapp, "light"))
    usual = with_limits(run_on_processor())
    page.plots.show_report(usual, [usual, usual], [])
    wait_until(lambda: page.plots.by_depth.plot is not None and page.plots.trend.plot.plot is not None)
    yield page
    page.widget.deleteLater()


@pytest.mark.parametrize(
    "edit",
    [
        _figures(5.0, -1e18),
        _limits(allowed=-1e18),
        _limits(bytes=-1.0),
        lambda report: report["model"].update(size_bytes=-1),
        lambda report: report["machine"].update(gpus=[{"name": "x", "vram_total_bytes": 1}] * 1000),
        lambda report: report.update(
            sections=[
                {"key": "x", "title": "x", "protocol": "", "figures": [{"name": "x", "value": 1, "low": 1}]}
            ]
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(edit: Edit) -> None:
    document = msgspec.to_builtins(with_limits(run_on_processor()))
    edit(document)
    with pytest.raises(ValueError, match=r"it holds (a negative|half)|more graphics cards"):
        checked_report(msgspec.convert(document, Report))


@pytest.mark.parametrize("name", EXTREMES)
def test_texts_of_an_extreme_run(name: str) -> None:
    report, other = extreme(name), with_limits(run_on_processor())
    assert facts_of(report)
    assert report_to_json(report)
    assert report_to_markdown(report)
    assert "</html>" in report_to_html(report)
    for runs in ([report, other], [other, report], [report, report, report]):
        pairs = compare_all(runs, noise_between(runs * 3))
        assert msgspec.json.encode(speed_comparison(pairs))
        table = speed_side_by_side(pairs)
        assert side_by_side_html(table)
        assert side_by_side_markdown(table)
        assert list(side_by_side_lines(table))


@pytest.mark.parametrize("name", EXTREMES)
def test_the_page_of_an_extreme_run(name: str, page: Page) -> None:
    report, usual = extreme(name), with_limits(run_on_processor())
    longest_s = page.show(report, [report, usual])
    print(f"{name}: {1000 * longest_s:.0f} ms")
    assert report_to_png(report, page.theme).startswith(b"\x89PNG")


def test_a_run_among_thousands(page: Page) -> None:
    usual = with_limits(run_on_processor())
    runs = [
        msgspec.structs.replace(
            usual,
            id=str(number),
            started_at=f"20{number // 336 + 10:02}-{number // 28 % 12 + 1:02}-{number % 28 + 1:02}T10:00:00Z",
            stillroom_version=str(number % 7),
            model=msgspec.structs.replace(usual.model, sha256=str(number % 2), name=f"M{number % 300}"),
        )
        for number in range(3000)
    ][::-1]
    longest_s = page.show(runs[0], runs)
    print(f"thousands: {1000 * longest_s:.0f} ms")
