"""A grammar that a reply must follow."""

import numpy as np
import numpy.typing as npt

from app.engine.grammar.gbnf import Rules
from app.engine.grammar.grammar_state import GrammarState
from app.engine.grammar.token_bytes import Ids, TokenBytes

FIRST_TRY = 1024
"""So many of the likeliest tokens are tested before the whole vocabulary, which takes 20 times as long."""


class Grammar:
    """The state of one reply in its grammar. One thread."""

    def __init__(self, rules: Rules, tokens: TokenBytes) -> None:
        """Start at the beginning of a text. Raises `GrammarError`."""
        self._state = GrammarState(rules)
        self._tokens = tokens

    def allows(self, token: int) -> bool:
        """Tell whether `token` may come next. Raises `GrammarError` where that takes too much."""
        if self._tokens.is_end(token):
            return self._state.may_end
        piece = self._tokens.piece(token)
        return bool(piece) and self._state.after_bytes(piece) >= 0

    def allowed(self, logits: npt.NDArray[np.float32], gap: float) -> Ids:
        """Return the tokens that may come next; those that lie more than `gap` below the best of them may be
        missing. Raises `GrammarError` where that takes too much."""
        if len(logits) > FIRST_TRY:
            first = np.argpartition(logits, -FIRST_TRY)[-FIRST_TRY:]
            fitting = self._tokens.fitting(first, self._state)
            if len(fitting) and logits[fitting].max() - gap >= logits[first].min():
                return fitting
        return self._tokens.fitting(self._tokens.all_ids[: len(logits)], self._state)

    def accept(self, token: int) -> None:
        """Advance by `token`, which the grammar allows."""
        if not self._tokens.is_end(token):
            self._state.settle(self._state.after_bytes(self._tokens.piece(token)))

    def follow(self, text: bytes) -> bool:
        """Advance by text that stands already; False where that is not allowed. Raises `GrammarError` where
        it takes too much."""
        state = self._state.after_bytes(text)
        if state < 0:
            return False
        self._state.settle(state)
        return True
