"""The speed at which a reply reads weights here, by the steps of a small model made for that.

It has the shape of R1 Qwen 1.5B with fewer layers and tokens, and weights of zero: its file is a hole, and
what is computed takes as long as with any other weights.
"""

import math
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from app.engine.llama.abort import AbortFlag
from app.engine.llama.backend import Backend
from app.engine.llama.context import DECODE_OK, Context
from app.engine.llama.errors import NativeError
from app.engine.llama.model import Model
from converters.gguf.hollow_gguf import write_hollow_gguf
from models.catalogue.catalogue import CatalogueModel, find
from models.quantisation.file_size import file_bytes, weights_of

SHAPED_LIKE = "r1-qwen-1.5b"
LAYERS, VOCABULARY = 8, 32_768
"""So many that Q4_K_M takes more than the caches of desktop processors hold: 260 MB, and Q8_0 460."""

ROUNDS, ROUND_S = 3, 0.5
_CONTEXT_TOKENS = 512
_WARM_UP_STEPS = 3


def sample_model() -> CatalogueModel:
    """Return the model whose steps are taken."""
    model = find(SHAPED_LIKE)
    assert model is not None, SHAPED_LIKE
    shape = msgspec.structs.replace(model.shape, layers=LAYERS, vocabulary=VOCABULARY)
    return msgspec.structs.replace(model, shape=shape)


def sample_bytes(quantisations: Sequence[str]) -> int:
    """Return the memory that the weights of these samples take together."""
    shape = sample_model().shape
    return sum(file_bytes(shape, kind) for kind in quantisations)


def reply_bytes_per_s(
    backend: Backend, threads: int, quantisations: Sequence[str], *, round_s: float = ROUND_S
) -> list[float]:
    """Measure the bytes of weights per second that the steps of a reply read, in each of these types.

    They take turns, and of each the best round's usual step counts: where others share the memory it is slow
    for seconds at a time. Blocks for about four seconds with two types. Raises `OSError` where there is no
    room for a file, `NativeError` where one cannot be loaded.
    """
    with ExitStack() as stack:
        samples = [_Sample(backend, threads, kind, stack) for kind in quantisations]
        least_s = [math.inf] * len(samples)
        for _ in range(ROUNDS):
            least_s = [
                min(step_s, sample.step_s(round_s)) for step_s, sample in zip(least_s, samples, strict=True)
            ]
    return [sample.bytes / step_s for sample, step_s in zip(samples, least_s, strict=True)]


class _Sample:
    """The model in one type, loaded until `stack` is closed; `bytes` are what a step reads of it."""

    def __init__(self, backend: Backend, threads: int, quantisation: str, stack: ExitStack) -> None:
        model = sample_model()
        self.bytes = weights_of(model.shape, quantisation).read_per_token
        with tempfile.TemporaryDirectory(prefix="stillroom-") as folder:
            file = Path(folder) / "sample.gguf"
            write_hollow_gguf(file, model, quantisation, speaks=True)
            loaded = Model(backend, file, gpu_layers=0, mmap=False, on_progress=lambda _: True)
        stack.callback(loaded.free)
        self._context = Context(
            backend,
            loaded,
            context_tokens=_CONTEXT_TOKENS,
            batch_tokens=_CONTEXT_TOKENS,
            sequences=1,
            threads=threads,
            prompt_threads=threads,
            kv_type="f16",
            flash_attention="on",
            abort=AbortFlag(),
        )
        stack.callback(self._context.free)

    def step_s(self, lasts_s: float) -> float:
        """Return the median of the seconds that a step takes."""
        times_s: list[float] = []
        end_s = time.perf_counter() + lasts_s
        while len(times_s) <= _WARM_UP_STEPS or time.perf_counter() < end_s:
            position = len(times_s) % _CONTEXT_TOKENS
            began_s = time.perf_counter()
            self._context.remove(0, position)
            self._context.set_one(0, position, 0)
            if self._context.decode() != DECODE_OK:
                raise NativeError("a step failed")
            self._context.synchronize()
            times_s.append(time.perf_counter() - began_s)
        return statistics.median(times_s[_WARM_UP_STEPS:])
