"""One turn of a step on a model elsewhere: what can be timed from outside, over HTTP."""

import random
import threading
import time
from collections.abc import Callable, Sequence

from app.base.errors import EngineError
from app.bench.results.report import NotMeasured
from app.bench.results.statistics import percentile
from app.bench.run.order import Turn
from app.bench.run.step_turn import PERCENTILES, POLL_S, TurnResult
from app.bench.run.suite import first_token_prompt
from app.engine.protocol import Finished, Generate, ModelInfo, Part, Sampling
from app.engine.protocol.pending_results import Generation
from app.engine.protocol.reply_source import Answers
from models.system.progress import wait_for

GREEDY = Sampling(temperature=0.0, seed=1)
STORY = "Write a long story about a lighthouse keeper and the sea. Do not stop before it has ten chapters."
SHORT_CHARACTERS = 60
USUAL_CHARACTERS_PER_TOKEN = 4.6
ENOUGH_SHARE = 0.25
"""A reply that ends before this share of the tokens that were asked for says too little to be timed."""
ONE_A_PIECE_SHARE = 0.9
"""From this share of pieces to tokens on, the time between pieces is the time between tokens."""

TOO_SHORT = "The model ended its reply after {tokens} tokens, too few to time them."
NOT_COUNTED = "The server does not count the tokens of a prompt."
NO_DIFFERENCE = (
    "The longer prompt did not take longer than the short one: the way there takes most of the time."
)
REFUSED = "The server does not answer so many at once: {said}"


class CannotMeasureError(Exception):
    """A step's figure cannot be had from this server. `why_not` says why."""

    def __init__(self, key: str, reason: str, **values: str | int | float) -> None:
        super().__init__(reason)
        self.why_not = NotMeasured(key=key, reason=reason, values=dict(values))


class ElsewhereTurns:
    """Runs single turns on one model. One thread, which waits; `on_wait` is called about ten times a second
    meanwhile with the seconds since the turn began.

    No prompt begins as another one did, whatever `seed`'s runs before it, so that no cache of the server's
    spares it the rest.
    """

    def __init__(
        self,
        answers: Answers,
        model: ModelInfo,
        seed: str,
        cancel: threading.Event | None,
        on_wait: Callable[[float], None],
    ) -> None:
        self._answers = answers
        self._model = model
        self._seed = seed
        self._cancel = cancel
        self._on_wait = on_wait
        self._characters_per_token = USUAL_CHARACTERS_PER_TOKEN

    def run(self, turn: Turn) -> TurnResult:
        """One turn. Raises `Cancelled`, `CannotMeasureError`, and `EngineError` where the server fails."""
        match turn.step.kind:
            case "prompt":
                return self._prompt(turn)
            case "generation":
                return self._generation(turn)
            case "first_token":
                return self._first_token(turn)
            case "streams":
                return self._streams(turn)
            case other:
                raise ValueError(f"a {other} cannot be timed from outside")

    def _first_token(self, turn: Turn) -> TurnResult:
        end = self._ask(f"{self._nonce(turn)} {first_token_prompt()}", 1)
        return TurnResult(end.stats.ttft_s, prompt_tokens=end.stats.prompt_tokens)

    def _prompt(self, turn: Turn) -> TurnResult:
        """The tokens by which two prompts differ, by the difference of their times to the first token: what
        both have in common, the way there and the first token itself, falls out."""
        key, wanted = turn.step.key, turn.step.tokens
        more = round(wanted * self._characters_per_token)
        short = self._ask(self._text(turn, "short", SHORT_CHARACTERS), 1).stats
        long = self._ask(self._text(turn, "long", SHORT_CHARACTERS + more), 1).stats
        if not short.prompt_tokens or not long.prompt_tokens:
            raise CannotMeasureError(key, NOT_COUNTED)
        self._characters_per_token = more / max(1, long.prompt_tokens - short.prompt_tokens)
        tokens = (long.prompt_tokens - long.reused_tokens) - (short.prompt_tokens - short.reused_tokens)
        seconds = long.ttft_s - short.ttft_s
        if tokens <= 0 or seconds <= 0:
            raise CannotMeasureError(key, NO_DIFFERENCE)
        return TurnResult(tokens / seconds, prompt_tokens=tokens)

    def _generation(self, turn: Turn) -> TurnResult:
        """The tokens after the first by the time from the first piece to the last."""
        wanted = turn.step.tokens
        end = self._ask(f"{self._nonce(turn)} {STORY}", wanted + 1)
        self._check_length(turn, end)
        stats, further = end.stats, {}
        if 1 + len(stats.token_s) >= ONE_A_PIECE_SHARE * stats.completion_tokens:
            further = {f"latency_p{share}": percentile(stats.token_s, share) for share in PERCENTILES}
        return TurnResult(stats.decode_tok_per_s, stats.prompt_tokens, stats.completion_tokens - 1, further)

    def _streams(self, turn: Turn) -> TurnResult:
        """The tokens of all replies by the time from asking to the end of the last."""
        began_s = time.monotonic()
        replies = [
            self._answers.ask(self._request(f"{self._nonce(turn, str(stream))} {STORY}", turn.step.tokens))
            for stream in range(turn.step.streams)
        ]
        try:
            ends = [self._wait(reply, replies) for reply in replies]
        except EngineError as error:
            for reply in replies:
                reply.cancel()
            raise CannotMeasureError(turn.step.key, REFUSED, said=str(error)) from error
        seconds = time.monotonic() - began_s
        for end in ends:
            self._check_length(turn, end)
        tokens = sum(end.stats.completion_tokens for end in ends)
        return TurnResult(tokens / seconds, ends[0].stats.prompt_tokens, round(tokens / len(ends)))

    def _check_length(self, turn: Turn, end: Finished) -> None:
        tokens = end.stats.completion_tokens
        if tokens < max(2, ENOUGH_SHARE * turn.step.tokens):
            raise CannotMeasureError(turn.step.key, TOO_SHORT, tokens=tokens)

    def _nonce(self, turn: Turn, more: str = "") -> str:
        return f"{random.Random(f'{self._seed} {turn.step.key} {turn.repeat} {more}').getrandbits(64):016x}:"

    def _text(self, turn: Turn, more: str, characters: int) -> str:
        start, text = self._nonce(turn, more), first_token_prompt()
        times = 1 + characters // len(text)
        return f"{start} {' '.join([text] * times)[:characters]}"

    def _request(self, text: str, max_tokens: int) -> Generate:
        return Generate(
            request_id=0,
            parts=[Part(text)],
            sampling=GREEDY,
            max_tokens=max_tokens,
            model=self._model.path,
            token_times=True,
        )

    def _ask(self, text: str, max_tokens: int) -> Finished:
        reply = self._answers.ask(self._request(text, max_tokens))
        return self._wait(reply, [reply])

    def _wait(self, reply: Generation, all_replies: Sequence[Generation]) -> Finished:
        started_s = time.monotonic()

        def stop() -> None:
            for each in all_replies:
                each.cancel()

        return wait_for(
            reply.future, self._cancel, stop, lambda: self._on_wait(time.monotonic() - started_s), POLL_S
        )
