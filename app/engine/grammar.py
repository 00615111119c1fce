"""A grammar that a reply must follow."""

import functools

import numpy as np
import numpy.typing as npt

from app.engine.gbnf import GrammarError, Rules, read_grammar
from app.engine.grammar_state import GrammarState
from app.engine.json_schema import schema_grammar, unusable_schema
from app.engine.token_bytes import Ids, TokenBytes
from app.errors import RequestError

FIRST_TRY = 1024
"""So many of the likeliest tokens are tested before the whole vocabulary, which takes 20 times as long."""

GRAMMARS_KEPT = 16


class Grammar:
    """The state of one reply in its grammar. One thread."""

    def __init__(self, rules: Rules, tokens: TokenBytes) -> None:
        """Raises `GrammarError`."""
        self._state = GrammarState(rules)
        self._tokens = tokens

    def allows(self, token: int) -> bool:
        """`token` may come next. Raises `GrammarError` where that takes too much."""
        if self._tokens.is_end(token):
            return self._state.may_end
        piece = self._tokens.piece(token)
        return bool(piece) and self._state.after_bytes(piece) >= 0

    def allowed(self, logits: npt.NDArray[np.float32], gap: float) -> Ids:
        """The tokens that may come next; those that lie more than `gap` below the best of them may be
        missing. Raises `GrammarError` where that takes too much."""
        if len(logits) > FIRST_TRY:
            first = np.argpartition(logits, -FIRST_TRY)[-FIRST_TRY:]
            fitting = self._tokens.fitting(first, self._state)
            if len(fitting) and logits[fitting].max() - gap >= logits[first].min():
                return fitting
        return self._tokens.fitting(self._tokens.all_ids[: len(logits)], self._state)

    def accept(self, token: int) -> None:
        """`token`, which the grammar allows, has come."""
        if not self._tokens.is_end(token):
            self._state.settle(self._state.after_bytes(self._tokens.piece(token)))


@functools.lru_cache(GRAMMARS_KEPT)
def rules_of(grammar: str, json_schema: str) -> Rules:
    """The rules that a reply is bound to: of a grammar's text, or of a JSON schema's. Any thread; takes up to
    a second for the largest texts. Raises `RequestError`."""
    text = schema_grammar(json_schema) if json_schema else grammar
    try:
        rules = read_grammar(text)
        GrammarState(rules)
    except GrammarError as error:
        if json_schema:
            raise unusable_schema(str(error)) from None
        raise RequestError(
            "The grammar could not be read: {reason}.",
            'It must be in llama.cpp\'s GBNF form and have the rule "root".',
            reason=str(error),
        ) from None
    return rules
