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


def test_a_size_below_the_smallest_is_refused() -> None:
    chooser = Chooser(random_options(random.Random(3), 4))
    with pytest.raises(ValueError, match="are the least"):
        chooser.choose(chooser.least_bytes - 1)


def test_a_larger_type_that_is_no_better_is_never_taken() -> None:
    chooser = Chooser([[Option("Q4", 4, 1.0), Option("Q5", 5, 1.0), Option("Q6", 6, 2.0)]])
    assert [option.type for option in chooser.choose(100)] == ["Q4"]
    assert chooser.most_bytes == 4
