"""Speculative decoding: guesses at the next tokens, checked by the model in one batch."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.engine.draft_length import DraftLength
from app.engine.lookup import PromptLookup
from app.engine.messages import SpeculationMode
from app.engine.scheduler import Chunk, Job
from app.engine.step_cost import StepCost

DRAFT_ROWS = 32
"""Most guessed tokens in one batch, of all replies together: each takes a row of logits (0.6 MB at R1's
vocabulary). On a graphics card a step costs about the same up to here."""


@dataclass(slots=True)
class _Guesser:
    lookup: PromptLookup
    length: DraftLength
    last_position: int


class Speculations:
    """The guesses of all replies of one model; lives on the engine's thread.

    Nothing here changes what is said: the runner draws each token from the model's own distribution as
    without guesses, and a guess only decides whether the next one can be drawn from the same batch.
    """

    def __init__(self, context_tokens: int) -> None:
        self._context_tokens = context_tokens
        self._cost = StepCost()
        self._guessers: dict[int, _Guesser] = {}

    def begin(self, job: Job, mode: SpeculationMode, max_tokens: int) -> None:
        """Guess for this reply from now on; `max_tokens` 0 is as many as fit."""
        if mode == "off":
            return
        last = job.prompt_length + max_tokens if max_tokens else self._context_tokens
        self._guessers[job.request_id] = _Guesser(
            PromptLookup(), DraftLength(self._cost), min(last, self._context_tokens)
        )

    def guess(self, replies: Sequence[Job]) -> None:
        """Set each reply's `draft` for the next step."""
        batch_tokens = sum(len(job.tokens) - job.evaluated for job in replies)
        for job in replies:
            guesser = self._guessers.get(job.request_id)
            if guesser is None:
                continue
            # The token that is drawn after the last guess has to fit as well.
            most = min(DRAFT_ROWS, guesser.last_position - len(job.tokens) - 1)
            guess = guesser.length.trim(guesser.lookup.guess(job.tokens, most), batch_tokens)
            job.draft = list(guess.tokens)
            batch_tokens += len(job.draft)

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
