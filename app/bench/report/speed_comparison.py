"""Compared speed runs as a document and as a table of English texts."""

from collections.abc import Sequence

import msgspec

from app.bench.report.report_words import (
    OUTCOMES,
    STATISTICS,
    VERDICTS,
    format_measure,
    label_of,
    model_title,
)
from app.bench.report.side_by_side import Against, Line, SideBySide
from app.bench.results.report import Report
from app.bench.results.run_difference import (
    SIGNIFICANCE,
    SMALLEST_CHANGE,
    Change,
    Comparison,
    Outcome,
    Verdict,
)


class FigureChange(msgspec.Struct, frozen=True, kw_only=True):
    """A figure that the run and the first one have; `p` is corrected for the number of figures, null where
    one has a single sample."""

    key: str
    change_percent: float
    p: float | None
    verdict: Verdict


class SettingChange(msgspec.Struct, frozen=True, kw_only=True):
    """Something else that is not as in the first run, so that it may explain a change."""

    field: str
    first: str
    run: str


class RunChange(msgspec.Struct, frozen=True, kw_only=True):
    """A further run, by its id, against the first."""

    run: str
    outcome: Outcome
    changes: list[FigureChange]
    differences: list[SettingChange]


class SpeedComparison(msgspec.Struct, frozen=True, kw_only=True):
    """All runs; `against_first` has one entry for each but the first."""

    runs: list[Report]
    against_first: list[RunChange]
    schema: str = "stillroom.benchmark_comparison"
    schema_version: int = 1


def speed_comparison(comparisons: Sequence[Comparison]) -> SpeedComparison:
    """The document of what `compare_all` gave."""
    return SpeedComparison(
        runs=[comparisons[0].before, *(pair.after for pair in comparisons)],
        against_first=[
            RunChange(
                run=pair.after.id,
                outcome=pair.outcome,
                changes=[
                    FigureChange(
                        key=item.key, change_percent=item.change_percent, p=item.p, verdict=item.verdict
                    )
                    for item in pair.changes
                ],
                differences=[
                    SettingChange(field=item.field, first=item.before, run=item.after)
                    for item in pair.differences
                ],
            )
            for pair in comparisons
        ],
    )


def speed_side_by_side(comparisons: Sequence[Comparison]) -> SideBySide:
    """Put the result of `compare_all` into words."""
    first = comparisons[0].before
    runs = [first, *(pair.after for pair in comparisons)]
    by_key = [{change.key: change for change in pair.changes} for pair in comparisons]
    lines = []
    for measure in first.measures:
        changes = [changes.get(measure.key) for changes in by_key]
        counts = [len(measure.samples), *(len(item.after.samples) for item in changes if item is not None)]
        lines.append(
            Line(
                label_of(measure.key),
                " / ".join(map(str, counts if len(set(counts)) > 1 else counts[:1])),
                format_measure(measure),
                tuple(None if change is None else _against(change) for change in changes),
            )
        )
    return SideBySide(
        "Benchmark runs side by side",
        tuple(f"{model_title(run.model)}, {run.started_at}" for run in runs),
        tuple(f"{OUTCOMES[pair.outcome]} in generation and prompt" for pair in comparisons),
        tuple(lines),
        (*_notes(comparisons), *filter(None, map(_differences, comparisons))),
    )


def _against(change: Change) -> Against:
    return Against(
        format_measure(change.after),
        f"{change.change_percent:+.1f}%",
        change.verdict,
        VERDICTS[change.verdict],
    )


def _notes(comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    how = (
        f"A change counts from {100 * SMALLEST_CHANGE:.0f}% on and where p < {SIGNIFICANCE} by Welch's "
        "t-test with the noise between runs added, corrected for the number of figures."
    )
    return STATISTICS, how


def _differences(pair: Comparison) -> str:
    items = "; ".join(f"{item.field} {item.before or '–'} → {item.after or '–'}" for item in pair.differences)
    return (
        f"{model_title(pair.after.model)}, {pair.after.started_at}, also differs in: {items}."
        if items
        else ""
    )
