"""Speculative decoding: guesses at the next tokens, checked by the model in one batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.engine.batching.scheduler import Chunk, Job
from app.engine.batching.step_cost import StepCost
from app.engine.planning.load_plan import DRAFT_ROWS
from app.engine.protocol import SpeculationMode
from app.engine.speculation.batch_invariance import RowProofs, Trial
from app.engine.speculation.draft_length import DraftLength
from app.engine.speculation.lookup import PromptLookup
from app.engine.speculation.token_guess import NO_GUESS, OF_A_MODEL, Guess

SURE_LOOKUP = 8
"""So many tokens must agree for a guess from the text to go before one of the draft model."""

PROBE_STEPS = 64
"""A draft model that did not pay is tried again after so many steps, and with each reply: texts change."""


class Drafter(Protocol):
    """A small model that guesses; `draft.DraftModel`."""

    token_s: float

    def guess(self, wanted: Sequence[tuple[Job, int]]) -> dict[int, Guess]:
        """Guess by request, each time as many tokens at most as are wanted."""


@dataclass(slots=True)
class _Guesser:
    lookup: PromptLookup
    length: DraftLength
    drafts: bool
    exact: bool
    last_position: int
    idle_steps: int = PROBE_STEPS - 1
    on_trial: bool = False
    """The guess of this step is not used: its rows are compared with those that the next steps give."""
    trial: Trial | None = None


class Speculations:
    """The guesses of all replies of one model; lives on the engine's thread.

    Nothing here changes what is said: the runner draws each token from the model's own distribution as
    without guesses, and a guess only decides whether the next one can be drawn from the same batch.

    In a batch llama.cpp may compute other last bits than alone. That is as good a draw, but of two tokens
    that are almost equally likely the other may win. Where the same text is wanted again, only as many are
    guessed as were seen to give the same rows (`RowProofs`), and only in batches of the reply's own.
    """

    def __init__(
        self, context_tokens: int, batch_tokens: int, proofs: RowProofs, draft: Drafter | None = None
    ) -> None:
        self._context_tokens = context_tokens
        self._batch_tokens = batch_tokens
        self._proofs = proofs
        self._draft = draft
        self._cost = StepCost()
        self._guessers: dict[int, _Guesser] = {}

    @property
    def any(self) -> bool:
        """Tell whether there is a reply to guess for."""
        return bool(self._guessers)

    def begin(self, job: Job, mode: SpeculationMode, max_tokens: int, *, exact: bool) -> None:
        """Guess for this reply from now on; `max_tokens` 0 is as many as fit. An `exact` one has to become
        what it is without guesses, to the last bit."""
        if mode == "off":
            return
        last = job.prompt_length + max_tokens if max_tokens else self._context_tokens
        self._guessers[job.request_id] = _Guesser(
            PromptLookup(),
            DraftLength(self._cost),
            mode == "draft" and self._draft is not None,
            exact,
            min(last, self._context_tokens),
        )

    def guess(self, replies: Sequence[Job], *, alone: bool) -> None:
        """Set each reply's `draft` for the next step; `alone` says that nothing else is evaluated in it."""
        batch_tokens = sum(len(job.tokens) - job.evaluated for job in replies)
        drafting: list[tuple[Job, int]] = []
        others = len(replies) - 1
        for job in replies:
            guesser = self._guessers.get(job.request_id)
            if guesser is None:
                continue
            job.draft = []
            if guesser.exact and (guesser.trial is not None or job.pending > 1 or not alone):
                continue
            # The token that is drawn after the last guess has to fit as well.
            room = guesser.last_position - len(job.tokens) - 1
            most = min(DRAFT_ROWS, self._batch_tokens - batch_tokens, room)
            found = guesser.lookup.guess(job.tokens, most)
            if guesser.drafts and found.agreed < SURE_LOOKUP:
                count = self._usable(guesser, job, self._draft_length(guesser, most, batch_tokens, others))
                drafting.append((job, count))
                continue
            guesser.length.note(found)
            count = self._usable(guesser, job, guesser.length.best(found.kinds, batch_tokens, others=others))
            job.draft = list(found.tokens[:count])
            batch_tokens += count
        if self._draft is not None and drafting:
            guesses = self._draft.guess(drafting)
            for job, _ in drafting:
                guess = guesses.get(job.request_id, NO_GUESS)
                guesser = self._guessers[job.request_id]
                guesser.length.note(guess)
                # Where the small model became unsure, there are fewer than were wanted.
                job.draft = list(guess.tokens[: self._usable(guesser, job, len(guess.tokens))])

    def goes_on_without(self, job: Job) -> bool:
        """Tell whether the next token of the only reply is evaluated alone, after `guess`, and nothing is
        compared with it."""
        guesser = self._guessers.get(job.request_id)
        return guesser is None or not (job.draft or guesser.drafts or guesser.trial is not None)

    def looks_up(self, job: Job) -> bool:
        """Tell whether `guess` wants to be asked as soon as two tokens come again one behind the other."""
        return job.request_id in self._guessers

    def went_on(self, job: Job, new_tokens: Sequence[int], step_s: float) -> None:
        """Learn of tokens that were drawn one by one, without a guess, each in a step of `step_s`."""
        for _ in new_tokens:
            self._cost.observe(1, step_s)
        self.learn(job, 0, new_tokens)

    def _usable(self, guesser: _Guesser, job: Job, wanted: int) -> int:
        if guesser.exact:
            wanted, guesser.on_trial = self._proofs.choose(job.variant, len(job.tokens), wanted)
        return wanted

    def _draft_length(self, guesser: _Guesser, most: int, batch_tokens: int, others: int) -> int:
        assert self._draft is not None
        count = guesser.length.best((OF_A_MODEL,) * most, batch_tokens, self._draft.token_s, others)
        guesser.idle_steps = 0 if count else guesser.idle_steps + 1
        if guesser.idle_steps == PROBE_STEPS:
            guesser.idle_steps = 0
            return min(most, 2)
        return count

    def note_step(self, chunks: Sequence[Chunk], seconds: float) -> None:
        """Note how long a step took; steps with prompts are left out, as nothing is guessed there."""
        if self._guessers and not any(chunk.job.in_prompt or chunk.start == 0 for chunk in chunks):
            tokens = sum(chunk.end - chunk.start + len(chunk.draft) for chunk in chunks)
            self._cost.observe(tokens, seconds)

    def is_on_trial(self, job: Job) -> bool:
        """Tell whether the rows of this step are not to be drawn from; hand them to `try_rows` then."""
        guesser = self._guessers.get(job.request_id)
        return guesser is not None and guesser.on_trial and bool(job.draft)

    def try_rows(self, job: Job, rows: Sequence[bytes]) -> None:
        """Begin a trial with the digests of the rows of the job's last token and of its draft, which come
        again one by one."""
        guesser = self._guessers[job.request_id]
        guesser.trial = self._proofs.begin(job.variant, len(job.tokens), job.draft, rows)

    def trial(self, job: Job) -> Trial | None:
        """Return the trial that the job's next row, evaluated alone, is to be compared with."""
        guesser = self._guessers.get(job.request_id)
        return guesser.trial if guesser is not None else None

    def end_trial(self, job: Job) -> None:
        """End the job's trial: there is nothing more to compare."""
        self._guessers[job.request_id].trial = None

    def learn(self, job: Job, drafted: int, new_tokens: Sequence[int]) -> None:
        """Learn that `new_tokens` were drawn after `drafted` guesses in the batch."""
        guesser = self._guessers.get(job.request_id)
        if guesser is None:
            return
        guesser.length.learn(drafted, new_tokens)
        if guesser.exact and drafted and list(new_tokens[:drafted]) == job.draft[:drafted]:
            self._proofs.was_right(job.variant, len(job.tokens) - len(new_tokens), drafted)

    def end(self, job: Job) -> tuple[int, int]:
        """Forget a reply; how many tokens were guessed for it, and how many of them were right."""
        guesser = self._guessers.pop(job.request_id, None)
        return (guesser.length.drafted, guesser.length.accepted) if guesser is not None else (0, 0)
