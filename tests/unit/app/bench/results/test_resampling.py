import random

import pytest

from app.bench.results.statistics import DRAWS, middle, redrawn, summarise


def test_draws_anew_are_of_as_many_items_and_ever_the_same() -> None:
    draws = redrawn(7)
    assert draws.shape == (DRAWS, 7)
    assert (draws.sum(axis=1) == 7).all()
    assert (draws == redrawn(7)).all()


def test_the_middle_of_the_draws_of_a_mean_is_students_interval_of_many_values() -> None:
    rng = random.Random(3)
    values = [rng.gauss(10, 2) for _ in range(400)]
    means = (redrawn(len(values)) @ values / len(values)).tolist()
    summary = summarise(values)
    assert middle(means) == pytest.approx((summary.low, summary.high), abs=0.05)
