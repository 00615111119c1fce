"""Mean, deviation, confidence interval and the test that tells a change from noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

CONFIDENCE = 0.95

LARGEST_FREEDOM = 1e6
"""From there on Student's t is the normal distribution."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The summary of n repeats of one figure. `sd` is the sample deviation (n - 1); None where n is 1, and so
    are `low` and `high`, the ends of the 95% confidence interval of the mean (Student's t)."""

    n: int
    mean: float
    sd: float | None
    low: float | None
    high: float | None


def summarise(values: Sequence[float]) -> Summary:
    """The summary of at least one value."""
    n = len(values)
    mean = math.fsum(values) / n
    if n < 2:
        return Summary(n, mean, None, None, None)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = t_quantile(0.5 + CONFIDENCE / 2, n - 1) * sd / math.sqrt(n)
    return Summary(n, mean, sd, mean - half, mean + half)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of at least one value lie, between two neighbours in proportion."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p of several tests, made larger so that the chance of any mistake among them is what each says.

    Holm, Scandinavian Journal of Statistics 6 (1979), https://www.jstor.org/stable/4615733
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for place, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[index]))
        corrected[index] = largest
    return corrected


def welch_p(a: Sequence[float], b: Sequence[float], extra_error: float = 0.0) -> float:
    """The two-sided p of Welch's t-test: how likely a difference of the means like this one is when there
    is none. Each side needs two values. Without any scatter it is 1 for equal means and 0 for others.

    `extra_error` is a standard error of the difference that is known and that the values do not show.

    Welch, Biometrika 34 (1947), https://doi.org/10.1093/biomet/34.1-2.28
    """
    (n_a, mean_a, var_a), (n_b, mean_b, var_b) = _moments(a), _moments(b)
    error_a, error_b = var_a / n_a, var_b / n_b
    error = error_a + error_b + extra_error**2
    if error == 0:
        return 1.0 if mean_a == mean_b else 0.0
    shown = error_a**2 / (n_a - 1) + error_b**2 / (n_b - 1)
    freedom = min(LARGEST_FREEDOM, error**2 / shown) if shown else LARGEST_FREEDOM
    return 2 * (1 - t_cdf(abs(mean_a - mean_b) / math.sqrt(error), freedom))


def t_cdf(t: float, freedom: float) -> float:
    """Student's t distribution function, by DLMF 8.17 (https://dlmf.nist.gov/8.17)."""
    tail = 0.5 * incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))
    return 1 - tail if t > 0 else tail


@lru_cache(maxsize=256)
def t_quantile(p: float, freedom: float) -> float:
    """The t below which a share `p` (0.5 to 1) of the distribution lies, by bisection."""
    low, high = 0.0, 1.0
    while t_cdf(high, freedom) < p:
        high *= 2
    while high - low > 1e-10 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if t_cdf(middle, freedom) < p else (low, middle)
    return (low + high) / 2


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b): the continued fraction DLMF 8.17.22, evaluated
    by Lentz's method (https://dlmf.nist.gov/3.10#iii)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    front = math.exp(a * math.log(x) + b * math.log1p(-x) - log_beta) / a
    tiny = 1e-300
    fraction, c, d = 1.0, 1.0, 0.0
    for k in range(1000):
        m = k // 2
        if k == 0:
            term = 1.0
        elif k % 2 == 0:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / ((1 + term * d) or tiny)
        c = (1 + term / c) or tiny
        fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return front * (fraction - 1)


def _moments(values: Sequence[float]) -> tuple[int, float, float]:
    summary = summarise(values)
    if summary.sd is None:
        raise ValueError("Welch's test needs two values on each side")
    return summary.n, summary.mean, summary.sd**2


if TYPE_CHECKING:
    # Slow to load: the window's start does without.
    import numpy as np
    import numpy.typing as npt

DRAWS = 1000


def redrawn(n: int) -> "npt.NDArray[np.int64]":
    """Count how often each of `n` items is in each of `DRAWS` draws of n of them: (DRAWS, n), ever the same.

    A figure of each draw scatters as it would over other items of the same kind: the bootstrap.
    Efron, Annals of Statistics 7 (1979), https://doi.org/10.1214/aos/1176344552
    """
    import numpy as np

    return np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=DRAWS)


def middle(values: Sequence[float]) -> tuple[float, float]:
    """The ends of the middle 95% of at least one value."""
    return percentile(values, 50 * (1 - CONFIDENCE)), percentile(values, 50 * (1 + CONFIDENCE))
