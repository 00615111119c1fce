"""The sizes from the smallest to the best file of a model, and what to expect of each."""

import math
from collections.abc import Sequence
from itertools import pairwise

from models.quantisation.file_size import file_bytes
from models.quantisation.model_shape import ModelShape
from models.quantisation.quantisation_loss import PUBLISHED_LOSS_PERCENT

LEAST_TENTHS, MOST_TENTHS = 30, 85
"""Bits a weight, in tenths: below three no small model stays usable, and Q8_0 takes eight and a half."""
LEAST_BITS, MOST_BITS = LEAST_TENTHS / 10, MOST_TENTHS / 10
BITS_TOLERANCE = 0.003
"""The part by which a file may have more bits a weight than were asked for, where it would have fewer by more
than that otherwise."""


def file_sizes(shape: ModelShape) -> list[int]:
    """Return the bytes of files from 3.0 to 8.5 bits a weight in steps of a tenth, the smallest first."""
    best = file_bytes(shape, "Q8_0")
    beside_weights = best - MOST_TENTHS * shape.parameters // 80
    return [
        tenths * shape.parameters // 80 + beside_weights for tenths in range(LEAST_TENTHS, MOST_TENTHS + 1)
    ]


def bits_per_weight(shape: ModelShape, size_bytes: int) -> float:
    """Return how many bits a weight takes on average in a file of this size."""
    sizes = file_sizes(shape)
    return LEAST_BITS + 8 * (size_bytes - sizes[0]) / shape.parameters


def expected_loss_percent(shape: ModelShape, size_bytes: int) -> float | None:
    """Estimate how much the perplexity grows in a file of this size, by the published figures of the types
    around it; None below the smallest of them.

    A type that loses more than a smaller one does not count. What is chosen by measurement loses less.
    """
    points = _published(shape)
    if size_bytes < points[0][0]:
        return None
    for (less, worse), (more, better) in pairwise(points):
        if size_bytes <= more:
            part = (size_bytes - less) / (more - less)
            return math.exp((1 - part) * math.log(worse) + part * math.log(better))
    return points[-1][1]


def _published(shape: ModelShape) -> Sequence[tuple[int, float]]:
    """Return size and loss of each published type, both without a step back."""
    kept: list[tuple[int, float]] = []
    for size, loss in sorted(
        (file_bytes(shape, kind), loss) for kind, loss in PUBLISHED_LOSS_PERCENT.items()
    ):
        if not kept or loss < kept[-1][1]:
            kept.append((size, loss))
    return kept
