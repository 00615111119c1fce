"""A KV cache with its compute buffers and its batch."""

from collections.abc import Sequence
from typing import Any, Literal

import llama_cpp

from app.engine.llama.abort import AbortFlag
from app.engine.llama.backend import Backend
from app.engine.llama.errors import NativeError
from app.engine.llama.model import Model
from app.engine.messages import KvType

DECODE_OK, DECODE_NO_SLOT, DECODE_ABORTED = 0, 1, 2

_KV_TYPES: dict[KvType, int] = {
    "f16": llama_cpp.GGML_TYPE_F16,
    "q8_0": llama_cpp.GGML_TYPE_Q8_0,
    "q4_0": llama_cpp.GGML_TYPE_Q4_0,
}
_FLASH_ATTENTION = {
    "auto": llama_cpp.LLAMA_FLASH_ATTN_TYPE_AUTO,
    "on": llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED,
    "off": llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED,
}


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
        threads: int,
        kv_type: KvType,
        flash_attention: Literal["auto", "on", "off"],
        abort: AbortFlag,
    ) -> None:
        """Allocate for `sequences` of `context_tokens` each. Raises `NativeError`."""
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = context_tokens * sequences
        params.n_batch = params.n_ubatch = batch_tokens
        params.n_seq_max = sequences
        # Only the last token of a prompt and each new token need logits; room for a whole batch of them
        # would cost 300 MB with a vocabulary of 152k.
        params.n_outputs_max = sequences
        params.n_threads = params.n_threads_batch = threads
        params.type_k = params.type_v = _KV_TYPES[kv_type]
        params.flash_attn_type = _FLASH_ATTENTION[flash_attention]
        params.abort_callback = abort.callback
        params.abort_callback_data = abort.data
        params.no_perf = True
        self._abort = abort
        self._context = llama_cpp.llama_init_from_model(model.handle, params)
        if not self._context:
            raise NativeError(backend.log.reason())
        self._memory = llama_cpp.llama_get_memory(self._context)
        self.context_tokens = int(llama_cpp.llama_n_ctx_seq(self._context))
        self._batch = batch = llama_cpp.llama_batch_init(batch_tokens, 0, 1)
        # Each attribute access on the struct would make a new pointer object.
        self._rows = batch.token, batch.pos, batch.seq_id, batch.logits
        for row in range(batch_tokens):
            batch.n_seq_id[row] = 1
        self._fill = 0

    @property
    def handle(self) -> Any:
        """The `llama_context *`."""
        return self._context

    def free(self) -> None:
        """Give the memory back."""
        if self._context:
            llama_cpp.llama_batch_free(self._batch)
            llama_cpp.llama_free(self._context)
            self._context = None

    def start_batch(self) -> None:
        """Empty the batch."""
        self._fill = 0

    def add(self, tokens: Sequence[int], position: int, sequence: int, *, logits: bool) -> int:
        """Append tokens of one sequence; `logits` asks for the last one's. Returns that row's index."""
        token_rows, position_rows, sequence_rows, logits_rows = self._rows
        row = self._fill
        for token in tokens:
            token_rows[row] = token
            position_rows[row] = position
            sequence_rows[row][0] = sequence
            logits_rows[row] = 0
            position += 1
            row += 1
        self._fill = row
        logits_rows[row - 1] = logits
        return row - 1

    def decode(self) -> int:
        """Evaluate the batch; llama_decode's own result (see DECODE_*)."""
        self._batch.n_tokens = self._fill
        return int(llama_cpp.llama_decode(self._context, self._batch))

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

    def warm_up(self, token: int) -> bool:
        """Touch all weights once, so that the first prompt is not the one that reads the file.

        False when the device could not compute. An abort (a cancelled load) counts as done.
        """
        llama_cpp.llama_set_warmup(self._context, True)
        self.start_batch()
        self.add([token], 0, 0, logits=True)
        result = self.decode()
        self.synchronize()
        llama_cpp.llama_memory_clear(self._memory, True)
        llama_cpp.llama_set_warmup(self._context, False)
        return result in (DECODE_OK, DECODE_ABORTED)
