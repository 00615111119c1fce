"""llama.cpp through llama_cpp's low-level bindings: the only module that imports it.

Everything here belongs to one thread, which creates, uses and frees it; the exception is `AbortFlag.set`.
Importing this module loads the native libraries, so only the engine's thread imports it, when it starts.
API: https://github.com/ggml-org/llama.cpp/blob/master/include/llama.h
"""

import ctypes
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import llama_cpp

from app.engine.ggml import AbortTextCallback, devices, ggml_library, load_dynamic_backends
from app.engine.lifeline import ABORT_MARK
from app.engine.messages import Device, KvType, Sampling
from app.engine.native_log import NativeLog
from app.engine.nucleus import negligible_ratio

THINK_TAGS = (b"<think>", b"</think>")

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
_CONTROL_ATTRIBUTES = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_UNKNOWN


_callbacks: list[Any] = []
"""llama.cpp calls them until the process ends, whatever becomes of the object that set them."""


class NativeError(Exception):
    """llama.cpp refused; the text is its own reason, possibly empty."""


class LoadCancelled(Exception):
    """The progress callback stopped a load."""


class AbortFlag:
    """Stops a running `decode` from any thread (CPU back end; others finish their step).

    ggml calls the abort callback before each graph node, too often for Python: C's own `strlen` is the
    callback, over a string that is empty or one byte long.
    """

    def __init__(self) -> None:
        self._text = ctypes.create_string_buffer(b"\0\0", 2)
        library = ctypes.CDLL("msvcrt") if sys.platform == "win32" else ctypes.CDLL(None)
        self.callback = ctypes.cast(library.strlen, llama_cpp.ggml_abort_callback)
        self.data = ctypes.addressof(self._text)

    def set(self) -> None:
        """Stop the present `decode`, or the next one; any thread."""
        self._text[0] = b"\1"

    def clear(self) -> None:
        """Let `decode` run."""
        self._text[0] = b"\0"


class Backend:
    """llama.cpp as such: its back ends and devices. One a process."""

    def __init__(self, log: NativeLog) -> None:
        self.log = log

        def on_log(level: int, text: bytes | None, _data: object) -> None:
            log.write(level, (text or b"").decode("utf-8", "replace"))

        def on_abort(text: bytes | None) -> None:
            os.write(2, b"\n" + ABORT_MARK.encode() + (text or b"").replace(b"\n", b" ") + b"\n")

        log_callback = llama_cpp.llama_log_callback(on_log)
        abort_callback = AbortTextCallback(on_abort)
        llama_cpp.llama_log_set(log_callback, None)
        _callbacks.extend((log_callback, abort_callback))
        package = Path(llama_cpp.__file__).parent
        self.ggml = ggml_library(llama_cpp.llama_cpp._lib, package)
        self.ggml.ggml_set_abort_callback(abort_callback)
        load_dynamic_backends(self.ggml, package)
        llama_cpp.llama_backend_init()
        self.version = llama_cpp.llama_version().decode()
        self.system_info = llama_cpp.llama_print_system_info().decode()
        self.supports_gpu = bool(llama_cpp.llama_supports_gpu_offload())

    def devices(self) -> list[Device]:
        """The compute devices with the memory that is free now."""
        return devices(self.ggml)


