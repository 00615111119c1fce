"""A loaded model and its vocabulary."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llama_cpp

from app.engine.grammar.token_bytes import TokenBytes
from app.engine.llama.backend import Backend
from app.engine.llama.errors import LoadCancelled, NativeError
from app.engine.planning.device_placement import Placement
from app.engine.protocol.message_base import THINK_CLOSE, THINK_OPEN
from converters.gguf.file_type import type_name
from models.memory.memory_request import step_on_cards

THINK_TAGS = (THINK_OPEN.encode(), THINK_CLOSE.encode())

_CONTROL_ATTRIBUTES = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_UNKNOWN
_STRIPPING_ATTRIBUTES = llama_cpp.LLAMA_TOKEN_ATTR_LSTRIP | llama_cpp.LLAMA_TOKEN_ATTR_RSTRIP


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
        placement: Placement = Placement(),  # noqa: B008 - frozen
        as_in_file: bool = False,
    ) -> None:
        """Read the file. `on_progress` gets 0 to 1 and returns False to cancel. `as_in_file` leaves weights
        in the file's order (llama.cpp's --no-repack): less memory, and slower prompts.

        Raises `LoadCancelled` or `NativeError`.
        """
        cancelled = False
        self.placement = placement
        self._gpu_layers = gpu_layers
        self._endpoints: frozenset[str] = frozenset()

        def report(fraction: float, _data: object) -> bool:
            nonlocal cancelled
            cancelled = not on_progress(fraction)
            return not cancelled

        callback = llama_cpp.llama_progress_callback(report)
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = gpu_layers
        params.load_mode = llama_cpp.LLAMA_LOAD_MODE_MMAP if mmap else llama_cpp.LLAMA_LOAD_MODE_NONE
        params.progress_callback = callback
        params.use_extra_bufts = not as_in_file
        # llama.cpp reads both while it loads, and the list of devices up to a null.
        handles = (ctypes.c_void_p * (len(placement.handles) + 1))(*placement.handles)
        split = (ctypes.c_float * llama_cpp.llama_max_devices())(*placement.split)
        nowhere = (ctypes.c_void_p * 1)()
        if not gpu_layers:
            # Without a layer there, llama.cpp would still compute large batches on a card, even a broken one.
            params.devices = ctypes.cast(nowhere, ctypes.c_void_p)
        elif placement.handles:
            params.devices = ctypes.cast(handles, ctypes.c_void_p)
            params.tensor_split = split
            self._endpoints = placement.endpoints
        backend.log.clear()
        self._model = llama_cpp.llama_model_load_from_file(os.fsencode(path), params)
        if not self._model:
            if cancelled:
                raise LoadCancelled
            raise NativeError(backend.log.reason())
        if (
            llama_cpp.llama_vocab_type(llama_cpp.llama_model_get_vocab(self._model))
            == llama_cpp.LLAMA_VOCAB_TYPE_NONE
        ):
            llama_cpp.llama_model_free(self._model)
            raise NativeError("the file holds no vocabulary")
        self._rpc = backend.rpc
        self._rpc.hold(self._endpoints)
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        self.vocabulary = int(llama_cpp.llama_vocab_n_tokens(self._vocab))
        self.layers = int(llama_cpp.llama_model_n_layer(self._model))
        self.context_limit = int(llama_cpp.llama_model_n_ctx_train(self._model))
        self.parameters = int(llama_cpp.llama_model_n_params(self._model))
        self.size_bytes = int(llama_cpp.llama_model_size(self._model))
        self.embedding_size = int(llama_cpp.llama_model_n_embd_out(self._model))
        self.forgets_ends = not (
            llama_cpp.llama_model_is_recurrent(self._model) or llama_cpp.llama_model_is_hybrid(self._model)
        )
        """The last tokens of a sequence can be removed."""
        self.bos = int(llama_cpp.llama_vocab_bos(self._vocab))
        self.eos = int(llama_cpp.llama_vocab_eos(self._vocab))
        self.fim = tuple(
            int(token(self._vocab))
            for token in (
                llama_cpp.llama_vocab_fim_pre,
                llama_cpp.llama_vocab_fim_suf,
                llama_cpp.llama_vocab_fim_mid,
            )
        )
        self.adds_bos = bool(llama_cpp.llama_vocab_get_add_bos(self._vocab))
        self.text_end = self._text_end()
        """The token behind a whole text that becomes a vector; negative for a model that wants none."""
        self._pieces: dict[int, tuple[bytes, bool]] = {}
        self._token_bytes: TokenBytes | None = None

    def _text_end(self) -> int:
        vocab = self._vocab
        if llama_cpp.llama_vocab_get_add_sep(vocab):
            return int(llama_cpp.llama_vocab_sep(vocab))
        return self.eos if llama_cpp.llama_vocab_get_add_eos(vocab) else -1

    @property
    def handle(self) -> Any:
        """The `llama_model *`."""
        return self._model

    @property
    def vocab(self) -> Any:
        """The `llama_vocab *`."""
        return self._vocab

    def step_on_cards(self, batch_tokens: int) -> int:
        """Return how many tokens of a step are computed at a time where the model is."""
        whole = self._gpu_layers > self.layers
        return step_on_cards(batch_tokens, whole=whole, cards=len(self.placement.devices))

    def free(self) -> None:
        """Give the memory back."""
        if self._model:
            llama_cpp.llama_model_free(self._model)
            self._model = None
            self._rpc.release(self._endpoints)

    def metadata(self, key: str) -> str:
        """Return a value of the GGUF metadata as text; empty when there is none."""
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
        """Return the file type, such as "Q4_K_M"; in llama.cpp's words where it is guessed or unknown
        here."""
        number = llama_cpp.llama_model_ftype(self._model)
        return type_name(number) or _text(llama_cpp.llama_ftype_name(number))

    def tokenize(self, text: bytes, *, special: bool) -> list[int]:
        """Return the token ids of UTF-8 `text` without BOS; `special` lets control tokens be recognised."""
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
        """Return the bytes that `token` prints, and whether it ends the generation.

        Control tokens print nothing, except the thinking tags, which some vocabularies declare as control.
        """
        known = self._pieces.get(token)
        if known is None:
            known = self._pieces[token] = (self._printed(token), self._ends(token))
        return known

    def token_bytes(self) -> TokenBytes:
        """Return the bytes that all tokens print. Any thread; the first time takes up to a second."""
        if self._token_bytes is None:
            ids = range(self.vocabulary)
            ends = [token for token in ids if self._ends(token)]
            is_bpe = llama_cpp.llama_vocab_type(self._vocab) == llama_cpp.LLAMA_VOCAB_TYPE_BPE and not any(
                llama_cpp.llama_vocab_get_attr(self._vocab, token) & _STRIPPING_ATTRIBUTES for token in ids
            )
            self._token_bytes = TokenBytes([self._printed(token) for token in ids], ends, is_bpe=is_bpe)
        return self._token_bytes

    @property
    def knows_token_bytes(self) -> bool:
        """Tell whether `token_bytes` returns at once."""
        return self._token_bytes is not None

    def _printed(self, token: int) -> bytes:
        text = self.raw_piece(token, special=False)
        if not text:
            tag = self.raw_piece(token, special=True)
            text = tag if tag in THINK_TAGS else b""
        return text

    def _ends(self, token: int) -> bool:
        return bool(llama_cpp.llama_vocab_is_eog(self._vocab, token))

    def raw_piece(self, token: int, *, special: bool) -> bytes:
        """Return the bytes of one token, with control tokens as text if `special`."""
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            count = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, size, 0, special)
            if count >= 0:
                return buffer.raw[:count]
            size = -count

    def control_texts(self) -> list[str]:
        """Return the texts of all control tokens, such as `<|im_end|>`."""
        get_attr, get_text = llama_cpp.llama_vocab_get_attr, llama_cpp.llama_vocab_get_text
        vocab = self._vocab
        return [
            _text(get_text(vocab, token))
            for token in range(self.vocabulary)
            if get_attr(vocab, token) & _CONTROL_ATTRIBUTES
        ]


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
