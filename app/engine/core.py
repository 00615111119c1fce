"""The engine: one thread that creates, uses and frees everything of llama.cpp.

It knows nothing of processes: requests come in through `post`, events go out through a callback.
"""

import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.engine.messages import (
    Cancel,
    Event,
    Failed,
    FinishReason,
    Generate,
    Load,
    Loaded,
    LoadProgress,
    Ready,
    Request,
    Shutdown,
    Tokenize,
    Tokenized,
    Unload,
    Unloaded,
)
from app.engine.scheduler import Chunk, Job, Scheduler
from app.errors import EngineError, StillroomError
from converters.inspect import check_gguf

if TYPE_CHECKING:
    from app.engine.llama import AbortFlag, Backend
    from app.engine.loading import LoadedModel
    from app.engine.reply import Reply

PROGRESS_INTERVAL_S = 0.05


class EngineCore:
    """Runs requests in the order they come; replies run side by side in the model's sequences.

    Loading and unloading end the replies of the model that goes (they finish as "cancelled").
    `emit` is called on the engine's thread and must not block for long.
    """

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self._emit = emit
        self._inbox: deque[tuple[float, Request]] = deque()
        self._wake = threading.Event()
        self._cancelled: set[int] = set()
        self._abort: AbortFlag | None = None
        self._backend: Backend | None = None
        self._loaded: LoadedModel | None = None
        self._scheduler = Scheduler(1, 1)
        self._replies: dict[int, Reply] = {}
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        """Start the thread; its first event is `Ready`."""
        self._thread.start()

    def post(self, request: Request) -> None:
        """Hand in a request; any thread. A `Cancel` takes effect within the step that runs now."""
        if isinstance(request, Cancel):
            self._cancelled.add(request.request_id)
        self._inbox.append((time.perf_counter(), request))
        if isinstance(request, Cancel | Shutdown | Load | Unload) and self._abort is not None:
            self._abort.set()
        self._wake.set()

    def join(self, timeout_s: float | None = None) -> None:
        """Wait for the thread to end after `Shutdown`."""
        self._thread.join(timeout_s)

    # The engine's thread from here on.

    def _run(self) -> None:
        from app.engine.llama import AbortFlag, Backend
        from app.engine.native_log import NativeLog

        self._backend = Backend(NativeLog())
        self._abort = AbortFlag()
        self._emit(
            Ready(
                llama_cpp_version=self._backend.version,
                system_info=self._backend.system_info,
                devices=self._backend.devices(),
                pid=os.getpid(),
            )
        )
        while True:
            if not self._scheduler.busy:
                self._wake.wait()
                self._wake.clear()
            # Cleared before the inbox is read: a request that comes later sets it again.
            self._abort.clear()
            while self._inbox:
                arrived_s, request = self._inbox.popleft()
                if isinstance(request, Shutdown):
                    self._unload()
                    return
                self._serve(request, arrived_s)
            if self._scheduler.busy:
                self._step()

    def _serve(self, request: Request, arrived_s: float) -> None:
        if isinstance(request, Cancel):
            self._cancel(request.request_id)
            return
        assert not isinstance(request, Shutdown)
        try:
            if isinstance(request, Load):
                self._load(request)
            elif isinstance(request, Unload):
                self._unload()
                self._emit(Unloaded(request_id=request.request_id))
            elif isinstance(request, Tokenize):
                tokens = self._model().prompts.tokenize(request.parts)
                self._emit(Tokenized(request_id=request.request_id, tokens=tokens))
            else:
                self._admit(request, arrived_s)
        except StillroomError as error:
            self._fail(request.request_id, error)

    def _load(self, request: Load) -> None:
        from app.engine.llama import LoadCancelled
        from app.engine.loading import load_model

        self._unload()
        assert self._backend is not None
        assert self._abort is not None
        reported_s = 0.0
        self._emit(LoadProgress(request_id=request.request_id, fraction=0.0))

        def on_progress(fraction: float) -> bool:
            nonlocal reported_s
            now = time.perf_counter()
            if now - reported_s >= PROGRESS_INTERVAL_S or fraction >= 1.0:
                reported_s = now
                self._emit(LoadProgress(request_id=request.request_id, fraction=fraction))
            return not self._stops_load(request.request_id)

        path = Path(request.path)
        try:
            check_gguf(path)
            loaded = load_model(self._backend, path, request.settings, self._abort, on_progress)
        except LoadCancelled:
            self._cancelled.discard(request.request_id)
            self._emit(Failed(request_id=request.request_id, message="Cancelled.", cancelled=True))
            return
        if self._stops_load(request.request_id):
            loaded.free()
            self._cancelled.discard(request.request_id)
            self._emit(Failed(request_id=request.request_id, message="Cancelled.", cancelled=True))
            return
        self._loaded = loaded
        self._scheduler = Scheduler(request.settings.sequences, request.settings.batch_tokens)
        self._emit(Loaded(request_id=request.request_id, info=loaded.info))

    def _stops_load(self, request_id: int) -> bool:
        # A later Load, Unload or Shutdown makes this one pointless.
        return request_id in self._cancelled or any(
            isinstance(request, Load | Unload | Shutdown) for _, request in tuple(self._inbox)
        )

    def _unload(self) -> None:
        for request_id in list(self._replies):
            self._finish(request_id, "cancelled")
        if self._loaded is not None:
            self._loaded.free()
            self._loaded = None
        self._scheduler = Scheduler(1, 1)

    def _admit(self, request: Generate, arrived_s: float) -> None:
        from app.engine.reply import Reply

        loaded = self._model()
        check_generate(request, loaded.info.vocabulary)
        tokens = request.tokens if request.tokens is not None else loaded.prompts.tokenize(request.parts)
        limit = loaded.context.context_tokens
        if not tokens:
            raise EngineError("The prompt is empty.", "Write something first.")
        if len(tokens) >= limit:
            raise EngineError(
                "The prompt has {prompt_tokens} tokens, but the context holds {context_tokens}.",
                "Shorten the conversation, or load the model with a larger context.",
                prompt_tokens=len(tokens),
                context_tokens=limit,
            )
        seed = request.sampling.seed
        if seed is None:
            seed = random.SystemRandom().getrandbits(32)
        job = Job(request.request_id, list(tokens), len(tokens), reuse_prefix=request.reuse_prefix)
        self._replies[job.request_id] = Reply(request, job, loaded.model, seed, arrived_s, self._emit)
        self._scheduler.add(job)

    def _step(self) -> None:
        """One batch: admit, evaluate, draw one token for each reply whose prompt is done."""
        from app.engine.llama import DECODE_ABORTED, DECODE_OK

        assert self._loaded is not None
        context, scheduler = self._loaded.context, self._scheduler
        for job in scheduler.admit():
            self._replies[job.request_id].started()
            if not context.remove(job.sequence, job.reused):
                context.remove(job.sequence, 0)
                scheduler.forget(job)
        chunks = scheduler.plan()
        context.start_batch()
        rows = [
            context.add(
                chunk.job.tokens[chunk.start : chunk.end],
                chunk.start,
                chunk.job.sequence,
                logits=chunk.logits,
            )
            for chunk in chunks
        ]
        result = context.decode()
        if result == DECODE_OK:
            scheduler.evaluated(chunks)
            for chunk, row in zip(chunks, rows, strict=True):
                if chunk.logits:
                    self._draw(chunk.job, row)
                else:
                    self._replies[chunk.job.request_id].prompt_progress()
            return
        # Some of the batch may be in the cache: remove it, so that the same batch can go in again.
        for chunk in chunks:
            context.remove(chunk.job.sequence, chunk.start)
        if result != DECODE_ABORTED:
            self._decode_failed(chunks, result)

    def _draw(self, job: Job, row: int) -> None:
        assert self._loaded is not None
        reply = self._replies[job.request_id]
        if job.evaluated == job.prompt_length:
            reply.prompt_progress()
        token = reply.sampler.sample(self._loaded.context, row)
        reason = reply.take(token)
        if reason is None and len(job.tokens) >= self._loaded.context.context_tokens:
            reason = "context"
        if reason is None:
            job.tokens.append(token)
        else:
            self._finish(job.request_id, reason)

    def _decode_failed(self, chunks: list[Chunk], result: int) -> None:
        assert self._backend is not None
        native = self._backend.log.reason() or f"llama_decode returned {result}"
        for chunk in chunks:
            request_id = chunk.job.request_id
            self._scheduler.remove(chunk.job)
            self._replies.pop(request_id).free()
            self._emit(
                Failed(
                    request_id=request_id,
                    message="The model could not go on with this reply.",
                    hint="Try again; if it happens again, load the model with a smaller context "
                    "or with fewer layers on the graphics card.",
                    native=native,
                )
            )

    def _cancel(self, request_id: int) -> None:
        if request_id in self._replies:
            self._finish(request_id, "cancelled")
        self._cancelled.discard(request_id)

    def _finish(self, request_id: int, reason: FinishReason) -> None:
        reply = self._replies.pop(request_id)
        self._scheduler.remove(reply.job)
        reply.finish(reason)

    def _model(self) -> "LoadedModel":
        if self._loaded is None:
            raise EngineError("No model is loaded.", "Choose a model and load it first.")
        return self._loaded

    def _fail(self, request_id: int, error: StillroomError) -> None:
        values: dict[str, str | int | float] = {
            name: value if isinstance(value, str | int | float) else str(value)
            for name, value in error.values.items()
        }
        self._emit(
            Failed(
                request_id=request_id,
                message=error.message,
                hint=error.hint,
                values=values,
                native=error.native if isinstance(error, EngineError) else "",
            )
        )


