"""Texts as vectors, by a model that is made for it."""

from collections.abc import Callable

import numpy as np

from app.base.errors import Cancelled, EngineError, RequestError
from app.engine.llama.context import DECODE_ABORTED, DECODE_OK, Context
from app.engine.llama.errors import NativeError
from app.engine.llama.model import Model
from app.engine.protocol import Pooling

_POOLINGS: dict[str, Pooling] = {"1": "mean", "2": "cls", "3": "last"}


def pooling_of(model: Model) -> Pooling:
    """Read from the file how the model makes one vector of its tokens: GGUF's `{architecture}.pooling_type`.

    https://github.com/ggml-org/llama.cpp/blob/master/include/llama.h (enum llama_pooling_type)
    """
    return _POOLINGS.get(model.metadata(f"{model.metadata('general.architecture')}.pooling_type"), "")


class Embedder:
    """A context of its own beside the one that writes, on the engine's thread. It frees `context`."""

    def __init__(self, context: Context, model: Model, batch_tokens: int) -> None:
        self._context = context
        self._size = model.embedding_size
        self._batch_tokens = batch_tokens

    def vector(self, tokens: list[int], stops: Callable[[], bool]) -> bytes:
        """Compute a text's vector, of length 1. Raises `EngineError`, and `Cancelled` where it `stops`."""
        if not tokens:
            raise RequestError("The text is empty.", "Write something first.")
        if len(tokens) > self._batch_tokens:
            raise RequestError(
                "The text has {prompt_tokens} tokens, but a vector is made of {context_tokens} at most.",
                "Send it in pieces.",
                prompt_tokens=len(tokens),
                context_tokens=self._batch_tokens,
            )
        context = self._context
        while True:
            context.remove(0, 0)
            context.start_batch()
            context.add(tokens, 0, 0, logits=len(tokens))
            result = context.decode()
            if stops():
                raise Cancelled
            if result == DECODE_OK:
                break
            if result != DECODE_ABORTED:
                raise EngineError("The model could not make a vector of this text.", "Try a shorter one.")
        try:
            values = context.vector(0, self._size)
        except NativeError as error:
            raise EngineError("The model could not make a vector of this text.", native=str(error)) from None
        length = float(np.linalg.norm(values))
        return (values / length if length > 0 else values).astype("<f4").tobytes()

    def free(self) -> None:
        """Give the memory back."""
        self._context.free()
