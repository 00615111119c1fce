"""The size of file that a model may have to fit this computer, by the plan of its load."""

import msgspec

from app.engine.planning.memory_estimate import planned_fit, shape_of
from app.engine.protocol import LoadSettings
from models.memory.fit import Fit, Memory, Verdict
from models.quantisation.model_shape import ModelShape
from models.quantisation.weights import Weights

_LEAST_BITS, _MOST_BITS = 2.6, 8.5
"""Bits a weight of the smallest and of the largest type that files are made of."""

_EXACT_BYTES = 1 << 20


def largest_fitting_bytes(
    shape: ModelShape, spread: Weights, context_limit: int, asked: LoadSettings, memory: Memory
) -> int:
    """Return the most bytes that a file of this `shape` may take to be loaded as `asked`: whole on the
    graphics cards where the smallest one goes there, else in memory. 0 where not even the smallest fits.

    `spread` are the weights of any type, as which the bytes are spread over the layers. Pure.
    """

    def fit(size: int) -> Fit:
        return planned_fit(asked, shape_of(shape, _scaled(spread, size), context_limit), "", memory)

    least, most = (int(shape.parameters * bits / 8) for bits in (_LEAST_BITS, _MOST_BITS))
    wanted = fit(least).verdict
    if wanted is Verdict.TOO_LARGE:
        return 0
    while most - least > _EXACT_BYTES:
        middle = (least + most) // 2
        verdict = fit(middle).verdict
        if verdict is wanted or (wanted is Verdict.PARTLY and verdict is Verdict.RAM):
            least = middle
        else:
            most = middle
    return least


def fitting_by_cache(
    shape: ModelShape, spread: Weights, context_limit: int, asked: LoadSettings, memory: Memory
) -> tuple[int, int]:
    """Return `largest_fitting_bytes` with a KV cache in f16, and what a file may take with one in q8_0: 0
    where that is not more, or where the user has chosen the cache, which then holds."""
    if asked.kv_type != "auto" or asked.flash_attention == "off":
        return largest_fitting_bytes(shape, spread, context_limit, asked, memory), 0
    wide, small = (
        largest_fitting_bytes(
            shape, spread, context_limit, msgspec.structs.replace(asked, kv_type=kind), memory
        )
        for kind in ("f16", "q8_0")
    )
    return wide, small if small > wide else 0


def with_context(settings: LoadSettings, context_tokens: int) -> LoadSettings:
    """Return the settings of one reply at a time with so many tokens of context; 0 leaves them as they
    are."""
    if not context_tokens:
        return settings
    return msgspec.structs.replace(settings, context_tokens=context_tokens, sequences=1)


def _scaled(weights: Weights, size: int) -> Weights:
    by = size / weights.total
    return Weights(
        tuple(int(layer * by) for layer in weights.layers),
        int(weights.output * by),
        int(weights.embedding * by),
        weights.tied,
        weights.table_type,
    )
