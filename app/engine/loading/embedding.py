"""The embedder of a loaded model, made when it is first needed."""

from app.base.errors import EngineError, RequestError
from app.engine.llama.abort import AbortFlag
from app.engine.llama.backend import Backend
from app.engine.llama.context import Context
from app.engine.llama.errors import NativeError
from app.engine.llama.model import Model
from app.engine.loading.embedder import Embedder
from app.engine.loading.load_model import LoadedModel

LONGEST_TEXT_TOKENS = 4096
"""A text goes through the model in one step, which takes buffers for all of it."""


def whole_text(model: Model, tokens: list[int]) -> list[int]:
    """Return `tokens` with the one that ends a whole text, which many embedding models were taught with:
    BERT's [SEP], Qwen3-Embedding's end of text."""
    if not tokens or model.text_end < 0 or tokens[-1] == model.text_end:
        return tokens
    return [*tokens, model.text_end]


def embedder_of(backend: Backend, loaded: LoadedModel, abort: AbortFlag) -> Embedder:
    """Return the model's embedder, made on first use. Raises `EngineError` for a model that makes no vectors,
    and where there is no room for it."""
    info = loaded.info
    if not info.pooling:
        raise RequestError(
            "{name} is no embedding model.", "Load one that is made for embeddings.", name=info.name
        )
    if loaded.embedder is None:
        # An encoder has no positions beyond its limit, and llama.cpp ends the process over one.
        tokens = min(info.context_tokens, info.context_limit or info.context_tokens, LONGEST_TEXT_TOKENS)
        backend.log.clear()
        try:
            context = Context(
                backend,
                loaded.model,
                context_tokens=tokens,
                batch_tokens=tokens,
                sequences=1,
                threads=info.threads,
                prompt_threads=info.plan.prompt_threads or info.threads,
                kv_type="f16",
                flash_attention=info.plan.flash_attention,
                pooling=info.pooling,
                abort=abort,
            )
        except NativeError as error:
            raise EngineError(
                "There is not enough memory for embeddings beside the model.",
                "Choose a smaller context, or close other programs.",
                native=str(error),
            ) from None
        loaded.embedder = Embedder(context, loaded.model, tokens)
    return loaded.embedder
