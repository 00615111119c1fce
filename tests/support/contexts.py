"""A model and a context in this process, as the engine makes them, without the engine around them."""

import time
from collections.abc import Sequence
from pathlib import Path

from app.engine.llama.abort import AbortFlag
from app.engine.llama.backend import Backend
from app.engine.llama.context import DECODE_OK, Context
from app.engine.llama.model import Model
from app.engine.planning.load_plan import DRAFT_ROWS
from app.engine.protocol import FlashAttention, KvType


def load_model(
    backend: Backend, file: Path, *, mmap: bool = False, gpu_layers: int = 0, as_in_file: bool = False
) -> Model:
    """Load a file; its weights are copied unless they are to be mapped."""
    return Model(
        backend, file, gpu_layers=gpu_layers, mmap=mmap, on_progress=lambda _: True, as_in_file=as_in_file
    )


def make_context(
    backend: Backend,
    model: Model,
    context_tokens: int,
    *,
    threads: int,
    batch_tokens: int = 512,
    sequences: int = 1,
    draft_rows: int = DRAFT_ROWS,
    kv_type: KvType = "f16",
    flash_attention: FlashAttention = "on",
) -> Context:
    """Make a context, not yet warm, with so many tokens for each sequence."""
    return Context(
        backend,
        model,
        context_tokens=context_tokens,
        batch_tokens=batch_tokens,
        sequences=sequences,
        draft_rows=draft_rows,
        threads=threads,
        prompt_threads=threads,
        kv_type=kv_type,
        flash_attention=flash_attention,
        abort=AbortFlag(),
    )


def evaluate(context: Context, tokens: Sequence[int], position: int, outputs: int = 1) -> int:
    """Evaluate tokens in place of what was there from `position` on; the row of the first output."""
    context.remove(0, position)
    context.start_batch()
    last = context.add(list(tokens), position, 0, logits=outputs)
    assert context.decode() == DECODE_OK
    context.synchronize()
    return last - outputs + 1


def timed(context: Context, rows: int, position: int, outputs: int) -> float:
    """Evaluate some ordinary tokens in place of what was there; the seconds it took."""
    began_s = time.perf_counter()
    evaluate(context, range(500, 500 + rows), position, outputs)
    return time.perf_counter() - began_s
