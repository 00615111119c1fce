"""Against closed forms and the printed tables of Student's t."""

import math
import random

import pytest

from app.bench.results.statistics import (
    holm,
    incomplete_beta,
    percentile,
    summarise,
    t_cdf,
    t_quantile,
    welch_p,
)


@pytest.mark.parametrize("t", [-3.0, -0.4, 0.0, 0.7, 2.5, 40.0])
def test_t_cdf_has_its_closed_forms(t: float) -> None:
    assert t_cdf(t, 1) == pytest.approx(0.5 + math.atan(t) / math.pi, abs=1e-12)
    assert t_cdf(t, 2) == pytest.approx(0.5 + t / (2 * math.sqrt(2 + t * t)), abs=1e-12)


@pytest.mark.parametrize(
    ("freedom", "p", "t"),
    [
        (1, 0.975, 12.7062047),
        (2, 0.975, 4.3026527),
        (3, 0.975, 3.1824463),
        (5, 0.995, 4.0321430),
        (10, 0.975, 2.2281389),
        (120, 0.975, 1.9799304),
    ],
)
def test_t_quantile_equals_the_tables(freedom: float, p: float, t: float) -> None:
    assert t_quantile(p, freedom) == pytest.approx(t, abs=1e-6)


def test_incomplete_beta_of_whole_numbers_is_a_binomial_tail() -> None:
    x, n, k = 0.3, 9, 4
    tail = sum(math.comb(n, j) * x**j * (1 - x) ** (n - j) for j in range(k, n + 1))
    assert incomplete_beta(k, n - k + 1, x) == pytest.approx(tail, abs=1e-13)
    assert (incomplete_beta(2, 3, 0.0), incomplete_beta(2, 3, 1.0)) == (0.0, 1.0)


def test_summary_of_three_repeats() -> None:
    summary = summarise([57.0, 58.0, 59.0])
    assert (summary.n, summary.mean, summary.sd) == (3, 58.0, 1.0)
    assert summary.low == pytest.approx(58 - 4.3026527 / math.sqrt(3))
    assert summary.high == pytest.approx(58 + 4.3026527 / math.sqrt(3))


def test_one_value_has_no_deviation() -> None:
    summary = summarise([5.0])
    assert (summary.mean, summary.sd, summary.low, summary.high) == (5.0, None, None, None)


def test_welch_with_equal_sizes_and_scatter_is_students_test() -> None:
    # Means 1 and 4, variance 1 each, n 3: t = 3 / sqrt(2/3) with 4 degrees of freedom.
    p = welch_p([0.0, 1.0, 2.0], [3.0, 4.0, 5.0])
    assert p == pytest.approx(2 * (1 - t_cdf(3 / math.sqrt(2 / 3), 4)))
    assert welch_p([3.0, 4.0, 5.0], [0.0, 1.0, 2.0]) == pytest.approx(p)


def test_welch_without_scatter_sees_any_difference() -> None:
    assert welch_p([2.0, 2.0], [2.0, 2.0]) == 1.0
    assert welch_p([2.0, 2.0], [3.0, 3.0]) == 0.0


def test_welch_needs_two_values_a_side() -> None:
    with pytest.raises(ValueError, match="two values"):
        welch_p([1.0], [1.0, 2.0])


def test_welch_calls_equal_things_different_about_as_often_as_it_says() -> None:
    draw = random.Random(1)
    trials = 2000
    called = sum(
        welch_p([draw.gauss(50, 1) for _ in range(3)], [draw.gauss(50, 1) for _ in range(3)]) < 0.05
        for _ in range(trials)
    )
    # Welch is conservative at n = 3: about 3.5 of 100.
    assert 0.02 < called / trials < 0.055


def test_holm_corrects_as_in_the_textbook() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_an_error_that_is_known_makes_a_difference_likelier_by_chance() -> None:
    a, b = [58.0, 58.4, 58.8], [59.5, 59.9, 60.3]
    assert welch_p(a, b) < 0.05 < welch_p(a, b, extra_error=1.0)
    # Nothing but the known error: the normal distribution.
    assert welch_p([1.0, 1.0], [2.96, 2.96], extra_error=1.0) == pytest.approx(0.05, abs=1e-3)


@pytest.mark.parametrize(("percent", "value"), [(0, 1.0), (50, 3.0), (95, 4.8), (100, 5.0)])
def test_percentiles_lie_between_neighbours(percent: float, value: float) -> None:
    assert percentile([5.0, 1.0, 3.0, 2.0, 4.0], percent) == pytest.approx(value)
