"""Tokens per second, time to first token and context fill, from the engine's events."""

import threading
from collections import deque
from dataclasses import dataclass
from typing import Literal

from app.engine.protocol import Delta, Event, Failed, Finished, Loaded, PromptProgress, Ready, Unloaded

Phase = Literal["idle", "prompt", "generation"]

WINDOW_S = 2.0
WINDOW_DELTAS = 8


@dataclass(frozen=True, slots=True)
class Rates:
    """The present speeds of the engine; None where nothing has been measured yet.

    `generation_tok_per_s` is the present rate of all replies together, 0 when none runs. `last_...` is the
    last reply's. `prompt_tok_per_s` and `ttft_s` are the newest reply's, and stay after it has ended.
    """

    phase: Phase = "idle"
    generation_tok_per_s: float = 0.0
    last_generation_tok_per_s: float | None = None
    prompt_tok_per_s: float | None = None
    ttft_s: float | None = None
    context_tokens: int = 0
    context_limit: int = 0


@dataclass(slots=True)
class _Reply:
    asked_s: float | None
    """The time of its request; None where that was not seen."""
    first_progress: tuple[float, int] | None = None
    """The time when the first part of the prompt was evaluated, and the tokens then, reused ones included."""
    prompt_tokens: int = 0
    completion_tokens: int = 0


class RateMeter:
    """Turns events into `Rates`. Any thread; times are given by the caller, seconds of one clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[int, float] = {}
        self._replies: dict[int, _Reply] = {}
        self._deltas: deque[tuple[float, int]] = deque()
        self._last_generation: float | None = None
        self._prompt: float | None = None
        self._ttft_s: float | None = None
        self._context_tokens = 0
        self._context_limit = 0

    def on_asked(self, request_id: int, now_s: float) -> None:
        """A reply was asked for; without this call its time to first token is known at its end only."""
        with self._lock:
            self._asked[request_id] = now_s
            self._prompt = self._ttft_s = None

    def on_event(self, event: Event, now_s: float) -> None:
        """Count one event of the engine."""
        with self._lock:
            match event:
                case PromptProgress():
                    self._on_prompt(event, now_s)
                case Delta():
                    self._on_delta(event, now_s)
                case Finished():
                    self._on_finished(event)
                case Failed():
                    self._end(event.request_id)
                case Loaded():
                    self._forget()
                    self._context_limit = event.info.context_tokens
                case Ready() | Unloaded():
                    self._forget()

    def forget(self) -> None:
        """The engine's process has ended, and with it every reply."""
        with self._lock:
            self._forget()

    def rates(self, now_s: float) -> Rates:
        """The figures now."""
        with self._lock:
            generation = self._generation_rate(now_s)
            return Rates(
                phase=self._phase(),
                generation_tok_per_s=generation,
                last_generation_tok_per_s=self._last_generation if generation == 0 else generation,
                prompt_tok_per_s=self._prompt,
                ttft_s=self._ttft_s,
                context_tokens=self._context_tokens,
                context_limit=self._context_limit,
            )

    def _on_prompt(self, event: PromptProgress, now_s: float) -> None:
        reply = self._reply(event.request_id)
        reply.prompt_tokens = event.total_tokens
        if reply.first_progress is None:
            # It holds tokens that were evaluated for an earlier reply: the rate is that of what follows.
            reply.first_progress = now_s, event.done_tokens
        since_s, done_before = reply.first_progress
        if now_s > since_s and event.done_tokens > done_before:
            self._prompt = (event.done_tokens - done_before) / (now_s - since_s)
        self._context_tokens = event.done_tokens

    def _on_delta(self, event: Delta, now_s: float) -> None:
        reply = self._reply(event.request_id)
        if not reply.completion_tokens and reply.asked_s is not None:
            self._ttft_s = now_s - reply.asked_s
        reply.completion_tokens += event.tokens
        self._deltas.append((now_s, event.tokens))
        self._drop_old(now_s)
        self._context_tokens = reply.prompt_tokens + reply.completion_tokens

    def _on_finished(self, event: Finished) -> None:
        self._end(event.request_id)
        stats = event.stats
        if stats.decode_tok_per_s > 0:
            self._last_generation = stats.decode_tok_per_s
        if stats.prompt_tok_per_s > 0:
            self._prompt = stats.prompt_tok_per_s
        if stats.completion_tokens:
            self._ttft_s = stats.ttft_s
        self._context_tokens = stats.context_tokens_used

    def _reply(self, request_id: int) -> _Reply:
        if request_id not in self._replies:
            self._replies[request_id] = _Reply(self._asked.pop(request_id, None))
        return self._replies[request_id]

    def _end(self, request_id: int) -> None:
        self._asked.pop(request_id, None)
        self._replies.pop(request_id, None)
        if not self._replies:
            self._deltas.clear()

    def _forget(self) -> None:
        self._asked.clear()
        self._replies.clear()
        self._deltas.clear()
        self._last_generation = self._prompt = self._ttft_s = None
        self._context_tokens = self._context_limit = 0

    def _phase(self) -> Phase:
        if any(reply.completion_tokens for reply in self._replies.values()):
            return "generation"
        return "prompt" if self._replies else "idle"

    def _drop_old(self, now_s: float) -> None:
        # A slow model keeps at least eight deltas, so that its figure does not jump.
        while len(self._deltas) > WINDOW_DELTAS and self._deltas[0][0] < now_s - WINDOW_S:
            self._deltas.popleft()

    def _generation_rate(self, now_s: float) -> float:
        self._drop_old(now_s)
        if len(self._deltas) < 2:
            return 0.0
        first_s, last_s = self._deltas[0][0], self._deltas[-1][0]
        span_s = last_s - first_s
        # Between two deltas the reply is not stalled: only a silence longer than two of them counts.
        if now_s - last_s > 2 * span_s / (len(self._deltas) - 1):
            span_s = now_s - first_s
        tokens = sum(count for _, count in self._deltas) - self._deltas[0][1]
        return tokens / span_s if span_s > 0 else 0.0
