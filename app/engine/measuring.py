"""How fast a loaded model is with other settings of its context, measured beside the context that serves."""

import random
import time
from collections.abc import Callable

from app.engine.llama.abort import AbortFlag
from app.engine.llama.backend import Backend
from app.engine.llama.context import DECODE_OK, Context
from app.engine.llama.errors import NativeError
from app.engine.llama.model import Model
from app.engine.load_plan import cache_type
from app.engine.messages import Measure, Measured
from app.engine.pulse import Pulse
from app.errors import Cancelled, EngineError

SPARE_TOKENS = 8


def measure(
    backend: Backend,
    model: Model,
    request: Measure,
    *,
    abort: AbortFlag,
    pulse: Pulse,
    stops: Callable[[], bool],
) -> Measured:
    """Like llama-bench: random tokens from an empty context, then one token after the other behind them;
    nothing is sampled. Engine's thread. Raises `Cancelled` soon after `stops()`, and `EngineError`."""
    settings = request.settings
    backend.log.clear()
    try:
        context = Context(
            backend,
            model,
            context_tokens=request.prompt_tokens + request.decode_tokens + SPARE_TOKENS,
            batch_tokens=settings.batch_tokens,
            sequences=1,
            threads=settings.threads,
            prompt_threads=settings.prompt_threads,
            kv_type=cache_type(settings),
            flash_attention=settings.flash_attention,
            abort=abort,
        )
    except NativeError as error:
        raise _failed(str(error)) from None
    try:
        return _Measurement(backend, model, context, request, pulse, stops).run()
    finally:
        context.free()


class _Measurement:
    def __init__(
        self,
        backend: Backend,
        model: Model,
        context: Context,
        request: Measure,
        pulse: Pulse,
        stops: Callable[[], bool],
    ) -> None:
        self._backend = backend
        self._model = model
        self._context = context
        self._request = request
        self._pulse = pulse
        self._stops = stops
        self._token_s = 0.0

    def run(self) -> Measured:
        request = self._request
        draw = random.Random(request.request_id)
        tokens = [draw.randrange(self._model.vocabulary) for _ in range(request.prompt_tokens)]
        self._pulse.begin("load")
        self._context.warm_up(max(0, self._model.bos))
        self._pulse.end()
        self._token_s = self._context.warm_up_s
        batch = request.settings.batch_tokens
        started_s = time.perf_counter()
        prompt_s, position = 0.0, 0
        while position < len(tokens) and (position == 0 or prompt_s < request.most_s):
            chunk = tokens[position : position + batch]
            self._step(chunk, position)
            position += len(chunk)
            prompt_s = time.perf_counter() - started_s
        started_s = time.perf_counter()
        decode_s, decoded = 0.0, 0
        while decoded < request.decode_tokens and (decoded == 0 or decode_s < request.most_s):
            self._step([draw.randrange(self._model.vocabulary)], position + decoded)
            decoded += 1
            decode_s = time.perf_counter() - started_s
        return Measured(
            request_id=request.request_id,
            prompt_tokens=position,
            decode_tokens=decoded,
            prompt_s=prompt_s,
            decode_s=decode_s,
        )

    def _step(self, tokens: list[int], position: int) -> None:
        context = self._context
        context.start_batch()
        context.add(tokens, position, 0, logits=1)
        self._pulse.begin("step", lambda: context.fill, self._token_s)
        result = context.decode()
        context.synchronize()
        self._pulse.end()
        if self._stops():
            raise Cancelled
        if result != DECODE_OK:
            raise _failed(self._backend.log.reason())


def _failed(native: str) -> EngineError:
    return EngineError(
        "The model could not be measured with these settings.",
        "Choose a smaller context or fewer layers on the graphics card.",
        native=native,
    )
