"""The figures of a quality run through the runs of its model file."""

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication

from app.bench.quality.comparison import MAIN_FIGURES
from app.bench.quality.figures import Figure, QualityReport
from app.bench.quality.result import QualityRun
from app.bench.quality.trend import quality_trend
from app.ui.benchmark.frame.trend_card import Trend, TrendPoint
from app.ui.benchmark.quality.quality_words import QualityWords

translate = QCoreApplication.translate


def quality_trends(
    report: QualityReport, others: Sequence[tuple[QualityRun, Sequence[Figure]]]
) -> list[Trend]:
    """Return the trend of each kind's main figure over the shown run and the `others`; none for a run that
    has not ended, whose figures are over fewer questions."""
    if not report.finished:
        return []
    runs = [(report.run, report.figures), *others]
    main = [figure for figure in report.figures if figure.key == MAIN_FIGURES[figure.kind]]
    return [_trend(figure, quality_trend(report.run, runs, figure.key)) for figure in main]


def _trend(shown: Figure, found: Sequence[tuple[QualityRun, Figure]]) -> Trend:
    words = QualityWords()
    is_share = shown.unit == "share"
    note = translate(
        "benchmark", "Runs of this model file with the same questions; bars are 95% intervals, n = {n}"
    ).format(n=f"{shown.n:,}")
    return Trend(
        shown.key,
        words.figure(shown.key, shown.kind),
        note,
        lambda: (
            "%" if is_share else "",
            [_point(run, figure, 100.0 if is_share else 1.0, words) for run, figure in found],
        ),
        from_zero=shown.kind != "perplexity",
    )


def _point(run: QualityRun, figure: Figure, factor: float, words: QualityWords) -> TrendPoint:
    low = figure.value if figure.low is None else figure.low
    high = figure.value if figure.high is None else figure.high
    text = f"{words.number(figure, figure.value)} ({words.interval(figure)})"
    return TrendPoint(run, factor * figure.value, factor * low, factor * high, text)
