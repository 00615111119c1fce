"""One reply while it is generated: its sampler, its thinking, its text, its clock."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from app.engine.batching.scheduler import Job
from app.engine.generation.continued_reply import Beginning
from app.engine.generation.delta_stream import DeltaStream
from app.engine.generation.thinking_limits import LOOK_TOKENS, until_look
from app.engine.llama.candidates import Candidates, Logits
from app.engine.llama.context import Context
from app.engine.llama.model import Model
from app.engine.llama.sampler import Sampler
from app.engine.protocol import (
    Candidate,
    Channel,
    Event,
    Finished,
    FinishReason,
    Generate,
    GenerationStats,
    Notice,
    PromptProgress,
    ThinkingClosed,
    TokenLogprob,
)
from app.engine.protocol.message_base import THINK_OPEN

_ENDLESS = 1 << 30


class Taken(NamedTuple):
    """The outcome of a token that was drawn: the tokens that go into the context, and the reason where the
    reply ends with it."""

    tokens: list[int]
    reason: FinishReason | None = None


class _Drawn(NamedTuple):
    """A token as it was drawn, at `time.perf_counter()`."""

    token: int
    logprob: TokenLogprob | None
    at_s: float


class Reply:
    """The engine's side of a `Generate` request; lives on the engine's thread.

    What the tokens say is read some at a time, when text is due to be sent or something may have to happen:
    after a step of llama.cpp, Python's code has to come from memory again, which takes longer than its work.
    """

    def __init__(
        self,
        request: Generate,
        job: Job,
        model: Model,
        candidates: Candidates,
        seed: int,
        arrived_s: float,
        emit: Callable[[Event], None],
        beginning: Beginning,
    ) -> None:
        """Begin a reply, or go on with one. `arrived_s` is `time.perf_counter()` at the request's arrival."""
        self.request = request
        self.job = job
        self._model = model
        self._control = beginning.control
        self._answer_guard = beginning.answer_guard
        self._answer_loops = beginning.answer_loops
        self._answer_tokens = beginning.answer_tokens
        self._closed = beginning.closed
        self._text = beginning.text
        # What was drawn for the first part must not be drawn again for the second.
        drawn = seed if request.partial is None else (seed + len(job.tokens)) % 2**32
        self.sampler = Sampler(model, request.sampling, drawn, candidates, beginning.grammar)
        self.sampler.accept_prompt(job.tokens)
        self._may_open = -1
        if self.sampler.has_grammar and beginning.is_bound:
            self.sampler.bind()
            if beginning.may_think:
                self._may_open = _only_token(model, THINK_OPEN)
        self._deltas = DeltaStream(job.request_id, emit)
        self._emit = emit
        self._seed = seed
        self._arrived_s = arrived_s
        self._started_s = arrived_s
        self._first_s = 0.0
        self._last_s = 0.0
        self._token_s: list[float] = []
        self._thinking_end_s = 0.0
        self._completion_tokens = 0
        self._thinking_tokens = self._thought_before = beginning.thinking_tokens
        self._thinking_s_before = beginning.thinking_s
        self._resumed_tokens = beginning.resumed_tokens
        self._unread: list[_Drawn] = []
        # Anything in the answer may complete a stop string, and a grammar may begin anywhere.
        self._reads_each = bool(request.stop) or self.sampler.has_grammar or request.logprobs is not None
        self._read_at = 1
        """The token of the reply with which it is read at the latest."""

    def started(self) -> None:
        """Note that the prompt's evaluation begins, or that of a reply of the background again."""
        if not self._completion_tokens:
            self._started_s = time.perf_counter()

    def prompt_progress(self) -> None:
        """Tell how much of the prompt is evaluated."""
        job = self.job
        self._emit(
            PromptProgress(
                request_id=job.request_id, done_tokens=job.evaluated, total_tokens=job.prompt_length
            )
        )

    def answer_now(self) -> None:
        """Close the thinking block with the next token."""
        self._control.asked = True

    def draw(self, context: Context, row: int, replies: int) -> Taken:
        """Draw a token from the logits of batch row `row` and count it; `replies` run at once. Raises
        `NativeError`, `GrammarError`."""
        token = self.sampler.sample(context, row, also=self._may_open)
        logprob = None
        if self.request.logprobs is not None:
            logprob = token_logprob(self._model, context.logits(row), token, self.request.logprobs)
        now_s = time.perf_counter()
        self._count(token, logprob, now_s)
        if token == self._may_open:
            self.sampler.unbind()
        self._may_open = -1
        return self._look(token, now_s, replies)

    def room(self) -> int:
        """Count the tokens that may be drawn before one has to be read; 0 where `draw` has to draw each."""
        if self.request.logprobs is not None:
            return 0
        return 1 if self._control.asked else max(1, self._read_at - self._completion_tokens)

    def left(self) -> int:
        """Count the tokens until `max_tokens`; many where there is no such limit."""
        return self.request.max_tokens - self._completion_tokens if self.request.max_tokens else _ENDLESS

    def due_s(self, replies: int) -> float:
        """Return when what was drawn has to be read at the latest, as `time.perf_counter()`."""
        return self._deltas.due_s(replies)

    def take(self, tokens: Sequence[int], times_s: Sequence[float], replies: int) -> Taken:
        """Count tokens that were drawn elsewhere, one at least and no more than `room`, at these times; what
        comes of the last."""
        for token, now_s in zip(tokens, times_s, strict=True):
            self._count(token, None, now_s)
        return self._look(tokens[-1], times_s[-1], replies)

    def _count(self, token: int, logprob: TokenLogprob | None, now_s: float) -> None:
        if not self._completion_tokens:
            self._first_s = now_s
            self._deltas.note_first(now_s - self._arrived_s, self._prompt_rate(self.job.prompt_length, now_s))
        elif self.request.token_times:
            self._token_s.append(now_s - self._last_s)
        self._last_s = now_s
        self._completion_tokens += 1
        self._unread.append(_Drawn(token, logprob, now_s))

    def _look(self, token: int, now_s: float, replies: int) -> Taken:
        """Read what is unread where it is time to."""
        is_due = self._deltas.is_due(now_s, replies)
        if not (
            is_due
            or self._completion_tokens >= self._read_at
            or self._control.asked
            or self._model.piece(token)[1]
        ):
            return Taken([token])
        taken = self._read()
        if is_due:
            self._deltas.send(now_s)
        return taken

    def finish(self, reason: FinishReason, speculated: tuple[int, int] = (0, 0)) -> None:
        """Send the rest of the text and the figures, and free the sampler.

        `speculated` counts the tokens that were guessed ahead, and those of them that were right.
        """
        self._send_rest(cut=reason != "stop")
        self._emit(Finished(request_id=self.job.request_id, reason=reason, stats=self._stats(speculated)))
        self.sampler.free()

    def break_off(self) -> None:
        """Send the rest of the text and free the sampler; whoever found the failure tells it."""
        self._send_rest(cut=True)
        self.sampler.free()

    def _send_rest(self, *, cut: bool) -> None:
        for drawn in self._unread:
            self._hear(drawn)
        self._unread.clear()
        self._deltas.add_text(self._text.finish(cut=cut))
        self._deltas.send()

    def _read(self) -> Taken:
        """Take in what was drawn since the last time; what becomes of the last token."""
        *earlier, last = self._unread
        self._unread.clear()
        for drawn in earlier:
            self._hear(drawn)
        token = last.token
        if self._model.piece(token)[1]:
            if self._text.channel == "thinking" and self.sampler.has_grammar:
                # It would end without the answer that was asked for.
                return Taken(self._close("model"))
            if not self.request.ignore_eog or self.sampler.bound:
                return Taken([token], "stop")
        tokens = self._hear(last)
        if self._text.stopped:
            return Taken(tokens, "stop")
        if self._text.channel == "thinking":
            thought_s = self._thinking_s_before + last.at_s - self._first_s
            why = self._control.why_close(self._thinking_tokens, thought_s)
            if why and not self._text.is_inside_character:
                tokens += self._close(why)
        elif self._answer_loops and self._answer_tokens % LOOK_TOKENS == 0:
            return Taken(tokens, "loop")
        if self._completion_tokens == self.request.max_tokens:
            return Taken(tokens, "length")
        self._read_at = self._completion_tokens + (1 if self._reads_each else self._unwatched())
        if self.request.max_tokens:
            self._read_at = min(self._read_at, self.request.max_tokens)
        return Taken(tokens)

    def _unwatched(self) -> int:
        """Count the tokens that can be drawn until something may have to happen, except by the clock."""
        thinks, guard = self._text.may_think, self._answer_guard
        tokens = self._control.unwatched(self._thinking_tokens) if thinks else _ENDLESS
        if guard is not None:
            # The thought may end unread.
            tokens = min(tokens, guard.soonest() if thinks else until_look(guard, self._answer_tokens))
        return tokens

    def _hear(self, drawn: _Drawn) -> list[int]:
        """Take in what a token says; the tokens that go into the context for it."""
        token = drawn.token
        piece, _ = self._model.piece(token)
        thought = self._text.channel == "thinking"
        stretches = self._text.feed(piece)
        thinks = self._text.channel == "thinking"
        self._deltas.add_token("thinking" if thought or thinks else "answer", drawn.logprob)
        tokens = [token]
        if thought or thinks:
            self._thinking_tokens += 1
            self._thinking_end_s = drawn.at_s
            if not thinks:
                tokens, stretches = self._model_closed(token, piece, stretches)
        else:
            self._answer_tokens += 1
        self._deltas.add_text(stretches)
        if thinks:
            self._control.note(token, piece)
        elif self._answer_guard is not None:
            self._answer_loops = self._answer_guard.add(token, piece)
        return tokens

    def _model_closed(
        self, token: int, piece: bytes, stretches: list[tuple[Channel, str]]
    ) -> tuple[list[int], list[tuple[Channel, str]]]:
        """Note that the model has closed the block with this token; from here on a grammar counts."""
        self._closed = self._closed or "model"
        if not self.sampler.has_grammar:
            return [token], stretches
        # What the token says after the tag is not bound by the grammar: take it back.
        rest = "".join(text for channel, text in stretches if channel == "answer").encode()
        tokens = [token]
        if rest:
            tokens = self._model.tokenize(piece.removesuffix(rest), special=True)
        if not piece.endswith(b"\n"):
            gap = self._model.tokenize(b"\n\n", special=False)
            for added in gap:
                self.sampler.accept(added)
            tokens += gap
        self.sampler.bind()
        return tokens, [stretch for stretch in stretches if stretch[0] == "thinking"]

    def _close(self, why: ThinkingClosed) -> list[int]:
        """Close the thinking block; the tokens that do."""
        self._control.asked = False
        closing = self._control.closing()
        tokens = self._model.tokenize(closing, special=True)
        self._deltas.add_text(self._text.feed(closing))
        for token in tokens:
            self.sampler.accept(token)
        self._closed = why
        if self.sampler.has_grammar:
            self.sampler.bind()
        message = ""
        if why == "loop":
            message = "The model's thoughts were going in circles, so they were ended after {tokens} tokens."
        elif why == "room":
            message = (
                "The context is nearly full, so the thoughts were ended after {tokens} tokens, to leave room "
                "for an answer."
            )
        if message:
            self._deltas.send()
            values: dict[str, str | int | float] = {"tokens": self._thinking_tokens}
            self._emit(Notice(request_id=self.job.request_id, message=message, values=values))
        return tokens

    def _prompt_rate(self, tokens: int, end_s: float) -> float:
        """Compute how fast so many of the prompt's tokens came, but for those that were there already."""
        prompt_s = end_s - self._started_s
        evaluated = tokens - min(self.job.reused, self.job.prompt_length)
        return evaluated / prompt_s if prompt_s > 0 else 0.0

    def _stats(self, speculated: tuple[int, int]) -> GenerationStats:
        job, count = self.job, self._completion_tokens
        prompt_end_s = self._first_s or time.perf_counter()
        decode_s = self._last_s - self._first_s
        return GenerationStats(
            prompt_tokens=job.prompt_length,
            completion_tokens=count,
            thinking_tokens=self._thinking_tokens - self._thought_before,
            ttft_s=self._first_s - self._arrived_s if count else 0.0,
            prompt_s=prompt_end_s - self._started_s,
            decode_s=decode_s,
            thinking_s=max(0.0, self._thinking_end_s - self._first_s),
            prompt_tok_per_s=self._prompt_rate(job.prompt_length if count else job.evaluated, prompt_end_s),
            decode_tok_per_s=(count - 1) / decode_s if decode_s > 0 else 0.0,
            context_tokens_used=job.evaluated,
            seed=self._seed,
            reused_tokens=min(job.reused, job.prompt_length),
            drafted_tokens=speculated[0],
            accepted_tokens=speculated[1],
            thinking_closed=self._closed,
            resumed_tokens=self._resumed_tokens,
            token_s=self._token_s,
        )


def _only_token(model: Model, text: str) -> int:
    """Return the token that is `text`; -1 where the vocabulary has none."""
    tokens = model.tokenize(text.encode(), special=True)
    return tokens[0] if len(tokens) == 1 else -1


def token_logprob(model: Model, logits: Logits, token: int, alternatives: int) -> TokenLogprob:
    """Compute the log probability of `token` and those of the `alternatives` likeliest tokens, of the model's
    own distribution: before temperature, penalties and whatever else."""
    largest = logits.max()
    total = np.exp(logits - largest, dtype=np.float32).sum(dtype=np.float64)
    offset = float(largest) + float(np.log(total))

    def candidate(id_: int) -> Candidate:
        return Candidate(id_, model.raw_piece(id_, special=True), float(logits[id_]) - offset)

    if not alternatives:
        return TokenLogprob(candidate(token))
    best = np.argpartition(logits, -alternatives)[-alternatives:]
    best = best[np.argsort(-logits[best], kind="stable")]
    return TokenLogprob(candidate(token), [candidate(int(id_)) for id_ in best])
