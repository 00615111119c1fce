"""Quality runs side by side, item by item, and whether a change is more than chance."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from app.bench.quality.item import KINDS, Kind
from app.bench.quality.result import ItemResult, QualityRun
from app.bench.quality.scores.kept_share import KeptShare, kept_share
from app.bench.results.statistics import holm, summarise, t_cdf

SIGNIFICANCE = 0.05
"""The largest chance that a comparison of equal runs calls anything different, shared by all its changes."""

FEWEST_PAIRS = 3
"""Of fewer pairs of numbers no test says anything."""

MAIN_FIGURES: dict[Kind, str] = {
    "perplexity": "perplexity",
    "maths": "pass_at_1",
    "dialogue": "rouge_l",
    "retention": "recall",
    "intent": "accuracy",
    "code": "tests_passed",
}
"""The figure that each kind is judged by, as `figures_of` names it."""

ChangeVerdict = Literal["better", "worse", "noise", "not_conclusive"]
Results = tuple[QualityRun, Sequence[ItemResult]]


class QualityChange(msgspec.Struct, frozen=True, kw_only=True):
    """A run's figure against that of the first run. Of those items that can be right `gained` became right
    and `lost` are no longer; `kept` is what the run has of the first one's right answers. `p` is how likely
    such a change is by chance alone, corrected for the number of changes in the comparison; None where there
    are too few items for a test."""

    value: float
    gained: int = 0
    lost: int = 0
    kept: KeptShare | None = None
    p: float | None = None
    verdict: ChangeVerdict


class FigureComparison(msgspec.Struct, frozen=True, kw_only=True):
    """One figure over the `n` items (or scored tokens) that the first run shares with those that have a
    change here. `changes` are of the further runs in their order, None where a run has nothing in common."""

    key: str
    kind: Kind
    unit: str
    n: int
    first: float
    changes: list[QualityChange | None]


class QualityComparison(msgspec.Struct, frozen=True, kw_only=True):
    """All runs against the first. `other_protocol` names by their ids the runs whose replies were drawn in
    another way than the first's, so that a change may come from that."""

    runs: list[QualityRun]
    figures: list[FigureComparison]
    other_protocol: list[str]
    schema: str = "stillroom.quality_comparison"
    schema_version: int = 1


@dataclass(frozen=True, slots=True)
class _Draft:
    """A change before its p is corrected for all others; `least_p` is the smallest that it could have."""

    value: float
    p: float | None
    is_better: bool
    least_p: float = 0.0
    gained: int = 0
    lost: int = 0
    kept: KeptShare | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    key: str
    kind: Kind
    unit: str
    n: int
    first: float
    drafts: list[_Draft | None]


def compare_quality(runs: Sequence[Results]) -> QualityComparison:
    """Compare at least two runs with the first, each figure on the items that all of them have of
    collections with the same questions."""
    rows = [row for kind in KINDS for row in _rows(kind, runs)]
    tested = [draft.p for row in rows for draft in row.drafts if draft is not None and draft.p is not None]
    corrected = iter(holm(tested))
    figures = [
        FigureComparison(
            key=row.key,
            kind=row.kind,
            unit=row.unit,
            n=row.n,
            first=row.first,
            changes=[_judged(draft, corrected, len(tested)) for draft in row.drafts],
        )
        for row in rows
    ]
    first, *others = (run for run, _ in runs)
    return QualityComparison(
        runs=[first, *others],
        figures=figures,
        other_protocol=[run.id for run in others if run.protocol != first.protocol],
    )


def mcnemar(gained: int, lost: int) -> float:
    """The two-sided p of the exact test for paired yes-or-no results.

    McNemar, Psychometrika 12 (1947), https://doi.org/10.1007/BF02295996
    """
    n = gained + lost
    ways = tail = 1
    for k in range(min(gained, lost)):
        ways = ways * (n - k) // (k + 1)
        tail += ways
    # Whole numbers: above 1023 items the power of two is no float.
    return min(1.0, 2 * tail / (1 << n))


def _judged(draft: _Draft | None, corrected: Iterator[float], tests: int) -> QualityChange | None:
    if draft is None:
        return None
    p = None if draft.p is None else next(corrected)
    verdict: ChangeVerdict = "noise"
    if p is not None and p < SIGNIFICANCE:
        verdict = "better" if draft.is_better else "worse"
    elif p is None or draft.least_p * tests >= SIGNIFICANCE:
        verdict = "not_conclusive"
    return QualityChange(
        value=draft.value, gained=draft.gained, lost=draft.lost, kept=draft.kept, p=p, verdict=verdict
    )


def _rows(kind: Kind, runs: Sequence[Results]) -> Iterator[_Row]:
    if kind == "perplexity":
        yield from _perplexity(runs)
        return
    shared = _shared(kind, runs)
    if shared is None:
        return
    key = MAIN_FIGURES[kind]
    if kind == "dialogue":
        scores = [
            None if items is None else [item.scores.get("rouge_l", 0.0) for item in items] for items in shared
        ]
        yield from _numbers(key, kind, "", scores)
        return
    yield _share(key, kind, shared)
    if kind == "maths":
        yield from _to_right(shared)


def _shared(kind: Kind, runs: Sequence[Results]) -> list[list[ItemResult] | None] | None:
    """Of each run the items that all have, in one order; None for a run that has none in common with the
    first, and instead of all where no run has."""
    of_runs = [{item.id: item for item in results if _counts(item, kind)} for _, results in runs]
    first = of_runs[0]
    common = set(first)
    takes_part = [True]
    for items in of_runs[1:]:
        alike = {key for key in common if key in items and _asked_alike(first[key], items[key])}
        takes_part.append(bool(alike))
        common = alike or common
    if not any(takes_part[1:]):
        return None
    order = [key for key in first if key in common]
    return [
        [items[key] for key in order] if takes else None
        for items, takes in zip(of_runs, takes_part, strict=True)
    ]


