"""The confidence interval of a share of right answers."""

import math
from dataclasses import dataclass

Z_95 = 1.959963984540054

WIDEST_SHARE = 0.2
"""An interval that is wider than this to both sides together decides nothing between two models."""


@dataclass(frozen=True, slots=True)
class Share:
    """`right` of `n`, with the 95% confidence interval of Wilson, which holds for few items and near 0 and 1.

    Wilson, J. Am. Stat. Assoc. 22 (1927), https://doi.org/10.1080/01621459.1927.10502953
    """

    right: int
    n: int
    share: float
    low: float
    high: float

    @property
    def is_conclusive(self) -> bool:
        """Tell whether the interval is narrow enough to tell models apart."""
        return self.n > 0 and self.high - self.low <= WIDEST_SHARE


def wilson(right: int, n: int) -> Share:
    """The share of right answers; without any item it is 0, and may be anything."""
    if n == 0:
        return Share(0, 0, 0.0, 0.0, 1.0)
    share, square = right / n, Z_95**2
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = Z_95 / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return Share(right, n, share, max(0.0, centre - half), min(1.0, centre + half))
