"""Speculative decoding: guesses at the next tokens, checked by the model in one batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.engine.draft_length import DraftLength
from app.engine.guess import NO_GUESS, OF_A_MODEL, Guess
from app.engine.lookup import PromptLookup
from app.engine.messages import SpeculationMode
from app.engine.scheduler import Chunk, Job
from app.engine.step_cost import StepCost

DRAFT_ROWS = 32
"""Most guessed tokens in one batch, of all replies together: each takes a row of logits (0.6 MB at R1's
vocabulary). On a graphics card a step costs about the same up to here."""


SURE_LOOKUP = 8
"""So many tokens must agree for a guess from the text to go before one of the draft model."""

PROBE_STEPS = 64
"""A draft model that did not pay is tried again after so many steps, and with each reply: texts change."""


class Drafter(Protocol):
    """A small model that guesses; `draft.DraftModel`."""

    token_s: float

    def guess(self, wanted: Sequence[tuple[Job, int]]) -> dict[int, Guess]:
        """Guesses by request, each of as many tokens at most as is wanted of it."""


@dataclass(slots=True)
class _Guesser:
    lookup: PromptLookup
    length: DraftLength
    drafts: bool
    last_position: int
    idle_steps: int = PROBE_STEPS - 1


class Speculations:
    """The guesses of all replies of one model; lives on the engine's thread.

    Nothing here changes what is said: the runner draws each token from the model's own distribution as
    without guesses, and a guess only decides whether the next one can be drawn from the same batch.
    """

    def __init__(self, context_tokens: int, draft: Drafter | None = None) -> None:
        self._context_tokens = context_tokens
        self._draft = draft
        self._cost = StepCost()
        self._guessers: dict[int, _Guesser] = {}

    def begin(self, job: Job, mode: SpeculationMode, max_tokens: int) -> None:
        """Guess for this reply from now on; `max_tokens` 0 is as many as fit."""
        if mode == "off":
            return
        last = job.prompt_length + max_tokens if max_tokens else self._context_tokens
        self._guessers[job.request_id] = _Guesser(
            PromptLookup(),
            DraftLength(self._cost),
            mode == "draft" and self._draft is not None,
            min(last, self._context_tokens),
        )

    def guess(self, replies: Sequence[Job]) -> None:
        """Set each reply's `draft` for the next step."""
        if not self._guessers:
            return
        batch_tokens = sum(len(job.tokens) - job.evaluated for job in replies)
        drafting: list[tuple[Job, int]] = []
        for job in replies:
            guesser = self._guessers.get(job.request_id)
            if guesser is None:
                continue
            # The token that is drawn after the last guess has to fit as well.
            most = min(DRAFT_ROWS, guesser.last_position - len(job.tokens) - 1)
            found = guesser.lookup.guess(job.tokens, most)
            if guesser.drafts and found.agreed < SURE_LOOKUP:
                job.draft = []
                drafting.append((job, self._draft_length(guesser, most, batch_tokens)))
                continue
            guesser.length.note(found)
            count = guesser.length.best(found.kinds, batch_tokens)
            job.draft = list(found.tokens[:count])
            batch_tokens += count
        if self._draft is not None and drafting:
            guesses = self._draft.guess(drafting)
            for job, _ in drafting:
                guess = guesses.get(job.request_id, NO_GUESS)
                self._guessers[job.request_id].length.note(guess)
                job.draft = list(guess.tokens)

    def _draft_length(self, guesser: _Guesser, most: int, batch_tokens: int) -> int:
        assert self._draft is not None
        count = guesser.length.best((OF_A_MODEL,) * most, batch_tokens, self._draft.token_s)
        guesser.idle_steps = 0 if count else guesser.idle_steps + 1
        if guesser.idle_steps == PROBE_STEPS:
            guesser.idle_steps = 0
            return min(most, 2)
        return count

    def note_step(self, chunks: Sequence[Chunk], seconds: float) -> None:
        """A step took so long; prompts are left out, as nobody guesses at them."""
        if self._guessers and not any(chunk.job.in_prompt or chunk.start == 0 for chunk in chunks):
            tokens = sum(chunk.end - chunk.start + len(chunk.draft) for chunk in chunks)
            self._cost.observe(tokens, seconds)

    def learn(self, job: Job, drafted: int, new_tokens: Sequence[int]) -> None:
        """After `drafted` guesses in the batch, `new_tokens` were drawn."""
        guesser = self._guessers.get(job.request_id)
        if guesser is not None:
            guesser.length.learn(drafted, new_tokens)

    def end(self, job: Job) -> tuple[int, int]:
        """Forget a reply; how many tokens were guessed for it, and how many of them were right."""
        guesser = self._guessers.pop(job.request_id, None)
        return (guesser.length.drafted, guesser.length.accepted) if guesser is not None else (0, 0)
