"""Tokens per second, time to first token and context fill, from the engine's events."""

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.engine.protocol import (
    Delta,
    Event,
    Failed,
    Finished,
    Generate,
    Loaded,
    PromptProgress,
    Ready,
    Unloaded,
)

Phase = Literal["idle", "prompt", "generation"]

WINDOW_S = 2.0
WINDOW_DELTAS = 8
SHORTEST_S = 0.25
"""A rate is told of no shorter time: what has waited for a busy window comes in one burst."""
MOST_CHATS = 64


@dataclass(frozen=True, slots=True)
class ChatRate:
    """A chat's own figures: tokens in its context, None where that is not known, how many fit there, and the
    present rate of its reply, None where no reply of it runs."""

    context_tokens: int | None
    context_limit: int
    tok_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class Rates:
    """The present speeds of the engine; None where nothing has been measured yet.

    `generation_tok_per_s` is the present rate of all replies together, 0 when none runs; `unasked` counts
    those of them that nobody has asked for, and all else is of the others. `last_...` is the last reply's.
    `prompt_tok_per_s` and `ttft_s` are the newest reply's, and stay after it has ended. `replies` counts
    those that run; `chats` has the chats that were answered last, by `Generate.chat_key`.
    """

    phase: Phase = "idle"
    generation_tok_per_s: float = 0.0
    last_generation_tok_per_s: float | None = None
    prompt_tok_per_s: float | None = None
    ttft_s: float | None = None
    context_tokens: int = 0
    context_limit: int = 0
    replies: int = 0
    unasked: int = 0
    chats: Mapping[str, ChatRate] = field(default_factory=dict)

    @property
    def is_before_replies(self) -> bool:
        """Of the model that was loaded last no reply has been seen."""
        return not self.replies and not self.context_tokens

    @property
    def is_without_figures(self) -> bool:
        """Nothing is known of any reply that was asked for."""
        known = (self.last_generation_tok_per_s, self.prompt_tok_per_s, self.ttft_s)
        return self.is_before_replies and all(figure is None for figure in known)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A reply that was asked for: when, for which chat, and of the model of which file."""

    at_s: float | None = None
    """None where that was not seen."""
    chat_key: str = ""
    model: str = ""
    unasked: bool = False


@dataclass(slots=True)
class _Reply:
    asked: _Asked
    first_progress: tuple[float, int] | None = None
    """The time when the first part of the prompt was evaluated, and the tokens then, reused ones included."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    deltas: deque[tuple[float, int]] = field(default_factory=deque)


