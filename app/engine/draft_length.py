"""How many tokens to guess at: as many as pay, by what guesses and steps have been worth so far. Pure."""

from collections.abc import Sequence

from app.engine.guess import NO_GUESS, Guess
from app.engine.prefix import common_prefix_length
from app.engine.step_cost import StepCost

_CONFIDENCE_CLASSES = (3, 4, 8, 16, 32)
_PRIOR_SHARES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.97)
_PRIOR_WEIGHT = 4.0
_MEMORY = 64.0
_SUREST = 0.995


class DraftLength:
    """The guesses of one reply: how often they are right, by confidence, and how many of them pay."""

    def __init__(self, cost: StepCost) -> None:
        self._cost = cost
        self._right = [share * _PRIOR_WEIGHT for share in _PRIOR_SHARES]
        self._all = [_PRIOR_WEIGHT] * len(_PRIOR_SHARES)
        self._guess = NO_GUESS
        self.drafted = 0
        self.accepted = 0

    def best(self, confidence: int, most: int, batch_tokens: int, guess_s: float = 0.0) -> int:
        """How many tokens to guess, at most `most` and possibly none; the batch has `batch_tokens` without.

        Of a guess whose tokens are each right with chance p, k give (1 - p ** (k + 1)) / (1 - p) tokens a
        step; k is taken where that is largest against the step's cost. `guess_s` is what a guessed token
        costs before it is checked.
        """
        kind = _class_of(confidence)
        chance = min(self._right[kind] / self._all[kind], _SUREST)
        alone_s = self._cost.seconds(batch_tokens)
        best, best_gain, expected, reached = 0, 1.0, 1.0, 1.0
        for count in range(1, most + 1):
            reached *= chance
            expected += reached
            cost_s = self._cost.seconds(batch_tokens + count) + count * guess_s
            gain = expected * alone_s / cost_s
            if gain > best_gain:
                best, best_gain = count, gain
        return best

    def note(self, guess: Guess) -> None:
        """This is guessed, whether all of it is checked or not."""
        self._guess = guess

    def learn(self, drafted: int, new_tokens: Sequence[int]) -> None:
        """The step's `new_tokens` have come, after the guess's first `drafted` tokens were in its batch.

        What was guessed and not tried counts as well, so that guesses which did not pay get another chance.
        """
        guess, self._guess = self._guess, NO_GUESS
        right = common_prefix_length(guess.tokens, tuple(new_tokens))
        tried = min(right + 1, len(guess.tokens), len(new_tokens))
        kind = _class_of(guess.confidence)
        self.drafted += drafted
        self.accepted += min(right, drafted)
        self._right[kind] += min(right, tried)
        self._all[kind] += tried
        if self._all[kind] > _MEMORY:
            keep = _MEMORY / self._all[kind]
            self._right[kind] *= keep
            self._all[kind] *= keep


def _class_of(confidence: int) -> int:
    return sum(confidence >= least for least in _CONFIDENCE_CLASSES)
