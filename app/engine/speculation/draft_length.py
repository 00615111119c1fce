"""Choose how many tokens to guess: as many as pay, by how guesses and steps have gone so far. Pure.

No guess is longer than `DRAFT_ROWS` of `app/engine/planning/load_plan.py`, for which room is kept.
"""

from collections.abc import Sequence

from app.engine.batching.prefix import common_prefix_length
from app.engine.batching.step_cost import StepCost
from app.engine.speculation.token_guess import NO_GUESS, Guess

# As often as tokens were right in the edits of code of tests/perf, by the starter model: first a small
# model's, then by how many tokens agree, without and with a doubt (`lookup.PromptLookup`).
_PRIOR_SHARES = (
    0.5,
    *(0.70, 0.42),
    *(0.72, 0.48),
    *(0.86, 0.60),
    *(0.91, 0.65),
    *(0.93, 0.75),
    *(0.95, 0.78),
    *(0.95, 0.82),
    *(0.96, 0.90),
    *(0.99, 0.97),
)
_PRIOR_WEIGHT = 12.0
_MEMORY = 64.0
_SUREST = 0.995


class DraftLength:
    """The guesses of one reply: how often they are right, by kind, and how many of them pay."""

    def __init__(self, cost: StepCost) -> None:
        self._cost = cost
        self._right = [share * _PRIOR_WEIGHT for share in _PRIOR_SHARES]
        self._all = [_PRIOR_WEIGHT] * len(_PRIOR_SHARES)
        self._guess = NO_GUESS
        self.drafted = 0
        self.accepted = 0

    def best(self, kinds: Sequence[int], batch_tokens: int, guess_s: float = 0.0, others: int = 0) -> int:
        """Choose how many tokens of these kinds to guess, possibly none; `batch_tokens` are in the batch
        anyway.

        A step gives one token, one to each of the `others` that reply beside, and each guess that is right
        with all before it: where those are right with chances p, q, r, three give p + pq + pqr tokens more.
        As many are taken as make the sum largest against the step's cost, which all wait for. `guess_s` is
        what a guessed token costs before it is checked.
        """
        alone_s = self._cost.seconds(batch_tokens) / (1 + others)
        best, best_gain, expected, reached = 0, 1.0, 1.0 + others, 1.0
        for count, kind in enumerate(kinds, 1):
            reached *= min(self._right[kind] / self._all[kind], _SUREST)
            expected += reached
            cost_s = self._cost.seconds(batch_tokens + count) + count * guess_s
            gain = expected * alone_s / cost_s
            if gain > best_gain:
                best, best_gain = count, gain
        return best

    def note(self, guess: Guess) -> None:
        """Note a guess, whether all of it is checked or not."""
        self._guess = guess

    def learn(self, drafted: int, new_tokens: Sequence[int]) -> None:
        """Learn from the step's `new_tokens`, with the guess's first `drafted` tokens in its batch.

        What was guessed and not tried counts as well, so that guesses which did not pay get another chance.
        """
        guess, self._guess = self._guess, NO_GUESS
        right = common_prefix_length(guess.tokens, tuple(new_tokens))
        tried = min(right + 1, len(guess.tokens), len(new_tokens))
        self.drafted += drafted
        self.accepted += min(right, drafted)
        for index, kind in enumerate(guess.kinds[:tried]):
            self._right[kind] += index < right
            self._all[kind] += 1
            if self._all[kind] > _MEMORY:
                keep = _MEMORY / self._all[kind]
                self._right[kind] *= keep
                self._all[kind] *= keep