class RateMeter:
    """Turns events into `Rates`. Any thread; times are given by the caller, seconds of one clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[int, _Asked] = {}
        self._replies: dict[int, _Reply] = {}
        self._deltas: deque[tuple[float, int]] = deque()
        self._last_generation: float | None = None
        self._prompt: float | None = None
        self._ttft_s: float | None = None
        self._context_tokens = 0
        self._context_limit = 0
        self._limits: dict[str, int] = {}
        """Context of each loaded model, by its file."""
        self._loaded = ""
        """The file of the model that was loaded last."""
        self._chats: dict[str, ChatRate] = {}

    def on_asked(self, request: Generate, now_s: float) -> None:
        """A reply was asked for; without this call its time to first token is known at its end only."""
        with self._lock:
            asked = _Asked(now_s, request.chat_key, request.model, request.unasked)
            self._asked[request.request_id] = asked
            if not asked.unasked:
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
                    self._on_loaded(event)
                case Unloaded():
                    self._on_unloaded(event)
                case Ready():
                    self._forget()

    def forget(self) -> None:
        """The engine's process has ended, and with it every reply."""
        with self._lock:
            self._forget()

    def rates(self, now_s: float) -> Rates:
        """The figures now."""
        with self._lock:
            generation = _rate(self._deltas, now_s)
            unasked = sum(reply.asked.unasked for reply in self._replies.values())
            replies = len(self._replies) - unasked
            return Rates(
                phase=self._phase(),
                generation_tok_per_s=generation,
                last_generation_tok_per_s=generation if generation and replies else self._last_generation,
                prompt_tok_per_s=self._prompt,
                ttft_s=self._ttft_s,
                context_tokens=self._context_tokens,
                context_limit=self._context_limit,
                replies=replies,
                unasked=unasked,
                chats=self._chat_rates(now_s),
            )

    def _chat_rates(self, now_s: float) -> dict[str, ChatRate]:
        running = {
            reply.asked.chat_key: _rate(reply.deltas, now_s)
            for reply in self._replies.values()
            if reply.asked.chat_key
        }
        return {
            key: ChatRate(chat.context_tokens, chat.context_limit, running.get(key))
            for key, chat in self._chats.items()
        }

    def _on_loaded(self, event: Loaded) -> None:
        path, limit = event.info.path, event.info.context_tokens
        self._limits[path], self._loaded = limit, path
        # What other models answer goes on beside it.
        self._last_generation = self._prompt = self._ttft_s = None
        self._context_tokens, self._context_limit = 0, limit

    def _on_unloaded(self, event: Unloaded) -> None:
        if not event.path or set(self._limits) <= {event.path}:
            self._forget()
            return
        self._limits.pop(event.path, None)
        if event.path == self._loaded:
            self._context_tokens = self._context_limit = 0

    def _on_prompt(self, event: PromptProgress, now_s: float) -> None:
        reply = self._reply(event.request_id)
        if reply.asked.unasked:
            return
        reply.prompt_tokens = event.total_tokens
        if reply.first_progress is None:
            # It holds tokens that were evaluated for an earlier reply: the rate is that of what follows.
            reply.first_progress = now_s, event.done_tokens
        since_s, done_before = reply.first_progress
        if now_s - since_s >= SHORTEST_S and event.done_tokens > done_before:
            self._prompt = (event.done_tokens - done_before) / (now_s - since_s)
        self._fill(reply, event.done_tokens)

    def _on_delta(self, event: Delta, now_s: float) -> None:
        reply = self._reply(event.request_id)
        is_first = not reply.completion_tokens
        reply.completion_tokens += event.tokens
        for deltas in (self._deltas, reply.deltas):
            deltas.append((now_s, event.tokens))
            _drop_old(deltas, now_s)
        if reply.asked.unasked:
            return
        if event.ttft_s:
            self._ttft_s = event.ttft_s
        elif is_first and reply.asked.at_s is not None:
            self._ttft_s = now_s - reply.asked.at_s
        if event.prompt_tok_per_s:
            self._prompt = event.prompt_tok_per_s
        self._fill(reply, reply.prompt_tokens + reply.completion_tokens)

    def _on_finished(self, event: Finished) -> None:
        reply = self._reply(event.request_id)
        self._end(event.request_id)
        if reply.asked.unasked:
            return
        stats = event.stats
        if stats.decode_tok_per_s > 0:
            self._last_generation = stats.decode_tok_per_s
        if stats.prompt_tok_per_s > 0:
            self._prompt = stats.prompt_tok_per_s
        if stats.completion_tokens:
            self._ttft_s = stats.ttft_s
        self._fill(reply, stats.context_tokens_used)

    def _fill(self, reply: _Reply, tokens: int) -> None:
        """Note how full the context of a reply is."""
        limit = self._limits.get(reply.asked.model or self._loaded, self._context_limit)
        self._context_tokens, self._context_limit = tokens, limit
        key = reply.asked.chat_key
        if key:
            self._chats.pop(key, None)
            self._chats[key] = ChatRate(tokens, limit)
            if len(self._chats) > MOST_CHATS:
                del self._chats[next(iter(self._chats))]

    def _reply(self, request_id: int) -> _Reply:
        if request_id not in self._replies:
            self._replies[request_id] = _Reply(self._asked.pop(request_id, _Asked()))
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
        self._limits.clear()
        self._chats.clear()
        self._loaded = ""

    def _phase(self) -> Phase:
        if any(reply.completion_tokens for reply in self._replies.values()):
            return "generation"
        return "prompt" if self._replies else "idle"


def _drop_old(deltas: deque[tuple[float, int]], now_s: float) -> None:
    # A slow model keeps at least eight deltas, so that its figure does not jump. The newest one before the
    # window stays: what came in one burst after it was made since then.
    while len(deltas) > WINDOW_DELTAS and deltas[1][0] < now_s - WINDOW_S:
        deltas.popleft()


def _rate(deltas: deque[tuple[float, int]], now_s: float) -> float:
    """The present rate, tokens a second; 0 where nothing comes, or has come for too short a time."""
    _drop_old(deltas, now_s)
    if len(deltas) < 2 or now_s - deltas[0][0] < SHORTEST_S:
        return 0.0
    first_s, last_s = deltas[0][0], deltas[-1][0]
    span_s = last_s - first_s
    # Between two deltas the reply is not stalled: only a silence longer than two of them counts.
    if now_s - last_s > 2 * span_s / (len(deltas) - 1):
        span_s = now_s - first_s
    tokens = sum(count for _, count in deltas) - deltas[0][1]
    return tokens / span_s if span_s > 0 else 0.0
