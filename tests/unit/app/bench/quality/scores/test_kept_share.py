"""The part of right answers that is kept, with an interval that holds the truth as often as it says."""

import random

import pytest

from app.bench.quality.scores.kept_share import kept_share


def test_it_is_the_ratio_of_both_numbers_of_right_answers() -> None:
    kept = kept_share(480, 10, 6)
    assert kept is not None
    assert kept.share == pytest.approx(486 / 490)
    assert (round(kept.low, 3), round(kept.high, 3)) == (0.976, 1.008)


def test_it_is_what_statpsych_gives_for_its_example() -> None:
    """The `ci.ratio.prop.ps(.05, 12, 4, 26, 6)` of that R package, by Bonett himself."""
    kept = kept_share(6, 4, 26)
    assert kept is not None
    assert (kept.share, kept.low, kept.high) == pytest.approx((3.2, 1.766544, 5.796628), rel=1e-6)


def test_where_no_answer_changes_few_items_still_leave_it_open() -> None:
    few, many = kept_share(4, 0, 0), kept_share(400, 0, 0)
    assert few is not None
    assert many is not None
    assert few.low < 0.65
    assert many.low > 0.99


def test_the_other_way_round_it_is_the_reciprocal() -> None:
    one, other = kept_share(30, 5, 2), kept_share(30, 2, 5)
    assert one is not None
    assert other is not None
    assert one.low == pytest.approx(1 / other.high)
    assert one.high == pytest.approx(1 / other.low)


def test_of_nothing_right_nothing_can_be_kept() -> None:
    assert kept_share(0, 0, 7) is None
    lost = kept_share(0, 9, 0)
    assert lost is not None
    assert lost.share == lost.low == 0 < lost.high


@pytest.mark.parametrize(
    ("items", "both", "only_first", "only_second"), [(40, 0.7, 0.06, 0.04), (200, 0.8, 0.03, 0.01)]
)
def test_the_interval_holds_the_truth_in_95_of_100_draws(
    items: int, both: float, only_first: float, only_second: float
) -> None:
    rng = random.Random(1)
    truth = (both + only_second) / (both + only_first)
    outcomes = ("both", "first", "second", "neither")
    weights = (both, only_first, only_second, 1 - both - only_first - only_second)
    held = 0
    for _ in range(1000):
        drawn = rng.choices(outcomes, weights, k=items)
        kept = kept_share(*(drawn.count(outcome) for outcome in outcomes[:3]))
        held += kept is not None and kept.low <= truth <= kept.high
    assert 930 <= held <= 995