def check_generate(request: Generate, vocabulary: int) -> None:
    """Raise `EngineError` for a number outside its range; llama.cpp would abort or draw nonsense."""
    sampling = request.sampling
    for name, value, low, high in (
        ("temperature", sampling.temperature, 0.0, 10.0),
        ("top_p", sampling.top_p, 0.0, 1.0),
        ("min_p", sampling.min_p, 0.0, 1.0),
        ("top_k", sampling.top_k, 0, 1_000_000),
        ("repeat penalty", sampling.repeat_penalty, 0.01, 10.0),
        ("number of tokens for the repeat penalty", sampling.repeat_last_tokens, 0, 1_000_000),
        ("seed", 0 if sampling.seed is None else sampling.seed, 0, 2**32 - 1),
        ("number of new tokens", request.max_tokens, 0, 2**31 - 1),
    ):
        # Written so that a NaN is refused too.
        if not low <= value <= high:
            raise EngineError(
                "The {setting} is {value}; it must lie between {low} and {high}.",
                "Correct it in the sampling settings.",
                setting=name,
                value=value,
                low=low,
                high=high,
            )
    for token in request.tokens or ():
        if not 0 <= token < vocabulary:
            raise EngineError(
                "Token {token} is not in the model's vocabulary of {vocabulary}.",
                "Tokenise the text with the model that is loaded.",
                token=token,
                vocabulary=vocabulary,
            )
