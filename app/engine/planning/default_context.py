"""The context to choose where the user leaves it open. Pure."""

from app.engine.planning.file_shape import (
    DEFAULT_CONTEXT_TOKENS,
    HOST_USABLE_FRACTION,
    SMALLEST_CONTEXT_TOKENS,
)
from app.engine.planning.load_need import LoadNeed
from app.engine.protocol import KvType
from models.memory.memory_request import Demand


def choose_context(
    models: LoadNeed, *, sequences: int, batch_tokens: int, kv_type: KvType, host_free_bytes: int
) -> int:
    """Context tokens of each sequence.

    The largest power of two up to 16,384 with which the whole model still fits the graphics memory; where it
    does not fit anyway, with which everything stays within three quarters of the free host memory.
    Never less than 4,096 (or the model's limit), and never more than the model was trained for.
    """

    def demand(tokens: int) -> Demand:
        return Demand(tokens, sequences, batch_tokens, kv_type)

    def is_whole_on_devices(tokens: int) -> bool:
        return bool(models.devices) and models.layers_that_fit(demand(tokens)) == models.layers

    on_device = is_whole_on_devices(SMALLEST_CONTEXT_TOKENS)
    tokens = DEFAULT_CONTEXT_TOKENS
    while tokens > SMALLEST_CONTEXT_TOKENS:
        if on_device:
            fits = is_whole_on_devices(tokens)
        else:
            fits = models.need(demand(tokens)).ram.total <= host_free_bytes * HOST_USABLE_FRACTION
        if fits:
            break
        tokens //= 2
    return min(tokens, models.shape.context_limit or DEFAULT_CONTEXT_TOKENS)