def _counts(item: ItemResult, kind: Kind) -> bool:
    return item.kind == kind and item.verdict != "does_not_fit"


def _asked_alike(one: ItemResult, other: ItemResult) -> bool:
    """The same first question and the same answer expected; what follows depends on the replies."""
    if not one.turns or not other.turns:
        return True
    first, second = one.turns[0], other.turns[0]
    return (first.question, first.expected) == (second.question, second.expected)


def _share(key: str, kind: Kind, shared: Sequence[list[ItemResult] | None]) -> _Row:
    rights = [None if items is None else [item.verdict == "right" for item in items] for items in shared]
    first = rights[0] or []
    return _Row(
        key,
        kind,
        "share",
        len(first),
        sum(first) / len(first),
        [None if right is None else _share_draft(first, right) for right in rights[1:]],
    )


def _share_draft(first: Sequence[bool], after: Sequence[bool]) -> _Draft:
    pairs = list(zip(first, after, strict=True))
    gained, lost = pairs.count((False, True)), pairs.count((True, False))
    return _Draft(
        sum(after) / len(after),
        mcnemar(gained, lost),
        gained > lost,
        # Had all that changed become right; where nothing changed, had everything.
        mcnemar(gained + lost or len(pairs), 0),
        gained,
        lost,
        kept_share(pairs.count((True, True)), lost, gained),
    )


def _to_right(shared: Sequence[list[ItemResult] | None]) -> Iterator[_Row]:
    """Compare the tokens and seconds of the answers that are right in every run."""
    of_runs = [items for items in shared if items is not None]
    places = [
        place
        for place, items in enumerate(zip(*of_runs, strict=True))
        if all(item.verdict == "right" and item.completion_tokens and item.seconds > 0 for item in items)
    ]
    if not places:
        return
    chosen = [None if items is None else [items[place] for place in places] for items in shared]
    tokens = [
        None if items is None else [float(item.completion_tokens) for item in items] for items in chosen
    ]
    seconds = [None if items is None else [item.seconds for item in items] for items in chosen]
    yield from _numbers("tokens_to_right", "maths", "tokens", tokens, is_cost=True)
    yield from _numbers("seconds_to_right", "maths", "s", seconds, is_cost=True)


def _numbers(
    key: str, kind: Kind, unit: str, values: Sequence[list[float] | None], *, is_cost: bool = False
) -> Iterator[_Row]:
    """A mean of numbers in pairs, by Student's t on the differences; of a cost, which is the better the
    smaller it is, on those of the logarithms."""
    first = values[0] or []

    def draft(after: list[float]) -> _Draft:
        pairs = zip(first, after, strict=True)
        gains = [math.log(one / other) if is_cost else other - one for one, other in pairs]
        mean = sum(after) / len(after)
        return _Draft(mean, _paired_p(gains), sum(gains) > 0)

    drafts = [None if after is None else draft(after) for after in values[1:]]
    yield _Row(key, kind, unit, len(first), sum(first) / len(first), drafts)


def _paired_p(differences: Sequence[float]) -> float | None:
    summary = summarise(differences)
    if summary.n < FEWEST_PAIRS or summary.sd is None:
        return None
    if summary.sd == 0:
        return 1.0 if summary.mean == 0 else 0.0
    t = abs(summary.mean) / (summary.sd / math.sqrt(summary.n))
    return 2 * (1 - t_cdf(t, summary.n - 1))


def _perplexity(runs: Sequence[Results]) -> Iterator[_Row]:
    texts = [_text(run) for run, _ in runs]
    sums = [_sums([item for item in results if _counts(item, "perplexity")]) for _, results in runs]
    first = sums[0]
    if first is None:
        return
    drafts = [
        # Another text, or another vocabulary, which cuts it into other tokens, says nothing.
        _perplexity_draft(first, other)
        if other is not None and other[0] == first[0] and text == texts[0]
        else None
        for text, other in zip(texts[1:], sums[1:], strict=True)
    ]
    if any(draft is not None for draft in drafts):
        n, mean, _ = first
        yield _Row("perplexity", "perplexity", "", n, math.exp(mean), drafts)


def _text(run: QualityRun) -> str | None:
    return next((facts.sha256 for facts in run.collections if facts.kind == "perplexity"), None)


def _perplexity_draft(first: tuple[int, float, float], other: tuple[int, float, float]) -> _Draft:
    (_, mean, error), (_, mean_after, error_after) = first, other
    # As if the two had read different texts: what makes both err alike would only narrow it.
    both = math.hypot(error, error_after)
    difference = mean_after - mean
    p = math.erfc(abs(difference) / (math.sqrt(2) * both)) if both else float(difference == 0)
    return _Draft(math.exp(mean_after), p, difference < 0)


def _sums(parts: Sequence[ItemResult]) -> tuple[int, float, float] | None:
    """Scored tokens, the mean of their negative log likelihoods and its standard error."""
    n = int(sum(part.scores["scored_tokens"] for part in parts))
    if n < 2:
        return None
    mean = sum(part.scores["nll"] for part in parts) / n
    variance = max(0.0, sum(part.scores["nll_squares"] for part in parts) / n - mean * mean)
    return n, mean, math.sqrt(variance / (n - 1))
