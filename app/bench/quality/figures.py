"""Figures from the results of a run, with their intervals, their n and whether they are conclusive."""

import math
from collections.abc import Iterator, Sequence

import msgspec

from app.bench.quality.item import KINDS, Kind
from app.bench.quality.result import ItemResult, QualityRun
from app.bench.quality.scores.bleu import BleuCounts, bleu_counts, bleu_interval
from app.bench.quality.scores.f1 import macro_f1, macro_f1_interval
from app.bench.quality.scores.wilson import WIDEST_SHARE, Share, wilson
from app.bench.results.statistics import summarise
from models.quantisation.quantisation_loss import CONFIDENCE

SCHEMA = "stillroom.quality"
SCHEMA_VERSION = 1

WIDEST_SPREAD = 0.1
"""A mean whose interval is wider than this share of it decides nothing between two models."""

MOST_LENGTHS = 20
"""Of texts, each of which has a figure of its own."""

FEWEST_DRAWN = 10
"""Fewer items than this, drawn anew, would give too narrow an interval."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure over `n` items (or scored tokens). `low` and `high` bound its 95% confidence interval:
    Wilson's for shares, Student's t for means, of the log for perplexity, by drawing items anew for BLEU and
    macro F1; None where there is none. `conclusive` is whether it is narrow enough to tell models apart."""

    key: str
    kind: Kind
    value: float
    unit: str
    n: int
    low: float | None = None
    high: float | None = None
    conclusive: bool = False


class QualityReport(msgspec.Struct, frozen=True, kw_only=True):
    """A run with its figures and all its items. Later versions only add fields."""

    run: QualityRun
    figures: list[Figure]
    left_out: int
    """Items that did not fit into the context, so they count nowhere."""
    finished: bool
    items: list[ItemResult]
    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION


def quality_report(run: QualityRun, results: Sequence[ItemResult], finished: bool) -> QualityReport:
    """The report of what is done of a run."""
    left_out = sum(result.verdict == "does_not_fit" for result in results)
    return QualityReport(
        run=run, figures=figures_of(results), left_out=left_out, finished=finished, items=list(results)
    )


def grown_report(report: QualityReport, run: QualityRun, new: Sequence[ItemResult]) -> QualityReport:
    """Give the report with these results more. Only the figures of their kinds are computed anew."""
    items = [*report.items, *new]
    kinds = {result.kind for result in new}
    changed = figures_of([item for item in items if item.kind in kinds])
    figures = [*(figure for figure in report.figures if figure.kind not in kinds), *changed]
    return msgspec.structs.replace(
        report,
        run=run,
        figures=sorted(figures, key=lambda figure: KINDS.index(figure.kind)),
        left_out=report.left_out + sum(result.verdict == "does_not_fit" for result in new),
        items=items,
    )


def figures_of(results: Sequence[ItemResult]) -> list[Figure]:
    """The figures of all kinds that there are results of, in the order of `KINDS`."""
    found: list[Figure] = []
    for kind in KINDS:
        of_kind = [item for item in results if item.kind == kind and item.verdict != "does_not_fit"]
        if of_kind:
            found += _FIGURES[kind](of_kind)
    return found


def _perplexity(parts: Sequence[ItemResult]) -> Iterator[Figure]:
    n = int(sum(part.scores["scored_tokens"] for part in parts))
    if n < 2:
        return
    mean = sum(part.scores["nll"] for part in parts) / n
    variance = max(0.0, sum(part.scores["nll_squares"] for part in parts) / n - mean * mean)
    half = CONFIDENCE * math.sqrt(variance / (n - 1))
    low, high = math.exp(mean - half), math.exp(mean + half)
    yield Figure(
        key="perplexity",
        kind="perplexity",
        value=math.exp(mean),
        unit="",
        n=n,
        low=low,
        high=high,
        conclusive=high - low <= WIDEST_SPREAD * math.exp(mean),
    )


