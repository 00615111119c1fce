"""The interval of a figure that is no mean, by drawing its items anew."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.bench.results.statistics import CONFIDENCE, percentile

if TYPE_CHECKING:
    # Slow to load: the window's start does without.
    import numpy as np
    import numpy.typing as npt

DRAWS = 1000


def redrawn(n: int) -> "npt.NDArray[np.int64]":
    """How often each of `n` items is in each of `DRAWS` draws of n of them, shape (DRAWS, n), ever the same.

    A figure of each draw scatters as it would over other items of the same kind: the bootstrap.
    Efron, Annals of Statistics 7 (1979), https://doi.org/10.1214/aos/1176344552
    """
    import numpy as np

    return np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=DRAWS)


def middle(values: Sequence[float]) -> tuple[float, float]:
    """The ends of the middle 95% of at least one value."""
    return percentile(values, 50 * (1 - CONFIDENCE)), percentile(values, 50 * (1 + CONFIDENCE))