class Model:
    """A loaded model with its vocabulary. Call `free` after every context on it is freed."""

    def __init__(
        self,
        backend: Backend,
        path: Path,
        *,
        gpu_layers: int,
        mmap: bool,
        on_progress: Callable[[float], bool],
    ) -> None:
        """Read the file. `on_progress` gets 0 to 1 and returns False to cancel.

        Raises `LoadCancelled` or `NativeError`.
        """
        cancelled = False

        def report(fraction: float, _data: object) -> bool:
            nonlocal cancelled
            cancelled = not on_progress(fraction)
            return not cancelled

        callback = llama_cpp.llama_progress_callback(report)
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = gpu_layers
        params.load_mode = llama_cpp.LLAMA_LOAD_MODE_MMAP if mmap else llama_cpp.LLAMA_LOAD_MODE_NONE
        params.progress_callback = callback
        backend.log.clear()
        self._model = llama_cpp.llama_model_load_from_file(os.fsencode(path), params)
        if not self._model:
            if cancelled:
                raise LoadCancelled
            raise NativeError(backend.log.reason())
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        self.vocabulary = int(llama_cpp.llama_vocab_n_tokens(self._vocab))
        self.layers = int(llama_cpp.llama_model_n_layer(self._model))
        self.context_limit = int(llama_cpp.llama_model_n_ctx_train(self._model))
        self.parameters = int(llama_cpp.llama_model_n_params(self._model))
        self.size_bytes = int(llama_cpp.llama_model_size(self._model))
        self.bos = int(llama_cpp.llama_vocab_bos(self._vocab))
        self.eos = int(llama_cpp.llama_vocab_eos(self._vocab))
        self.adds_bos = bool(llama_cpp.llama_vocab_get_add_bos(self._vocab))
        self._pieces: dict[int, tuple[bytes, bool]] = {}

    @property
    def handle(self) -> Any:
        """The `llama_model *`."""
        return self._model

    def free(self) -> None:
        """Give the memory back."""
        if self._model:
            llama_cpp.llama_model_free(self._model)
            self._model = None

    def metadata(self, key: str) -> str:
        """A value of the GGUF metadata as text; empty when there is none."""
        size = 256
        while True:
            buffer = ctypes.create_string_buffer(size)
            needed = llama_cpp.llama_model_meta_val_str(self._model, key.encode(), buffer, size)
            if needed < 0:
                return ""
            if needed < size:
                return buffer.value.decode("utf-8", "replace")
            size = needed + 1

    def quantisation(self) -> str:
        """The file type in llama.cpp's words, such as "Q4_K - Medium"."""
        return _text(llama_cpp.llama_ftype_name(llama_cpp.llama_model_ftype(self._model)))

    def tokenize(self, text: bytes, *, special: bool) -> list[int]:
        """Token ids of UTF-8 `text` without BOS; `special` lets control tokens be recognised in it."""
        capacity = len(text) + 8
        while True:
            buffer = (llama_cpp.llama_token * capacity)()
            count = llama_cpp.llama_tokenize(self._vocab, text, len(text), buffer, capacity, False, special)
            if count >= 0:
                return list(buffer[:count])
            if count == -(2**31):
                raise NativeError("the text is too long to tokenise")
            capacity = -count

    def piece(self, token: int) -> tuple[bytes, bool]:
        """The bytes that `token` prints, and whether it ends the generation.

        Control tokens print nothing, except the thinking tags, which some vocabularies declare as control.
        """
        known = self._pieces.get(token)
        if known is None:
            text = self.raw_piece(token, special=False)
            if not text:
                tag = self.raw_piece(token, special=True)
                text = tag if tag in THINK_TAGS else b""
            known = (text, bool(llama_cpp.llama_vocab_is_eog(self._vocab, token)))
            self._pieces[token] = known
        return known

    def raw_piece(self, token: int, *, special: bool) -> bytes:
        """The bytes of one token, with control tokens as text if `special`."""
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            count = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, size, 0, special)
            if count >= 0:
                return buffer.raw[:count]
            size = -count

    def control_texts(self) -> list[str]:
        """The texts of all control tokens, such as `<|im_end|>`."""
        get_attr, get_text = llama_cpp.llama_vocab_get_attr, llama_cpp.llama_vocab_get_text
        vocab = self._vocab
        return [
            _text(get_text(vocab, token))
            for token in range(self.vocabulary)
            if get_attr(vocab, token) & _CONTROL_ATTRIBUTES
        ]


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


class Sampler:
    """A chain of llama.cpp's own samplers, in the order of the reference implementations: penalties, top_k,
    temperature, top_p, min_p, draw (transformers applies top_p to the tempered distribution, and so were the
    DeepSeek-R1 figures made; llama.cpp's own default tempers last)."""

    def __init__(self, model: Model, sampling: Sampling, seed: int) -> None:
        add, chain = llama_cpp.llama_sampler_chain_add, _sampler_chain()
        self._chain = chain
        if sampling.repeat_penalty != 1.0 and sampling.repeat_last_tokens > 0:
            last = sampling.repeat_last_tokens
            penalties = llama_cpp.llama_sampler_init_penalties(
                model.vocabulary, last, sampling.repeat_penalty, 0.0, 0.0
            )
            add(chain, penalties)
        if sampling.temperature <= 0.0:
            add(chain, llama_cpp.llama_sampler_init_greedy())
            return
        if sampling.top_k > 0:
            add(chain, llama_cpp.llama_sampler_init_top_k(sampling.top_k))
        else:
            ratio = negligible_ratio(model.vocabulary, sampling.temperature)
            add(chain, llama_cpp.llama_sampler_init_min_p(ratio, 1))
        add(chain, llama_cpp.llama_sampler_init_temp(sampling.temperature))
        if sampling.top_p < 1.0:
            add(chain, llama_cpp.llama_sampler_init_top_p(sampling.top_p, 1))
        if sampling.min_p > 0.0:
            add(chain, llama_cpp.llama_sampler_init_min_p(sampling.min_p, 1))
        add(chain, llama_cpp.llama_sampler_init_dist(seed))

    def sample(self, context: Context, row: int) -> int:
        """Draw the next token from the logits of batch row `row`, which must have asked for them."""
        return int(llama_cpp.llama_sampler_sample(self._chain, context.handle, row))

    def accept(self, token: int) -> None:
        """Count a prompt token for the penalties; `sample` counts what it draws."""
        llama_cpp.llama_sampler_accept(self._chain, token)

    def free(self) -> None:
        """Give the memory back."""
        if self._chain:
            llama_cpp.llama_sampler_free(self._chain)
            self._chain = None


def _sampler_chain() -> Any:
    params = llama_cpp.llama_sampler_chain_default_params()
    params.no_perf = True
    return llama_cpp.llama_sampler_chain_init(params)


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
