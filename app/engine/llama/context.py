"""A KV cache with its compute buffers and its batch."""

import ctypes
import hashlib
import time
from collections.abc import Sequence
from typing import Any

import llama_cpp
import numpy as np
import numpy.typing as npt

from app.engine.llama.abort import AbortFlag
from app.engine.llama.backend import Backend
from app.engine.llama.batch import Batch
from app.engine.llama.errors import NativeError
from app.engine.llama.model import Model
from app.engine.planning.rope_scaling import Yarn
from app.engine.protocol import FlashAttention, KvType, Pooling
from models.memory.memory_request import whole_lines

DECODE_OK, DECODE_NO_SLOT, DECODE_ABORTED, DECODE_NO_MEMORY = 0, 1, 2, -2

_KV_TYPES: dict[KvType, int] = {
    "f16": llama_cpp.GGML_TYPE_F16,
    "q8_0": llama_cpp.GGML_TYPE_Q8_0,
    "q4_0": llama_cpp.GGML_TYPE_Q4_0,
}
_FLASH_ATTENTION: dict[FlashAttention, int] = {
    "auto": llama_cpp.LLAMA_FLASH_ATTN_TYPE_AUTO,
    "on": llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED,
    "off": llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED,
}

_POOLING: dict[Pooling, int] = {
    "mean": llama_cpp.LLAMA_POOLING_TYPE_MEAN,
    "cls": llama_cpp.LLAMA_POOLING_TYPE_CLS,
    "last": llama_cpp.LLAMA_POOLING_TYPE_LAST,
}

_logits_address = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int32)(
    ("llama_get_logits_ith", llama_cpp.llama_cpp._lib)
)
"""llama_cpp's own gives a pointer object, which takes ten times as long to make an array of."""


