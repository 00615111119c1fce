"""One reply while it is generated: its sampler, its text, its clock."""

import time
from collections.abc import Callable

from app.engine.llama.model import Model
from app.engine.llama.sampler import Sampler
from app.engine.messages import (
    Channel,
    Delta,
    Event,
    Finished,
    FinishReason,
    Generate,
    GenerationStats,
    PromptProgress,
)
from app.engine.scheduler import Job
from app.engine.text import ReplyText

DELTA_INTERVAL_S = 1 / 50
"""New text crosses the pipe this often; a window paints about 30 times a second."""


class Reply:
    """The engine's side of a `Generate` request; lives on the engine's thread."""

    def __init__(
        self,
        request: Generate,
        job: Job,
        model: Model,
        seed: int,
        arrived_s: float,
        emit: Callable[[Event], None],
    ) -> None:
        """`arrived_s` is `time.perf_counter()` at the request's arrival."""
        self.request = request
        self.job = job
        self.sampler = Sampler(model, request.sampling, seed)
        if request.sampling.repeat_penalty != 1.0:
            for token in job.tokens[-request.sampling.repeat_last_tokens :]:
                self.sampler.accept(token)
        self._model = model
        self._emit = emit
        self._seed = seed
        self._text = ReplyText(request.thinking, request.stop)
        self._max_tokens = request.max_tokens
        self._ignore_eog = request.ignore_eog
        self._arrived_s = arrived_s
        self._started_s = arrived_s
        self._first_s = 0.0
        self._last_s = 0.0
        self._thinking_end_s = 0.0
        self._completion_tokens = 0
        self._thinking_tokens = 0
        self._pending_channel: Channel = self._text.channel
        self._pending_text: list[str] = []
        self._pending_tokens = 0
        self._flushed_s = 0.0

    def started(self) -> None:
        """The prompt's evaluation begins."""
        self._started_s = time.perf_counter()

    def prompt_progress(self) -> None:
        """Tell how much of the prompt is evaluated."""
        job = self.job
        self._emit(
            PromptProgress(
                request_id=job.request_id, done_tokens=job.evaluated, total_tokens=job.prompt_length
            )
        )

    def take(self, token: int) -> FinishReason | None:
        """Count one new token and its text; the reason if it is the last."""
        now = time.perf_counter()
        if not self._completion_tokens:
            self._first_s = now
        self._last_s = now
        self._completion_tokens += 1
        piece, ends = self._model.piece(token)
        if ends and not self._ignore_eog:
            return "stop"
        channel = self._text.channel
        stretches = self._text.feed(piece)
        if channel == "thinking" or self._text.channel == "thinking":
            channel = "thinking"
            self._thinking_tokens += 1
            self._thinking_end_s = now
        if channel != self._pending_channel:
            self._flush(now)
            self._pending_channel = channel
        self._pending_tokens += 1
        for stretch_channel, text in stretches:
            if stretch_channel != self._pending_channel:
                self._flush(now)
                self._pending_channel = stretch_channel
            self._pending_text.append(text)
        if self._text.stopped:
            return "stop"
        if now - self._flushed_s >= DELTA_INTERVAL_S:
            self._flush(now)
        if self._completion_tokens == self._max_tokens:
            return "length"
        return None

    def finish(self, reason: FinishReason, speculated: tuple[int, int] = (0, 0)) -> None:
        """Send the rest of the text and the figures, and free the sampler.

        `speculated` counts the tokens that were guessed ahead, and those of them that were right.
        """
        for channel, text in self._text.finish():
            if channel != self._pending_channel:
                self._flush(0.0)
                self._pending_channel = channel
            self._pending_text.append(text)
        self._flush(0.0)
        self._emit(Finished(request_id=self.job.request_id, reason=reason, stats=self._stats(speculated)))
        self.free()

    def free(self) -> None:
        """Give the sampler's memory back."""
        self.sampler.free()

    def _flush(self, now_s: float) -> None:
        if not self._pending_tokens and not self._pending_text:
            return
        self._flushed_s = now_s
        self._emit(
            Delta(
                request_id=self.job.request_id,
                channel=self._pending_channel,
                text="".join(self._pending_text),
                tokens=self._pending_tokens,
            )
        )
        self._pending_text.clear()
        self._pending_tokens = 0

    def _stats(self, speculated: tuple[int, int]) -> GenerationStats:
        job, count = self.job, self._completion_tokens
        prompt_s = (self._first_s or time.perf_counter()) - self._started_s
        decode_s = self._last_s - self._first_s
        evaluated = (job.prompt_length if count else job.evaluated) - job.reused
        return GenerationStats(
            prompt_tokens=job.prompt_length,
            completion_tokens=count,
            thinking_tokens=self._thinking_tokens,
            ttft_s=self._first_s - self._arrived_s if count else 0.0,
            prompt_s=prompt_s,
            decode_s=decode_s,
            thinking_s=max(0.0, self._thinking_end_s - self._first_s),
            prompt_tok_per_s=evaluated / prompt_s if prompt_s > 0 else 0.0,
            decode_tok_per_s=(count - 1) / decode_s if decode_s > 0 else 0.0,
            context_tokens_used=job.evaluated,
            seed=self._seed,
            reused_tokens=job.reused,
            drafted_tokens=speculated[0],
            accepted_tokens=speculated[1],
        )
