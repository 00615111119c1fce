"""Runs side by side: how much each figure changed, and whether that is more than noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from app.bench.results.difference_causes import Difference, circumstances, differences
from app.bench.results.report import Measure, Report
from app.bench.results.statistics import holm, welch_p

Verdict = Literal["better", "worse", "noise", "not_conclusive", "too_few"]

Outcome = Literal["faster", "slower", "mixed", "noise", "not_conclusive", "too_few"]

SIGNIFICANCE = 0.01
"""The largest chance that one comparison of two equal runs calls anything different; shared by all of its
figures. With this, two of twenty such comparisons are called different in 2 of 100 cases only."""

SMALLEST_CHANGE = 0.03
"""A smaller change is called noise whatever the test says: nobody would notice it."""

RUN_DEVIATION = 0.01
"""By how much the means of equal runs differ besides what their repeats show: how warm the computer is, where
memory lies, what else it does that hour. For computers of whose runs nothing is known."""

LARGEST_SCATTER = 0.1
"""A run whose deviation is more than this share of its mean decides nothing by itself."""

CLEAR_FACTOR = 4.0
"""Unless the change is so many times as large as the larger deviation, and no repeat of the one run lies
among those of the other."""

FEWEST_RUNS = 3
FEWEST_REPEATS = 3
"""With fewer the test knows too little of the scatter to call anything equal."""


@dataclass(frozen=True, slots=True)
class Change:
    """One figure in both runs. `change_percent` is of `before`'s mean; `p` is corrected for the number of
    figures, None where one run has a single sample."""

    key: str
    before: Measure
    after: Measure
    change_percent: float
    p: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Comparison:
    """The figures that both runs have, in the order of the first, what they come to, and what else differs.

    `outcome` is of generation and prompt together: "mixed" where one is better and the other worse.
    """

    before: Report
    after: Report
    changes: tuple[Change, ...]
    differences: tuple[Difference, ...]
    outcome: Outcome


def compare(before: Report, after: Report, run_deviation: float = RUN_DEVIATION) -> Comparison:
    """Compare two runs; figures that only one of them has are left out. `run_deviation` is what `run_noise`
    found for this computer.

    Half of the chance to call something different by mistake belongs to generation and prompt, which decide
    the outcome, the other half to all other figures; each half is shared by Holm's method.
    """
    pairs = ((measure, after.measure(measure.key)) for measure in before.measures)
    changes = [change_of(first, second, run_deviation) for first, second in pairs if second is not None]
    primary = {measure.key for measure in (before.generation, before.prompt) if measure is not None}
    corrected: list[Change] = []
    for is_primary in (True, False):
        family = [change for change in changes if (change.key in primary) == is_primary]
        tested = [change for change in family if change.p is not None]
        values = holm([2 * (change.p or 0.0) for change in tested])
        by_key = dict(zip((change.key for change in tested), values, strict=True))
        corrected += [_judge(change, by_key.get(change.key), run_deviation) for change in family]
    order = {change.key: place for place, change in enumerate(changes)}
    corrected.sort(key=lambda change: order[change.key])
    outcome = _outcome([change.verdict for change in corrected if change.key in primary])
    return Comparison(before, after, tuple(corrected), tuple(_differences(before, after)), outcome)


def compare_all(runs: Sequence[Report], run_deviation: float = RUN_DEVIATION) -> list[Comparison]:
    """Each of at least two runs against the first."""
    first, *others = runs
    return [compare(first, other, run_deviation) for other in others]


def change_of(before: Measure, after: Measure, run_deviation: float = RUN_DEVIATION) -> Change:
    """The change of one figure, by itself.

    It is "noise" unless it is both significant and at least 3%; "not_conclusive" where a run scatters by more
    than 10% and the change is not far beyond that; "too_few" where a test of so few repeats could not find
    even a change that stands out. The test is Welch's with the deviation between runs added: the
    repeats of one run share its hour and its place in memory. A single reading of memory has no scatter:
    3% decide.
    """
    change = after.mean / before.mean - 1 if before.mean else 0.0
    p = None
    if before.sd is not None and after.sd is not None:
        between = run_deviation * (abs(before.mean) + abs(after.mean)) / 2
        p = welch_p(before.values, after.values, extra_error=math.sqrt(2) * between)
    return _judge(Change(before.key, before, after, 100 * change, p, "noise"), p, run_deviation)


def is_same_subject(one: Report, other: Report) -> bool:
    """The same model file on the same computer by the same program, whatever the settings and versions."""
    return _subject(one) == _subject(other)


def _subject(report: Report) -> tuple[object, ...]:
    machine, model = report.machine, report.model
    gpus = [gpu.name for gpu in machine.gpus]
    return report.source, model.sha256, model.file, machine.processor, machine.cores, gpus


def noise_between(reports: Sequence[Report]) -> float:
    """Return the noise to compare runs of these reports' computer with: `run_noise`, or `RUN_DEVIATION` where
    too few are known."""
    noise = run_noise(reports)
    return RUN_DEVIATION if noise is None else noise


def run_noise(reports: Sequence[Report]) -> float | None:
    """The deviation between runs that should be equal, as a share of their mean; None where fewer than three
    such runs are known. Of generation and prompt, whichever is larger.

    Equal are runs of one suite and file, with the same settings, versions and computer, that nothing
    disturbed. What the repeats within the runs explain is taken out.
    """
    groups: dict[tuple[object, ...], list[Report]] = {}
    for report in reports:
        if report.source == "stillroom" and not report.marks:
            groups.setdefault(_identity(report), []).append(report)
    found = []
    for runs in groups.values():
        for figures in ([run.generation for run in runs], [run.prompt for run in runs]):
            measures = [figure for figure in figures if figure is not None and figure.sd is not None]
            if len(measures) >= FEWEST_RUNS and any(measure.mean for measure in measures):
                found.append(_between(measures))
    return max(found, default=None)


def _between(measures: Sequence[Measure]) -> float:
    means = [measure.mean for measure in measures]
    grand = math.fsum(means) / len(means)
    variance = math.fsum((mean - grand) ** 2 for mean in means) / (len(means) - 1)
    within = math.fsum((measure.sd or 0.0) ** 2 / len(measure.samples) for measure in measures) / len(
        measures
    )
    return math.sqrt(max(0.0, variance - within)) / grand


def _judge(change: Change, p: float | None, run_deviation: float) -> Change:
    before, after, share = change.before, change.after, change.change_percent / 100
    scatters = ((measure.sd or 0.0) / measure.mean for measure in (before, after) if measure.mean)
    deviation = max(scatters, default=0.0)
    between = math.sqrt(2) * run_deviation
    verdict: Verdict
    if deviation > LARGEST_SCATTER and not _is_clear(before, after, share, deviation):
        verdict = "not_conclusive"
    elif p is not None and p < SIGNIFICANCE and abs(share) >= SMALLEST_CHANGE:
        verdict = _direction(before, share)
    elif before.unit != "bytes" and (
        min(len(before.samples), len(after.samples)) < FEWEST_REPEATS
        or (abs(share) >= SMALLEST_CHANGE and _is_clear(before, after, share, max(deviation, between)))
    ):
        verdict = "too_few"
    elif abs(share) < SMALLEST_CHANGE or p is not None:
        verdict = "noise"
    else:
        verdict = _direction(before, share)
    return replace(change, p=p, verdict=verdict)


def _direction(before: Measure, share: float) -> Literal["better", "worse"]:
    return "better" if (share > 0) == (before.better == "higher") else "worse"


def _is_clear(before: Measure, after: Measure, share: float, deviation: float) -> bool:
    apart = max(before.values) < min(after.values) or max(after.values) < min(before.values)
    return apart and abs(share) >= CLEAR_FACTOR * deviation


def _outcome(verdicts: Sequence[Verdict]) -> Outcome:
    found = set(verdicts)
    if {"better", "worse"} <= found:
        return "mixed"
    if "better" in found:
        return "faster"
    if "worse" in found:
        return "slower"
    if "too_few" in found:
        return "too_few"
    return "not_conclusive" if "not_conclusive" in found or not found else "noise"


def _differences(before: Report, after: Report) -> list[Difference]:
    found = differences(before, after)
    if before.suite != after.suite:
        found.append(Difference("suite", before.suite, after.suite))
    return found


def _identity(report: Report) -> tuple[object, ...]:
    machine = report.machine
    return (*circumstances(report), report.suite, machine.memory_total_bytes, machine.cores)