class Context:
    """A KV cache with its compute buffers and a reusable batch of `batch_tokens`."""

    def __init__(
        self,
        backend: Backend,
        model: Model,
        *,
        context_tokens: int,
        batch_tokens: int,
        sequences: int,
        draft_rows: int = 0,
        threads: int,
        prompt_threads: int,
        kv_type: KvType,
        flash_attention: FlashAttention,
        yarn: Yarn | None = None,
        pooling: Pooling = "",
        abort: AbortFlag,
    ) -> None:
        """Allocate for `sequences` of `context_tokens` each. With `pooling` it makes vectors instead of
        logits. Raises `NativeError`."""
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = context_tokens * sequences
        params.n_batch = batch_tokens
        # What makes vectors reads a text at once.
        params.n_ubatch = batch_tokens if pooling else model.step_on_cards(batch_tokens)
        params.n_seq_max = sequences
        # Only the last token of a prompt and each new token, guessed ones too, need logits; room for a whole
        # batch of them would cost 300 MB with a vocabulary of 152k.
        params.n_outputs_max = min(whole_lines(sequences + draft_rows), batch_tokens)
        if pooling:
            params.embeddings = True
            params.pooling_type = _POOLING[pooling]
            params.n_outputs_max = batch_tokens
        params.n_threads, params.n_threads_batch = threads, prompt_threads
        params.type_k = params.type_v = _KV_TYPES[kv_type]
        params.flash_attn_type = _FLASH_ATTENTION[flash_attention]
        if yarn is not None:
            params.rope_scaling_type = llama_cpp.LLAMA_ROPE_SCALING_TYPE_YARN
            params.yarn_orig_ctx = yarn.original_tokens
            params.rope_freq_scale = 1 / yarn.factor
        params.abort_callback = abort.callback
        params.abort_callback_data = abort.data
        params.no_perf = True
        self._abort = abort
        self._context = llama_cpp.llama_init_from_model(model.handle, params)
        if not self._context:
            raise NativeError(backend.log.reason())
        self._memory = llama_cpp.llama_get_memory(self._context)
        self.context_tokens = int(llama_cpp.llama_n_ctx_seq(self._context))
        self.batch_tokens = batch_tokens
        self._batch = Batch(batch_tokens)
        self.warm_up_s = 0.0
        """The time of the one warm-up token, the reading of the file included."""
        self._vocabulary = model.vocabulary
        self._logits: dict[int, npt.NDArray[np.float32]] = {}

    @property
    def handle(self) -> Any:
        """The `llama_context *`."""
        return self._context

    def free(self) -> None:
        """Give the memory back."""
        if self._context:
            llama_cpp.llama_free(self._context)
            self._context = None

    @property
    def writes(self) -> bool:
        """Tell whether it can generate; an encoder, such as BERT, has no KV cache to continue from."""
        return bool(self._memory)

    @property
    def fill(self) -> int:
        """Tokens in the batch; any thread."""
        return self._batch.fill

    def start_batch(self) -> None:
        """Empty the batch."""
        self._batch.clear()

    def add(self, tokens: Sequence[int], position: int, sequence: int, *, logits: int) -> int:
        """Append tokens of one sequence; `logits` asks for those of so many at the end. Returns the last
        one's row."""
        return self._batch.add(tokens, position, sequence, logits=logits)

    @property
    def interrupt_address(self) -> int:
        """A byte that is not 0 where somebody waits for the thread that evaluates."""
        return self._abort.interrupt_address

    def set_one(self, token: int, position: int, sequence: int) -> int:
        """Make the batch this token, which asks for its logits: row 0. Returns the `llama_batch *`."""
        self._batch.set_one(token, position, sequence)
        return self._batch.address

    def decode(self) -> int:
        """Evaluate the batch; llama_decode's own result (see DECODE_*)."""
        return int(llama_cpp.llama_decode(self._context, self._batch.native()))

    def logits(self, row: int) -> npt.NDArray[np.float32]:
        """Return the logits of batch row `row`, which must have asked for them: llama.cpp's own memory, which
        the next `decode` overwrites."""
        address = _logits_address(self._context, row)
        known = self._logits.get(address)
        if known is None:
            floats = (ctypes.c_float * self._vocabulary).from_address(address)
            known = self._logits[address] = np.frombuffer(memoryview(floats), np.float32)
        return known

    def digest(self, row: int) -> bytes:
        """Hash a row's logits: equal for rows whose logits are equal to the last bit."""
        return hashlib.blake2b(self.logits(row).data, digest_size=16).digest()

    def vector(self, sequence: int, size: int) -> npt.NDArray[np.float32]:
        """Copy the vector that the last `decode` made of a sequence. Raises `NativeError`."""
        pointer = llama_cpp.llama_get_embeddings_seq(self._context, sequence)
        if not pointer:
            raise NativeError("llama.cpp made no vector")
        return np.ctypeslib.as_array(pointer, (size,)).copy()

    def synchronize(self) -> None:
        """Wait for a device that computes in the background."""
        llama_cpp.llama_synchronize(self._context)

    def remove(self, sequence: int, start: int) -> bool:
        """Forget a sequence from position `start` on; False where the model cannot do that."""
        return bool(llama_cpp.llama_memory_seq_rm(self._memory, sequence, start, -1))

    def copy(self, source: int, target: int) -> None:
        """Put all of one sequence in place of another.

        Sequences have their cells to themselves (llama.cpp's kv_unified is off), so this copies the room of a
        whole sequence with the next `decode`. Shared cells would copy nothing, but then every reply attends
        over the cells of all others, and the cells that idle chats hold make each step slower.
        """
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def state_bytes(self, sequence: int) -> int:
        """Return the size of a sequence's `state`."""
        return int(llama_cpp.llama_state_seq_get_size(self._context, sequence))

    def state(self, sequence: int) -> bytearray:
        """Copy the keys and values of a sequence, in llama.cpp's own form; empty where that fails."""
        size = self.state_bytes(sequence)
        data = bytearray(size)
        buffer = (ctypes.c_uint8 * size).from_buffer(data)
        written = int(llama_cpp.llama_state_seq_get_data(self._context, buffer, size, sequence))
        del buffer
        return data if written == size else bytearray()

    def restore(self, sequence: int, state: bytearray) -> bool:
        """Put a state in place of a sequence's cells; False where it does not fit this context.

        `state` must be what `state` gave, byte for byte: llama.cpp ends the process over some damages.
        """
        buffer = (ctypes.c_uint8 * len(state)).from_buffer(state)
        read = int(llama_cpp.llama_state_seq_set_data(self._context, buffer, len(state), sequence))
        return read == len(state)

    def warm_up(self, token: int) -> bool:
        """Touch all weights once, so that the first prompt is not the one that reads the file.

        False when the device could not compute. An abort (a cancelled load) counts as done.
        """
        started_s = time.perf_counter()
        llama_cpp.llama_set_warmup(self._context, True)
        self.start_batch()
        self.add([token], 0, 0, logits=True)
        result = self.decode()
        self.synchronize()
        llama_cpp.llama_memory_clear(self._memory, True)
        llama_cpp.llama_set_warmup(self._context, False)
        self.warm_up_s = time.perf_counter() - started_s
        return result in (DECODE_OK, DECODE_ABORTED)

    def token_s(self, token: int, times: int = 3) -> float:
        """Return the seconds that a token takes at least, of so many; the context is empty then."""
        took_s = []
        for _ in range(times):
            started_s = time.perf_counter()
            self.set_one(token, 0, 0)
            llama_cpp.llama_decode(self._context, self._batch.native())
            self.synchronize()
            took_s.append(time.perf_counter() - started_s)
            llama_cpp.llama_memory_clear(self._memory, True)
        return min(took_s)
