"""Compare answers and speed with the baseline: which have moved, where they part, and since when."""

import math
from collections.abc import Sequence
from itertools import takewhile
from typing import Literal

import msgspec

from app.bench.drift.golden import GoldenAnswer, GoldenRun
from app.bench.quality.scores.rouge import rouge_l
from app.bench.results.report import Sample, measure_of
from app.bench.results.run_difference import change_of
from app.bench.run.disturbances import BUSY_PERCENT

NOISE_FLOOR = 1e-3
"""Log probabilities that differ by less are the same: the last bits of sums made in another order."""

NOISE_FACTOR = 10.0

RUN_DEVIATION = 0.05
SMALLEST_CHANGE = 0.1
"""Some dozens of tokens tell no smaller change of speed from what a computer does anyway."""

Answers = Literal["same", "shifted", "moved"]
"""`shifted`: the same tokens, but less or more likely ones than before; `moved`: other tokens."""

Speed = Literal["same", "faster", "slower", "not_conclusive"]


class ItemDrift(msgspec.Struct, frozen=True, kw_only=True):
    """One answer beside the baseline's. `first_difference` is the place of the first other token, counted
    from 0, None where all are the same; `same_share` is the share of places with the same token;
    `logprob_change` the largest change of log probability before the answers part."""

    id: str
    question: str
    before: str
    now: str
    first_difference: int | None
    same_share: float
    rouge_l: float
    logprob_change: float


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not as it was with the baseline."""

    field: str
    before: str
    now: str


class DriftReport(msgspec.Struct, frozen=True, kw_only=True):
    """The newest run against its baseline. `since` is when a change was first seen, `last_same` the newest
    run before it that was as the baseline; both ISO 8601 in UTC, empty where there is none."""

    run_id: str
    model: str
    quantisation: str
    is_first: bool
    """It has become the baseline itself: there was nothing to compare it with."""
    started_at: str
    baseline_at: str
    answers: Answers
    speed: Speed
    decode_change_percent: float
    prompt_change_percent: float
    tolerance: float
    items: list[ItemDrift]
    differences: list[Difference]
    since: str = ""
    last_same: str = ""
    schema: str = "stillroom.drift"
    schema_version: int = 1

    @property
    def has_moved(self) -> bool:
        """Tell whether an answer or the speed has changed, or nothing can be told as the questions have."""
        return not self.items or self.answers != "same" or self.speed in ("faster", "slower")

    @property
    def moved_items(self) -> list[ItemDrift]:
        """The answers with other tokens."""
        return [item for item in self.items if item.first_difference is not None]


def compare_golden(baseline: GoldenRun, earlier: Sequence[GoldenRun], now: GoldenRun) -> DriftReport:
    """`now` against `baseline`; `earlier` are the runs between them, oldest first."""
    items = [item_drift(old, new) for old, new in _pairs(baseline, now)]
    tolerance = max(NOISE_FLOOR, NOISE_FACTOR * baseline.noise)
    answers = _answers(items, tolerance)
    decode, decode_percent = _speed(baseline, now, "decode_tok_per_s")
    prompt, prompt_percent = _speed(baseline, now, "prompt_tok_per_s")
    since, last_same = now.started_at if answers != "same" else "", baseline.started_at
    for run in reversed(earlier):
        if answers == "same" or run.is_baseline:
            break
        if _answers([item_drift(old, new) for old, new in _pairs(baseline, run)], tolerance) == "same":
            last_same = run.started_at
            break
        since = run.started_at
    return DriftReport(
        run_id=now.id,
        model=now.name,
        quantisation=now.circumstances.quantisation,
        is_first=now.is_baseline,
        started_at=now.started_at,
        baseline_at=baseline.started_at,
        answers=answers,
        speed=decode if decode != "same" else prompt,
        decode_change_percent=decode_percent,
        prompt_change_percent=prompt_percent,
        tolerance=tolerance,
        items=items,
        differences=[
            Difference(field=field, before=before, now=after)
            for field, before, after in baseline.circumstances.differences(now.circumstances)
        ],
        since=since,
        last_same=last_same if answers != "same" else "",
    )


def runs_between(history: Sequence[GoldenRun], now: GoldenRun) -> list[GoldenRun]:
    """The runs of a baseline's history after it and before `now`."""
    return list(takewhile(lambda run: run.id != now.id, history[1:]))


def item_drift(before: GoldenAnswer, now: GoldenAnswer) -> ItemDrift:
    """One answer beside the one of before."""
    longest = max(len(before.tokens), len(now.tokens), 1)
    same = [one == other for one, other in zip(before.tokens, now.tokens, strict=False)]
    shared = same.index(False) if False in same else len(same)
    differs = shared < longest and (len(before.tokens) != len(now.tokens) or False in same)
    changes = [
        abs(one - other)
        for one, other in zip(before.logprobs[:shared], now.logprobs[:shared], strict=False)
        if math.isfinite(one) and math.isfinite(other)
    ]
    return ItemDrift(
        id=now.id,
        question=now.question,
        before=before.text,
        now=now.text,
        first_difference=shared if differs else None,
        same_share=sum(same) / longest if differs else 1.0,
        rouge_l=rouge_l(before.text, now.text).f1 if before.text != now.text else 1.0,
        logprob_change=max(changes, default=0.0),
    )


def largest_change(one: Sequence[GoldenAnswer], other: Sequence[GoldenAnswer]) -> float:
    """The largest change of log probability between two passes over the same questions."""
    return max((item_drift(a, b).logprob_change for a, b in zip(one, other, strict=True)), default=0.0)


def _pairs(baseline: GoldenRun, now: GoldenRun) -> list[tuple[GoldenAnswer, GoldenAnswer]]:
    known = {answer.id: answer for answer in baseline.answers}
    return [
        (known[answer.id], answer)
        for answer in now.answers
        if answer.id in known and known[answer.id].question == answer.question
    ]


def _answers(items: Sequence[ItemDrift], tolerance: float) -> Answers:
    if any(item.first_difference is not None for item in items):
        return "moved"
    return "shifted" if any(item.logprob_change > tolerance for item in items) else "same"


def _speed(baseline: GoldenRun, now: GoldenRun, field: str) -> tuple[Speed, float]:
    pairs = _pairs(baseline, now)
    if len(pairs) < 2:
        return "not_conclusive", 0.0
    before, after = (
        measure_of(field, "tok/s", [Sample(value=getattr(pair[place], field)) for pair in pairs])
        for place in (0, 1)
    )
    change = change_of(before, after, RUN_DEVIATION)
    busy = any(
        sum(answer.others_cpu_percent >= BUSY_PERCENT for answer in run.answers) > len(run.answers) // 4
        for run in (baseline, now)
    )
    if busy or change.verdict in ("not_conclusive", "too_few"):
        return "not_conclusive", change.change_percent
    if change.verdict == "noise" or abs(change.change_percent) < 100 * SMALLEST_CHANGE:
        return "same", change.change_percent
    return ("faster" if change.change_percent > 0 else "slower"), change.change_percent
