"""The part of a model's right answers that another one keeps, from the same questions."""

import math

import msgspec

from app.bench.quality.scores.wilson import Z_95


class KeptShare(msgspec.Struct, frozen=True, kw_only=True):
    """The ratio of two numbers of right answers to the same questions, with its 95% interval: above 1 where
    the second model has more of them."""

    share: float
    low: float
    high: float


def kept_share(both: int, only_first: int, only_second: int) -> KeptShare | None:
    """Return how many times as many right answers the second model has, by those that both have right and
    that only one has; None where the first has none.

    The interval is that of a ratio of proportions in pairs, which holds for few items and where hardly any
    answer changes: Bonett and Price, Statistics in Medicine 25 (2006), https://doi.org/10.1002/sim.2440
    """
    first, second, n = both + only_first, both + only_second, both + only_first + only_second
    if not first:
        return None
    joint = math.sqrt((only_first + only_second + 2) / ((first + 1) * (second + 1)))
    alone = [math.sqrt((1 - (right + 1) / (n + 2)) / (right + 1)) for right in (first, second)]
    z = Z_95 * joint / sum(alone)
    (first_low, first_high), (second_low, second_high) = (_limits(right, n, z) for right in (first, second))
    return KeptShare(share=second / first, low=second_low / first_high, high=second_high / first_low)


def _limits(right: int, n: int, z: float) -> tuple[float, float]:
    """Wilson's interval of `right` of `n` by the quantile `z`."""
    half = z * math.sqrt(z * z + 4 * right * (1 - right / n))
    middle, scale = 2 * right + z * z, 2 * (n + z * z)
    return (middle - half) / scale, (middle + half) / scale
