"""Running whole chunks of text through a model, as llama.cpp's measuring tools do; one thread, one process.

llama.cpp ends the process on a failed assertion, so only a child does this (`app.acquire.measure_worker`).
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import numpy.typing as npt

from converters.gguf.gguf_reader import inspect
from converters.gguf.gguf_types import TYPE_NAMED
from converters.system.errors import BuildError

Floats = npt.NDArray[np.float32]

CONTEXT_TOKENS = 512
"""The length of a chunk, the default of llama-perplexity and llama-imatrix."""

_GPU_RESERVE_BYTES = 1 << 30
"""Memory that stays free on the graphics card for the computation and for other programs."""

_SAMPLE_TOKENS = 64

_DECODE_TOKENS = 32
_DECODE_S = 5.0
"""A model's speed in generation is that of 32 tokens, or of those that 5 seconds were enough for."""


AS_LLAMA_CPP = "STILLROOM_AS_LLAMA_CPP"
"""Read by our llama.cpp while it loads a model and for each attention."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Resources of the process: threads to use, a way to ask for free GPU memory, llama.cpp's last words."""

    threads: int
    gpu_free_bytes: Callable[[], int]
    reason: Callable[[], str]


@dataclass(frozen=True, slots=True)
class MeasuringText:
    """A text that models read, and its name."""

    data: bytes
    name: str


@dataclass(frozen=True, slots=True)
class Window:
    """The way of a text through a model: chunks of `tokens`, `sequences` of them at once, and logits for the
    tokens from `first_output` on. `on_tensor` is called for ggml's tensors (`cb_eval` of llama.h). With
    `own_weights` they are in memory of the process's own, as they are in the file, and may be changed. Keys
    and values are kept as `kv_type`."""

    first_output: int
    sequences: int = 1
    tokens: int = CONTEXT_TOKENS
    on_tensor: Callable[[int, bool], bool] | None = None
    own_weights: bool = False
    kv_type: str = "F16"


