"""Two quality runs side by side, item by item, and whether a change is more than chance."""

import math
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from app.bench.quality.item import KINDS, Kind
from app.bench.quality.result import ItemResult, QualityRun
from app.bench.statistics import summarise
from models.quality import CONFIDENCE

SIGNIFICANCE = 0.05
FEWEST_CHANGED = 6
"""Of fewer items that changed no test can say that it was not chance: 2 / 2^5 is above 0.05."""

FEWEST_TALKS = 3

ChangeVerdict = Literal["better", "worse", "noise", "not_conclusive"]


class QualityChange(msgspec.Struct, frozen=True, kw_only=True):
    """One kind in both runs. `n` items are in both; of those that can be right `gained` became right and
    `lost` became wrong. `p` is how likely such a change is by chance alone, None for perplexity and
    dialogues, whose verdict is that of an interval."""

    kind: Kind
    before: float
    after: float
    unit: str
    n: int
    gained: int = 0
    lost: int = 0
    p: float | None = None
    verdict: ChangeVerdict


class QualityComparison(msgspec.Struct, frozen=True, kw_only=True):
    """The kinds that both runs have. `other_protocol` says that replies were drawn differently, so a change
    may come from that."""

    before: QualityRun
    after: QualityRun
    changes: list[QualityChange]
    other_protocol: bool
    schema: str = "stillroom.quality_comparison"
    schema_version: int = 1


def compare_quality(
    before: QualityRun,
    before_results: Sequence[ItemResult],
    after: QualityRun,
    after_results: Sequence[ItemResult],
) -> QualityComparison:
    """Compare two runs on the items that both have, of collections with the same content."""
    same = {facts.kind for facts in before.collections} & {facts.kind for facts in after.collections}
    changes: list[QualityChange] = []
    for kind in KINDS:
        if kind not in same:
            continue
        one = {item.id: item for item in before_results if _counts(item, kind)}
        other = {item.id: item for item in after_results if _counts(item, kind)}
        if kind == "perplexity":
            changes += _perplexity(before, after, list(one.values()), list(other.values()))
            continue
        pairs = [(one[key], other[key]) for key in one if key in other and _asked_alike(one[key], other[key])]
        if pairs:
            changes.append(_rouge(pairs) if kind == "dialogue" else _share(kind, pairs))
    return QualityComparison(
        before=before, after=after, changes=changes, other_protocol=before.protocol != after.protocol
    )


def mcnemar(gained: int, lost: int) -> float:
    """The two-sided p of the exact test for paired yes-or-no results.

    McNemar, Psychometrika 12 (1947), https://doi.org/10.1007/BF02295996
    """
    n = gained + lost
    tail: float = sum(math.comb(n, k) for k in range(min(gained, lost) + 1)) / 2.0**n
    return min(1.0, 2 * tail)


def _counts(item: ItemResult, kind: Kind) -> bool:
    return item.kind == kind and item.verdict != "does_not_fit"


def _asked_alike(one: ItemResult, other: ItemResult) -> bool:
    """The same first question and the same answer expected; what follows depends on the replies."""
    if not one.turns or not other.turns:
        return True
    first, second = one.turns[0], other.turns[0]
    return (first.question, first.expected) == (second.question, second.expected)


def _share(kind: Kind, pairs: Sequence[tuple[ItemResult, ItemResult]]) -> QualityChange:
    right = [(one.verdict == "right", other.verdict == "right") for one, other in pairs]
    gained, lost = right.count((False, True)), right.count((True, False))
    p = mcnemar(gained, lost)
    verdict: ChangeVerdict = "noise"
    if p < SIGNIFICANCE:
        verdict = "better" if gained > lost else "worse"
    elif gained + lost < FEWEST_CHANGED:
        verdict = "not_conclusive"
    return QualityChange(
        kind=kind,
        before=sum(one for one, _ in right) / len(right),
        after=sum(other for _, other in right) / len(right),
        unit="share",
        n=len(right),
        gained=gained,
        lost=lost,
        p=p,
        verdict=verdict,
    )


def _rouge(pairs: Sequence[tuple[ItemResult, ItemResult]]) -> QualityChange:
    scores = [(one.scores.get("rouge_l", 0.0), other.scores.get("rouge_l", 0.0)) for one, other in pairs]
    difference = summarise([after - before for before, after in scores])
    verdict: ChangeVerdict = "not_conclusive"
    if difference.low is not None and difference.high is not None and len(pairs) >= FEWEST_TALKS:
        verdict = "better" if difference.low > 0 else "worse" if difference.high < 0 else "noise"
    return QualityChange(
        kind="dialogue",
        before=sum(before for before, _ in scores) / len(scores),
        after=sum(after for _, after in scores) / len(scores),
        unit="",
        n=len(scores),
        verdict=verdict,
    )


def _perplexity(
    before: QualityRun, after: QualityRun, one: Sequence[ItemResult], other: Sequence[ItemResult]
) -> Iterator[QualityChange]:
    texts = [
        next(facts.sha256 for facts in run.collections if facts.kind == "perplexity")
        for run in (before, after)
    ]
    sums = [_sums(parts) for parts in (one, other)]
    if texts[0] != texts[1] or sums[0] is None or sums[1] is None or sums[0][0] != sums[1][0]:
        # Another text, or another vocabulary, which cuts it into other tokens.
        return
    (n, mean, error), (_, mean_after, error_after) = sums[0], sums[1]
    # As if the two had read different texts: what makes both err alike would only narrow it.
    half = CONFIDENCE * math.hypot(error, error_after)
    difference = mean_after - mean
    yield QualityChange(
        kind="perplexity",
        before=math.exp(mean),
        after=math.exp(mean_after),
        unit="",
        n=n,
        verdict="noise" if abs(difference) <= half else "better" if difference < 0 else "worse",
    )


def _sums(parts: Sequence[ItemResult]) -> tuple[int, float, float] | None:
    n = int(sum(part.scores["scored_tokens"] for part in parts))
    if n < 2:
        return None
    mean = sum(part.scores["nll"] for part in parts) / n
    variance = max(0.0, sum(part.scores["nll_squares"] for part in parts) / n - mean * mean)
    return n, mean, math.sqrt(variance / (n - 1))
