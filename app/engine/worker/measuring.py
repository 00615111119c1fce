"""Measure the speed of a loaded model: in the context that serves, or with other settings in another."""

import math
import random
import time
from collections.abc import Callable

from app.base.errors import Cancelled, EngineError
from app.engine.llama.abort import AbortFlag
from app.engine.llama.backend import Backend
from app.engine.llama.context import DECODE_OK, Context
from app.engine.llama.errors import NativeError
from app.engine.llama.model import Model
from app.engine.planning.load_plan import cache_type
from app.engine.protocol import Measure, Measured
from app.engine.supervision.activity import Pulse

SPARE_TOKENS = 8

TOGETHER = 8
"""Generated tokens between two looks at anything else. What Python does between two steps finds nothing of
itself in the processor's caches, which a step fills with weights: 60 us a token where a token takes 5 ms."""


def measure(
    backend: Backend,
    model: Model,
    request: Measure,
    *,
    abort: AbortFlag,
    pulse: Pulse,
    stops: Callable[[], bool],
    place: tuple[Context, int] | None = None,
) -> Measured:
    """Measure like llama-bench: random tokens, then one token after the other behind them; no sampling.

    `place` is the context to do it in and how many of the request's `depth_tokens` its sequence 0 holds.
    Engine's thread. Raises `Cancelled` soon after `stops()`, and `EngineError`."""
    settings = request.settings
    backend.log.clear()
    if place is not None:
        context, there = place
        return _Measurement(backend, model, context, request, pulse, stops).run(there)
    try:
        context = Context(
            backend,
            model,
            context_tokens=request.depth_tokens
            + request.prompt_tokens
            + request.decode_tokens
            + SPARE_TOKENS,
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
        pulse.begin("load")
        context.warm_up(max(0, model.bos))
        pulse.end()
        return _Measurement(backend, model, context, request, pulse, stops).run(0)
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
        self._draw = random.Random(request.request_id)

    def run(self, there: int) -> Measured:
        """Bring the context to its depth, of which so many tokens are there, then time what is asked for."""
        request = self._request
        start = request.depth_tokens
        self._prompt(there, start - there, math.inf)
        started_s = time.perf_counter()
        position = start + self._prompt(start, request.prompt_tokens, request.most_s)
        prompt_s = time.perf_counter() - started_s
        decoded, decode_s = self._generate(position)
        return Measured(
            request_id=request.request_id,
            prompt_tokens=position - start,
            decode_tokens=decoded,
            prompt_s=prompt_s,
            decode_s=decode_s,
        )

    def _prompt(self, start: int, tokens: int, most_s: float) -> int:
        """Evaluate random tokens from position `start` on, batch by batch; how many there was time for."""
        batch, done = self._request.settings.batch_tokens, 0
        began_s = time.perf_counter()
        while done < tokens and (done == 0 or time.perf_counter() - began_s < most_s):
            chunk = self._random(min(batch, tokens - done))
            self._step(chunk, start + done)
            done += len(chunk)
        return done

    def _generate(self, start: int) -> tuple[int, float]:
        """Evaluate random tokens one by one from position `start` on; how many there was time for, and the
        seconds."""
        request, context = self._request, self._context
        tokens = self._random(request.decode_tokens)
        done, seconds = 0, 0.0
        started_s = time.perf_counter()
        for token in tokens:
            if done % TOGETHER == 0:
                self._pulse.begin("step", lambda: TOGETHER, context.warm_up_s)
            context.start_batch()
            context.add((token,), start + done, 0, logits=1)
            result = context.decode()
            context.synchronize()
            done += 1
            seconds = time.perf_counter() - started_s
            ends = done == len(tokens) or seconds >= request.most_s
            if ends or result != DECODE_OK or done % TOGETHER == 0:
                self._end_step(result)
            if ends:
                break
        return done, seconds

    def _random(self, count: int) -> list[int]:
        return [self._draw.randrange(self._model.vocabulary) for _ in range(count)]

    def _step(self, tokens: list[int], position: int) -> None:
        context = self._context
        context.start_batch()
        context.add(tokens, position, 0, logits=1)
        self._pulse.begin("step", lambda: context.fill, context.warm_up_s)
        result = context.decode()
        context.synchronize()
        self._end_step(result)

    def _end_step(self, result: int) -> None:
        """Check the `result` of `llama_decode`, which is an abort where somebody has cancelled."""
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