class Evaluation:
    """A loaded model and a context for chunks. Free it with `close`, or use it in a `with`.

    `streamed` leaves the weights in the file instead of copying any into memory, which is then read again for
    every batch. Raises `BuildError` with llama.cpp's reason where the model cannot be loaded.
    """

    def __init__(self, path: Path, machine: Machine, window: Window, *, streamed: bool = False) -> None:
        self.path = path
        self.streamed = streamed
        self.bytes = path.stat().st_size
        self.prompt_tokens = 0
        self.prompt_s = 0.0
        self._machine = machine
        self._window = window
        self._callback = _eval_callback(window.on_tensor)
        self._model: Any = None
        self._context: Any = None
        self._batch: Any = None
        gpu_layers = 0 if streamed else _gpu_layers(path, machine.gpu_free_bytes())
        if not self._load(gpu_layers, streamed) and not (gpu_layers and self._load(0, streamed)):
            raise self._not_loaded()
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        self.vocabulary = int(llama_cpp.llama_vocab_n_tokens(self._vocab))
        bos = int(llama_cpp.llama_vocab_bos(self._vocab))
        self._bos = bos if llama_cpp.llama_vocab_get_add_bos(self._vocab) else None
        self._batch = llama_cpp.llama_batch_init(window.tokens * window.sequences, 0, 1)

    def __enter__(self) -> "Evaluation":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the memory back."""
        if self._batch is not None:
            llama_cpp.llama_batch_free(self._batch)
        if self._context:
            llama_cpp.llama_free(self._context)
        if self._model:
            llama_cpp.llama_model_free(self._model)
        self._batch = self._context = self._model = None

    def tokenise(self, text: bytes) -> list[int]:
        """Return all tokens of UTF-8 `text`, with the vocabulary's BOS where it adds one."""
        capacity = len(text) + 8
        while True:
            buffer = (llama_cpp.llama_token * capacity)()
            count = llama_cpp.llama_tokenize(self._vocab, text, len(text), buffer, capacity, True, False)
            if count >= 0:
                return list(buffer[:count])
            capacity = -count

    def chunks(self, text: bytes) -> list[list[int]]:
        """Split `text` into whole chunks. Raises `BuildError` where it makes less than two."""
        tokens, length = self.tokenise(text), self._window.tokens
        if len(tokens) < 2 * length:
            raise BuildError(
                "The text is too short: it has {tokens} tokens, and {needed} are needed.",
                "Choose a longer text.",
                tokens=len(tokens),
                needed=2 * length,
            )
        return [tokens[start : start + length] for start in range(0, len(tokens) - length + 1, length)]

    def run(self, chunks: Sequence[Sequence[int]]) -> Iterator[Floats]:
        """Evaluate at most `sequences` chunks; each one's logits (tokens from `first_output` on, vocabulary).

        The logits are llama.cpp's own memory, good until the next call.
        """
        length, first = self._window.tokens, self._window.first_output
        rows = [(position, sequence) for sequence in range(len(chunks)) for position in range(length)]
        for row, (position, sequence) in enumerate(rows):
            token = chunks[sequence][position]
            if position == 0 and self._bos is not None:
                token = self._bos
            self._put(row, token, position, sequence, output=position >= first)
        started_s = time.monotonic()
        self._decode(len(rows), clear=True)
        self.prompt_s += time.monotonic() - started_s
        self.prompt_tokens += len(rows)
        for sequence in range(len(chunks)):
            yield self._logits(sequence * length + first, length - first)

    def chunk_s(self) -> float:
        """Estimate the time of a chunk by a few of its tokens: a first figure for people who wait."""
        for row in range(_SAMPLE_TOKENS):
            self._put(row, self._bos or 0, row, 0, output=row == 0)
        rounds = 1 if self.streamed else 2  # the first one fetches the weights from the disk
        for _ in range(rounds):
            started_s = time.monotonic()
            self._decode(_SAMPLE_TOKENS, clear=True)
            sample_s = time.monotonic() - started_s
        if self.streamed:
            return sample_s / self._window.sequences  # reading the file is all that counts
        return sample_s * self._window.tokens / _SAMPLE_TOKENS

    def decode_tok_per_s(self) -> float:
        """Measure the speed of generating token by token, after a chunk's first half."""
        position = self._window.tokens // 2
        token = self._bos or 0
        for row in range(position):
            self._put(row, token, row, 0, output=row == position - 1)
        self._decode(position, clear=True)
        started_s = time.monotonic()
        for number in range(1, _DECODE_TOKENS + 1):
            token = int(self._logits(0 if number > 1 else position - 1, 1).argmax())
            self._put(0, token, position, 0, output=True)
            self._decode(1, clear=False)
            position += 1
            elapsed_s = time.monotonic() - started_s
            if elapsed_s > _DECODE_S:
                break
        return number / elapsed_s

    def keep_cache_in(self, kv_type: str) -> None:
        """Keep keys and values as `kv_type` from now on; the weights stay where they are. Raises
        `BuildError` where llama.cpp has no such cache for this model."""
        self._window = replace(self._window, kv_type=kv_type)
        llama_cpp.llama_free(self._context)
        self._context = self._new_context()
        if not self._context:
            raise self._not_loaded()

    def _not_loaded(self) -> BuildError:
        return BuildError(
            "The model {file} cannot be loaded to be measured.",
            "The details are in the report; the memory may be too small.",
            native=self._machine.reason(),
            file=self.path.name,
        )

    def _load(self, gpu_layers: int, streamed: bool) -> bool:
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = gpu_layers
        own = self._window.own_weights
        params.load_mode = llama_cpp.LLAMA_LOAD_MODE_NONE if own else llama_cpp.LLAMA_LOAD_MODE_MMAP
        # Weights repacked for this processor would be a copy in memory.
        params.use_extra_bufts = not streamed and not own
        with _as_llama_cpp():
            self._model = llama_cpp.llama_model_load_from_file(os.fsencode(self.path), params)
        if not self._model:
            return False
        self._context = self._new_context()
        if not self._context:
            llama_cpp.llama_model_free(self._model)
            self._model = None
        return bool(self._context)

    def _new_context(self) -> Any:
        window = self._window
        size = window.tokens * window.sequences
        context = llama_cpp.llama_context_default_params()
        context.n_ctx = context.n_batch = size
        # A streamed file is read once for each micro-batch; short sequences go together for the same reason.
        context.n_ubatch = size if self.streamed or window.own_weights else window.tokens
        context.n_seq_max = window.sequences
        context.n_outputs_max = size - window.first_output * window.sequences
        context.n_threads = context.n_threads_batch = self._machine.threads
        context.type_k = context.type_v = TYPE_NAMED[window.kv_type].number
        context.no_perf = True
        if self._callback is not None:
            context.cb_eval = self._callback
        return llama_cpp.llama_init_from_model(self._model, context)

    def _put(self, row: int, token: int, position: int, sequence: int, *, output: bool) -> None:
        batch = self._batch
        batch.token[row] = token
        batch.pos[row] = position
        batch.n_seq_id[row] = 1
        batch.seq_id[row][0] = sequence
        batch.logits[row] = output

    def _decode(self, rows: int, *, clear: bool) -> None:
        self._batch.n_tokens = rows
        if clear:
            llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self._context), True)
        with _as_llama_cpp():
            failed = llama_cpp.llama_decode(self._context, self._batch)
            llama_cpp.llama_synchronize(self._context)
        if failed:
            raise BuildError(
                "The model {file} could not be evaluated (code {code}).",
                "The memory may be too small; the details are in the report.",
                native=self._machine.reason(),
                file=self.path.name,
                code=failed,
            )

    def _logits(self, row: int, count: int) -> Floats:
        start = llama_cpp.llama_get_logits_ith(self._context, row)
        return np.ctypeslib.as_array(start, (count, self.vocabulary))


@contextmanager
def _as_llama_cpp() -> Iterator[None]:
    """Add in llama.cpp's own order, which its tools measure with: rows of Q8_0 and Q6_K
    (packaging/engine/patches/interleaved_rows.h) where a model is loaded, attention (grouped_attention.cpp)
    where it is evaluated. `decode_tok_per_s` is a little less than in a reply."""
    before = os.environ.get(AS_LLAMA_CPP)
    os.environ[AS_LLAMA_CPP] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[AS_LLAMA_CPP]
        else:
            os.environ[AS_LLAMA_CPP] = before


def _eval_callback(on_tensor: Callable[[int, bool], bool] | None) -> Any:
    if on_tensor is None:
        return None
    return llama_cpp.ggml_backend_sched_eval_callback(lambda tensor, ask, _: on_tensor(tensor, ask))


def _gpu_layers(path: Path, free_bytes: int) -> int:
    """Estimate how many of the model's layers fit on the graphics card; the output counts as one."""
    summary = inspect(path)
    layers = summary.metadata.get(f"{summary.text('general.architecture')}.block_count")
    room = free_bytes - _GPU_RESERVE_BYTES
    if not isinstance(layers, int) or room <= 0:
        return 0
    return min(layers + 1, int((layers + 1) * room / summary.bytes))
