"""Measure how far a model's predictions are from another's, as llama-perplexity --kl-divergence does.

llama.cpp keeps the base model's log-probabilities as 16-bit steps over at most 16 nats; the same is done
here, so that the figures agree and a chunk takes half the memory.
Formulas: https://github.com/ggml-org/llama.cpp/blob/master/tools/perplexity/perplexity.cpp
"""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_FLOOR_NATS = np.float32(16)
_STEPS = np.float32(65535)
_ROWS = 8
"""Rows of logits that are worked on at once in each thread: enough for numpy, few enough for the cache."""


@dataclass(frozen=True, slots=True)
class BasePredictions:
    """Log-probabilities of the base model: `scale * steps + least` in each row, a row a token."""

    steps: npt.NDArray[np.uint16]
    scale: Floats
    least: Floats


@dataclass(slots=True)
class Scores:
    """One figure a scored token, in the text's order."""

    nll: list[Floats] = field(default_factory=list)
    base_nll: list[Floats] = field(default_factory=list)
    kld: list[Doubles] = field(default_factory=list)
    same_top: list[npt.NDArray[np.bool_]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Divergence:
    """The statistics of `Scores`, as `Quality` has them."""

    scored_tokens: int
    perplexity: float
    perplexity_error: float
    reference_perplexity: float
    reference_perplexity_error: float
    log_ratio: float
    log_ratio_error: float
    kld_mean: float
    kld_mean_error: float
    kld_median: float
    kld_p99: float
    kld_max: float
    same_top: float
    same_top_error: float


class Comparer:
    """Compresses and compares logits, with `threads` of its own; numpy leaves the interpreter meanwhile."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "divergence")

    def compress(self, logits: Floats) -> BasePredictions:
        """Compress the base model's `logits` (tokens, vocabulary) to keep them."""
        rows, vocabulary = logits.shape
        kept = BasePredictions(
            np.empty((rows, vocabulary), np.uint16), np.empty(rows, np.float32), np.empty(rows, np.float32)
        )
        list(self._pool.map(lambda part: _compress(logits, kept, part), _parts(rows)))
        return kept

    def compare(self, logits: Floats, base: BasePredictions, tokens: Sequence[int], scores: Scores) -> None:
        """Add the scores of predicting `tokens` with `logits` (tokens, vocabulary) to `scores`."""
        wanted = np.asarray(tokens, np.int64)
        parts = list(self._pool.map(lambda part: _compare(logits, base, wanted, part), _parts(len(logits))))
        nll, base_nll, kld, same_top = zip(*parts, strict=True)
        scores.nll.append(np.concatenate(nll))
        scores.base_nll.append(np.concatenate(base_nll))
        scores.kld.append(np.concatenate(kld))
        scores.same_top.append(np.concatenate(same_top))


def summarise(scores: Scores) -> Divergence:
    """Compute the statistics of all scored tokens."""
    nll = np.concatenate(scores.nll).astype(np.float64)
    base_nll = np.concatenate(scores.base_nll).astype(np.float64)
    kld = np.concatenate(scores.kld)
    same_top = float(np.concatenate(scores.same_top).mean())
    count = len(nll)
    mean, error = _mean(nll)
    base_mean, base_error = _mean(base_nll)
    kld_mean, kld_error = _mean(kld)
    # The two models read the same tokens: what makes both err alike drops out of the ratio.
    covariance = (float(np.mean(nll * base_nll)) - mean * base_mean) / max(1, count - 1)
    sorted_kld = np.sort(kld.astype(np.float32))
    return Divergence(
        scored_tokens=count,
        perplexity=math.exp(mean),
        perplexity_error=math.exp(mean) * error,
        reference_perplexity=math.exp(base_mean),
        reference_perplexity_error=math.exp(base_mean) * base_error,
        log_ratio=mean - base_mean,
        log_ratio_error=math.sqrt(max(0.0, error**2 + base_error**2 - 2 * covariance)),
        kld_mean=kld_mean,
        kld_mean_error=kld_error,
        kld_median=float(np.median(sorted_kld)),
        kld_p99=_percentile(sorted_kld, 0.99),
        kld_max=float(sorted_kld[-1]),
        same_top=same_top,
        same_top_error=math.sqrt(same_top * (1 - same_top) / max(1, count - 1)),
    )


def _parts(rows: int) -> list[slice]:
    return [slice(start, min(start + _ROWS, rows)) for start in range(0, rows, _ROWS)]


def _log_sum(logits: Floats, most: Floats) -> Floats:
    """Compute the logarithm of the sum of exponentials above each row's largest logit."""
    sums: Doubles = np.exp(logits - most[:, None]).sum(axis=1, dtype=np.float64)
    return np.log(sums).astype(np.float32)


def _compress(logits: Floats, kept: BasePredictions, part: slice) -> None:
    rows = logits[part]
    most = rows.max(axis=1)
    least = np.maximum(rows.min(axis=1), most - _FLOOR_NATS)
    kept.least[part] = least - most - _log_sum(rows, most)
    scale = kept.scale[part] = (most - least) / _STEPS
    with np.errstate(divide="ignore", invalid="ignore"):
        above = np.float32(1) / scale[:, None] * (rows - least[:, None])
    np.rint(above, out=above)
    above[~(rows > least[:, None])] = 0
    kept.steps[part] = above


def _compare(
    logits: Floats, base: BasePredictions, tokens: npt.NDArray[np.int64], part: slice
) -> tuple[Floats, Floats, Doubles, npt.NDArray[np.bool_]]:
    rows, steps, wanted = logits[part], base.steps[part], tokens[part, None]
    most = rows.max(axis=1)
    log_sum = most + _log_sum(rows, most)
    nll = log_sum - np.take_along_axis(rows, wanted, 1)[:, 0]
    base_logs = base.scale[part, None] * steps.astype(np.float32) + base.least[part, None]
    base_nll = -np.take_along_axis(base_logs, wanted, 1)[:, 0]
    shares = np.exp(base_logs)
    shares[base_logs <= -_FLOOR_NATS] = 0
    base_logs -= rows
    base_logs += log_sum[:, None]
    base_logs *= shares
    return (
        nll,
        base_nll,
        base_logs.sum(axis=1, dtype=np.float64),
        rows.argmax(axis=1) == steps.argmax(axis=1),
    )


def _mean(values: Doubles) -> tuple[float, float]:
    """Return the mean and its standard error."""
    mean = float(values.mean())
    spread = float(np.mean(values * values)) - mean * mean
    return mean, math.sqrt(spread / (len(values) - 1)) if spread > 0 and len(values) > 10 else 0.0


def _percentile(ordered: Floats, fraction: float) -> float:
    place = fraction * (len(ordered) - 1)
    below = int(place)
    share = place - below
    above = min(below + 1, len(ordered) - 1)
    return float((1 - share) * ordered[below] + share * ordered[above])
