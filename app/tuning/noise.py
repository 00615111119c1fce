"""Whether one speed is more than another, or only noise. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

LEAST_GAIN = 0.03
"""Less is not worth leaving the default for."""

NOISE_FACTOR = 2.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """`gain` of a candidate over what was best, by the medians; `noise` is half the range of the repeats of
    the side that scatters more, relative to its median."""

    gain: float
    noise: float

    def is_clear(self, least: float = LEAST_GAIN) -> bool:
        """The gain is `least` at least, and clearly more than the noise."""
        return self.gain >= least and self.gain >= NOISE_FACTOR * self.noise


def compare(candidate: Sequence[float], best: Sequence[float]) -> Comparison:
    """Two lists of speeds, one at least in each; a single one tells nothing of its noise."""
    gain = median(candidate) / median(best) - 1
    halves = [(max(values) - min(values)) / 2 / median(values) for values in (candidate, best)]
    return Comparison(gain, max(halves))
