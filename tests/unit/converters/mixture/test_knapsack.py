"""The choice of a type for each tensor: the least cost that a size allows, checked against all choices."""

import itertools
import random

import pytest

from converters.mixture.knapsack import Chooser, Option


def random_options(rng: random.Random, tensors: int) -> list[list[Option]]:
    options = []
    for _ in range(tensors):
        blocks = rng.choice([16, 48, 160])
        options.append(
            [
                Option(f"Q{bits}", blocks * bits, rng.random() / 2**bits)
                for bits in rng.sample(range(2, 9), rng.randint(1, 4))
            ]
        )
    return options


@pytest.mark.parametrize("seed", range(8))
def test_no_other_choice_of_the_size_costs_less(seed: int) -> None:
    rng = random.Random(seed)
    options = random_options(rng, 5)
    chooser = Chooser(options)
    for _ in range(10):
        budget = rng.randint(chooser.least_bytes, chooser.most_bytes + 100)
        chosen = chooser.choose(budget)
        assert sum(option.bytes for option in chosen) <= budget
        least = min(
            sum(option.cost for option in other)
            for other in itertools.product(*options)
            if sum(option.bytes for option in other) <= budget
        )
        assert sum(option.cost for option in chosen) == pytest.approx(least, rel=1e-12)


def test_a_larger_file_never_costs_more() -> None:
    chooser = Chooser(random_options(random.Random(1), 40))
    sizes = range(chooser.least_bytes, chooser.most_bytes + 500, 97)
    costs = [sum(option.cost for option in chooser.choose(size)) for size in sizes]
    assert costs == sorted(costs, reverse=True)


def test_the_choice_is_the_same_each_time() -> None:
    options = random_options(random.Random(2), 30)
    one, other = Chooser(options), Chooser(options)
    size = (one.least_bytes + one.most_bytes) // 2
    assert one.choose(size) == one.choose(size) == other.choose(size)


def chain(options: list[list[Option]]) -> list[tuple[int, float]]:
    """Bytes and cost of the ever better choices, the smallest first, out of all that there are."""
    found: list[tuple[int, float]] = []
    for size, cost in sorted(
        (sum(option.bytes for option in every), sum(option.cost for option in every))
        for every in itertools.product(*options)
    ):
        if not found or cost < found[-1][1] * (1 - 1e-12):
            found.append((size, cost))
    return found


def nearest(points: list[tuple[int, float]], asked: int, tolerance: float) -> tuple[int, float] | None:
    """The choice of the rule, read off the whole chain."""
    within = [point for point in points if point[0] <= asked]
    above = [point for point in points if asked < point[0] <= asked * (1 + tolerance)]
    if within and (not above or within[-1][0] >= asked * (1 - tolerance)):
        return within[-1]
    return above[0] if above else None


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("tolerance", [0.003, 0.03])
def test_the_nearest_is_the_best_within_or_the_next_of_all_choices(seed: int, tolerance: float) -> None:
    options = random_options(random.Random(seed), 5)
    chooser, points = Chooser(options), chain(options)
    costs = []
    for asked in range(int(chooser.least_bytes * 0.9), chooser.most_bytes + 100):
        right = nearest(points, asked, tolerance)
        if right is None:
            with pytest.raises(ValueError, match="are the least"):
                chooser.choose_near(asked, tolerance)
            continue
        chosen = chooser.choose_near(asked, tolerance)
        cost = sum(option.cost for option in chosen)
        assert (sum(option.bytes for option in chosen), cost) == (
            right[0],
            pytest.approx(right[1], rel=1e-12),
        )
        costs.append(cost)
    assert costs == sorted(costs, reverse=True)


def test_of_two_choices_that_cost_the_same_the_smaller_one_is_taken() -> None:
    one = [Option("Q4", 40, 2.0), Option("Q5", 50, 1.0)]
    other = [Option("Q4", 40, 2.0), Option("Q5", 45, 1.0)]
    for options in ([one, other], [other, one]):
        assert sum(option.bytes for option in Chooser(options).choose(94)) == 85


def test_a_size_below_the_smallest_is_refused() -> None:
    chooser = Chooser(random_options(random.Random(3), 4))
    with pytest.raises(ValueError, match="are the least"):
        chooser.choose(chooser.least_bytes - 1)


def test_a_larger_type_that_is_no_better_is_never_taken() -> None:
    chooser = Chooser([[Option("Q4", 4, 1.0), Option("Q5", 5, 1.0), Option("Q6", 6, 2.0)]])
    assert [option.type for option in chooser.choose(100)] == ["Q4"]
    assert chooser.most_bytes == 4