def _maths(items: Sequence[ItemResult]) -> Iterator[Figure]:
    right = [item for item in items if item.verdict == "right"]
    yield _share("pass_at_1", "maths", wilson(len(right), len(items)))
    if right:
        yield _mean("tokens_to_right", "maths", "tokens", [float(item.completion_tokens) for item in right])
        yield _mean("seconds_to_right", "maths", "s", [item.seconds for item in right])


def _dialogue(items: Sequence[ItemResult]) -> Iterator[Figure]:
    # An answer that never came has nothing in common with its reference.
    rouge = _mean("rouge_l", "dialogue", "", [item.scores.get("rouge_l", 0.0) for item in items])
    if rouge.low is not None and rouge.high is not None:
        # Few items make Student's interval wider than the score can be.
        rouge = msgspec.structs.replace(rouge, low=max(0.0, rouge.low), high=min(1.0, rouge.high))
    yield rouge
    # The turns of one item belong together, so it is items that are drawn anew.
    counts = [
        sum((bleu_counts(turn.expected, turn.answer) for turn in item.turns), BleuCounts()) for item in items
    ]
    bleu = sum(counts, BleuCounts()).score()
    turns = sum(len(item.turns) for item in items)
    found = Figure(key="bleu", kind="dialogue", value=bleu, unit="", n=turns)
    enough = len(items) >= FEWEST_DRAWN
    yield _bounded(found, bleu_interval(counts), WIDEST_SPREAD * bleu) if enough else found


def _retention(items: Sequence[ItemResult]) -> Iterator[Figure]:
    yield _share("recall", "retention", _right(items))
    for words in sorted({item.words for item in items})[:MOST_LENGTHS]:
        of_length = [item for item in items if item.words == words]
        yield _share(f"recall_{words}_words", "retention", _right(of_length))


def _intent(items: Sequence[ItemResult]) -> Iterator[Figure]:
    yield _share("accuracy", "intent", _right(items))
    answered = [item for item in items if item.turns]
    if not answered:
        return
    expected, found = [item.turns[0].expected for item in answered], [item.found for item in answered]
    f1 = Figure(key="macro_f1", kind="intent", value=macro_f1(expected, found), unit="", n=len(answered))
    enough = len(answered) >= FEWEST_DRAWN
    yield _bounded(f1, macro_f1_interval(expected, found), WIDEST_SHARE) if enough else f1


def _code(items: Sequence[ItemResult]) -> Iterator[Figure]:
    yield _share("tests_passed", "code", _right(items))
    valid = sum(item.scores.get("syntax", 0.0) > 0 for item in items)
    yield _share("valid_syntax", "code", wilson(valid, len(items)))
    lengths = [item.scores["length_ratio"] for item in items if "length_ratio" in item.scores]
    if lengths:
        yield _mean("length_ratio", "code", "", lengths)


_FIGURES = {
    "perplexity": _perplexity,
    "maths": _maths,
    "dialogue": _dialogue,
    "retention": _retention,
    "intent": _intent,
    "code": _code,
}


def _right(items: Sequence[ItemResult]) -> Share:
    return wilson(sum(item.verdict == "right" for item in items), len(items))


def _share(key: str, kind: Kind, share: Share) -> Figure:
    return Figure(
        key=key,
        kind=kind,
        value=share.share,
        unit="share",
        n=share.n,
        low=share.low,
        high=share.high,
        conclusive=share.is_conclusive,
    )


def _bounded(figure: Figure, interval: tuple[float, float], widest: float) -> Figure:
    low, high = interval
    return msgspec.structs.replace(figure, low=low, high=high, conclusive=high - low <= widest)


def _mean(key: str, kind: Kind, unit: str, values: Sequence[float]) -> Figure:
    summary = summarise(values)
    low, high = summary.low, summary.high
    conclusive = low is not None and high is not None and high - low <= WIDEST_SPREAD * abs(summary.mean)
    return Figure(
        key=key,
        kind=kind,
        value=summary.mean,
        unit=unit,
        n=summary.n,
        low=low,
        high=high,
        conclusive=conclusive,
    )
